import Foundation

/// Memory shared by the copies of a tensor; never changed while shared.
final class TensorStorage: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer
  private let owner: AnyObject?

  init(byteCount: Int) {
    bytes = .allocate(byteCount: Swift.max(byteCount, 1), alignment: 64)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
    owner = nil
  }

  init(borrowing bytes: UnsafeMutableRawBufferPointer, owner: AnyObject) {
    self.bytes = bytes
    self.owner = owner
  }

  var isBorrowed: Bool { owner != nil }

  deinit { if owner == nil { bytes.deallocate() } }
}

/// A dense row-major array with value semantics, aligned to 64 bytes unless borrowed.
public struct Tensor: Sendable, Equatable {
  /// Type of the elements.
  public let element: ElementType
  /// Extents.
  public let shape: Shape
  private var storage: TensorStorage

  /// A tensor of zeros.
  public init(zeros element: ElementType, _ shape: Shape) {
    self.element = element
    self.shape = shape
    storage = TensorStorage(byteCount: shape.count * element.byteCount)
  }

  /// A tensor with the given values; as many as the shape has elements.
  public init<T: TensorElement>(_ values: [T], _ shape: Shape) {
    precondition(values.count == shape.count, "\(values.count) values for shape \(shape)")
    self.init(zeros: T.elementType, shape)
    values.withUnsafeBytes { storage.bytes.copyMemory(from: $0) }
  }

  /// A float scalar.
  public init(scalar value: Float) { self.init([value], []) }

  /// A tensor whose bytes are copied from `bytes`, little-endian; `nil` where the length is wrong.
  public init?(_ element: ElementType, _ shape: Shape, copying bytes: UnsafeRawBufferPointer) {
    let (size, overflow) = shape.count.multipliedReportingOverflow(by: element.byteCount)
    guard !overflow, bytes.count == size else { return nil }
    self.init(zeros: element, shape)
    storage.bytes.copyMemory(from: bytes)
  }

  /// A tensor over memory that `owner` keeps alive and nobody changes (a mapped file).
  public init?(
    _ element: ElementType, _ shape: Shape, borrowing bytes: UnsafeRawBufferPointer,
    owner: AnyObject
  ) {
    let (size, overflow) = shape.count.multipliedReportingOverflow(by: element.byteCount)
    guard !overflow, bytes.count == size else { return nil }
    self.element = element
    self.shape = shape
    storage = TensorStorage(
      borrowing: UnsafeMutableRawBufferPointer(mutating: bytes), owner: owner)
  }

  /// Number of elements.
  public var count: Int { shape.count }
  /// Bytes of the elements.
  public var byteCount: Int { count * element.byteCount }
  /// Element type and shape.
  public var type: TensorType { TensorType(element, shape) }

  /// The same elements in another shape of as many elements.
  public func reshaped(_ shape: Shape) -> Tensor {
    precondition(shape.count == count)
    return Tensor(element: element, shape: shape, storage: storage)
  }

  private init(element: ElementType, shape: Shape, storage: TensorStorage) {
    self.element = element
    self.shape = shape
    self.storage = storage
  }

  /// Reads the raw bytes.
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try withExtendedLifetime(storage) {
      try body(UnsafeRawBufferPointer(rebasing: storage.bytes[0..<byteCount]))
    }
  }

  /// Changes the raw bytes; copies them first where they are shared.
  public mutating func withUnsafeMutableBytes<R>(
    _ body: (UnsafeMutableRawBufferPointer) throws -> R
  ) rethrows -> R {
    if !isKnownUniquelyReferenced(&storage) || storage.isBorrowed {
      let copy = TensorStorage(byteCount: byteCount)
      copy.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage.bytes[0..<byteCount]))
      storage = copy
    }
    return try withExtendedLifetime(storage) {
      try body(UnsafeMutableRawBufferPointer(rebasing: storage.bytes[0..<byteCount]))
    }
  }

  /// Reads the elements.
  ///
  /// - Precondition: `T` is the type's element.
  public func withElements<T: TensorElement, R>(
    _ type: T.Type = T.self, _ body: (UnsafeBufferPointer<T>) throws -> R
  ) rethrows -> R {
    precondition(T.elementType == element, "\(element) read as \(T.elementType)")
    return try withUnsafeBytes { try body($0.bindMemory(to: T.self)) }
  }

  /// Changes the elements in place.
  ///
  /// - Precondition: `T` is the type's element.
  public mutating func withMutableElements<T: TensorElement, R>(
    _ type: T.Type = T.self, _ body: (UnsafeMutableBufferPointer<T>) throws -> R
  ) rethrows -> R {
    precondition(T.elementType == element, "\(element) read as \(T.elementType)")
    return try withUnsafeMutableBytes { try body($0.bindMemory(to: T.self)) }
  }

  /// The elements as an array.
  public func elements<T: TensorElement>(_ type: T.Type = T.self) -> [T] {
    withElements(type) { Array($0) }
  }

  /// The elements converted to `Float`.
  public var floats: [Float] { converted(to: .float32).elements(Float.self) }

  /// The elements converted to `Int` (floats truncated toward zero, saturated; NaN is 0).
  public var integers: [Int] { converted(to: .int64).elements(Int64.self).map(Int.init) }

  /// Equal type and bytes (so a NaN equals itself).
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.element == b.element, a.shape == b.shape else { return false }
    if a.storage === b.storage { return true }
    return a.withUnsafeBytes { x in
      b.withUnsafeBytes { y in
        x.elementsEqual(y)
      }
    }
  }
}
