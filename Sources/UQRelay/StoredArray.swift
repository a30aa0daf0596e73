import UQNumerics
import UQSupport

/// An array in TVM's binary form, as `.params` files and metadata sections hold it.
///
/// Little-endian: u64 magic, u64 reserved, i32 device type and id, i32 rank, u8 type code, u8 bits,
/// u16 lanes, i64 extents, i64 byte count, elements in row-major order.
struct StoredArray {
  static let magic: UInt64 = 0xDD5E_40F0_96B4_A13F
  static let largestRank = 64

  /// Why an array cannot be read.
  struct Problem: Error {
    var message: String
    /// Whether the array is sound and only beyond what is supported.
    var isUnsupported = false
  }

  let tensor: Tensor
  /// Position behind the array.
  let end: Int

  /// Reads an array; its elements are borrowed where their alignment allows.
  ///
  /// - Parameter owner: what keeps `bytes` alive.
  init(_ bytes: UnsafeRawBufferPointer, at start: Int, owner: AnyObject) throws(Problem) {
    var reader = LittleEndianReader(bytes, at: start)
    guard let magic = reader.integer(UInt64.self), reader.integer(UInt64.self) != nil,
      let device = reader.integer(Int32.self), reader.integer(Int32.self) != nil,
      let rank = reader.integer(Int32.self), let code = reader.integer(UInt8.self),
      let bits = reader.integer(UInt8.self), let lanes = reader.integer(UInt16.self)
    else { throw Problem(message: "ends within the header of an array") }
    guard magic == Self.magic else { throw Problem(message: "has no array where one should be") }
    guard device == 1 else {
      throw Problem(message: "has an array of device type \(device), not 1 (CPU)")
    }
    guard (0...Self.largestRank).contains(Int(rank)) else {
      throw Problem(message: "has an array of rank \(rank)")
    }
    var extents: [Int] = []
    for _ in 0..<rank {
      guard let extent = reader.integer(Int64.self) else {
        throw Problem(message: "ends within the shape of an array")
      }
      extents.append(Int(extent))
    }
    guard let shape = Shape(checking: extents), let size = reader.integer(Int64.self) else {
      throw Problem(message: "has an array of unsound shape \(extents)")
    }
    guard lanes == 1, let element = Self.element(code: code, bits: bits) else {
      throw Problem(
        message: "has an array of type code \(code) with \(bits) bits and \(lanes) lanes, which is "
          + "not supported", isUnsupported: true)
    }
    let (wanted, overflow) = shape.count.multipliedReportingOverflow(by: element.byteCount)
    guard !overflow, Int(size) == wanted else {
      throw Problem(message: "has an array \(element.name)\(shape) of \(size) bytes")
    }
    guard let data = reader.bytes(wanted) else {
      throw Problem(message: "ends within the elements of an array")
    }
    end = reader.offset
    let address = data.baseAddress.map { Int(bitPattern: $0) } ?? 0
    let made: Tensor?
    if element == .bool {
      // A byte other than 0 and 1 is no Bool in Swift.
      made = Tensor(data.map { $0 != 0 }, shape)
    } else if wanted > 0, address % element.byteCount == 0 {
      made = Tensor(element, shape, borrowing: data, owner: owner)
    } else {
      made = Tensor(element, shape, copying: data)
    }
    guard let made else { throw Problem(message: "has an array of the wrong size") }
    tensor = made
  }

  private static func element(code: UInt8, bits: UInt8) -> ElementType? {
    switch (code, bits) {
    case (0, 8): .int8
    case (0, 16): .int16
    case (0, 32): .int32
    case (0, 64): .int64
    case (1, 1): .bool
    case (1, 8): .uint8
    case (1, 16): .uint16
    case (1, 32): .uint32
    case (1, 64): .uint64
    case (2, 16): .float16
    case (2, 32): .float32
    case (2, 64): .float64
    case (4, 16): .bfloat16
    default: nil
    }
  }
}

/// Reads numbers from bytes.
struct LittleEndianReader {
  private let memory: UnsafeRawBufferPointer
  private(set) var offset: Int

  init(_ memory: UnsafeRawBufferPointer, at offset: Int = 0) {
    self.memory = memory
    self.offset = offset
  }

  /// The next number; `nil` at the end.
  mutating func integer<T: FixedWidthInteger>(_ type: T.Type) -> T? {
    let size = MemoryLayout<T>.size
    guard offset >= 0, memory.count - offset >= size else { return nil }
    defer { offset += size }
    return T(littleEndian: memory.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// The next bytes; `nil` where there are not as many.
  mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count >= 0, memory.count - offset >= count else { return nil }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: memory[offset..<offset + count])
  }
}
