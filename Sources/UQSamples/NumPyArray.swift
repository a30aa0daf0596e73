import UQNumerics
import UQSupport

/// The array of a `.npy` file, not yet turned into tensors.
///
/// Holds the file mapped or a member of an archive; a tensor of it is made on demand and copies
/// only where the bytes cannot be used as they are (byte order, axis order, alignment, `bool`).
public struct NumPyArray: @unchecked Sendable {
  /// Type of the elements.
  public let element: ElementType
  /// Extents, outermost first whatever the order in the file.
  public let shape: Shape
  private let isBigEndian: Bool
  private let isFortranOrder: Bool
  private let bytes: UnsafeRawBufferPointer
  private let owner: FileContent

  /// Reads a header and checks that the elements follow it, no more and no less.
  init(_ content: UnsafeRawBufferPointer, owner: FileContent, place: SourcePlace)
    throws(Diagnostic)
  {
    let header: NumPyHeader
    do { header = try NumPyHeader(content) } catch {
      throw Diagnostic(id: "samples.npy.\(error.problem)", error.message, at: place)
    }
    let found = content.count - header.dataOffset
    guard let expected = header.dataBytes, expected == found else {
      throw Diagnostic(
        id: "samples.npy.truncated",
        "\(header.element.name)\(header.shape) needs "
          + "\(header.dataBytes.map(String.init) ?? "too many") bytes, the file has \(found)",
        at: place)
    }
    element = header.element
    shape = header.shape
    isBigEndian = header.isBigEndian
    isFortranOrder = header.isFortranOrder
    bytes = UnsafeRawBufferPointer(rebasing: content[header.dataOffset...])
    self.owner = owner
  }

  /// The whole array.
  public var tensor: Tensor { part(first: 0, count: shape.count, shape) }

  /// Number of samples along the first axis; 0 for a scalar.
  public var sampleCount: Int { shape.rank == 0 ? 0 : shape[0] }

  /// The elements at `index` of the first axis, with the shape of the rest.
  ///
  /// - Precondition: `0 <= index < sampleCount`.
  public func sample(at index: Int) -> Tensor {
    precondition(shape.rank > 0 && index >= 0 && index < shape[0])
    let rest = Shape(Array(shape.dimensions.dropFirst()))
    return part(first: index * rest.count, count: rest.count, rest)
  }

  /// `count` elements from the row-major place `first` on.
  private func part(first: Int, count: Int, _ target: Shape) -> Tensor {
    let width = element.byteCount
    if !isFortranOrder || shape.rank < 2 {
      let piece = UnsafeRawBufferPointer(
        rebasing: bytes[(first * width)..<((first + count) * width)])
      let address = UInt(bitPattern: piece.baseAddress)
      // A bool that is neither 0 nor 1 must never be read as one.
      if !isBigEndian, element != .bool, address % UInt(width) == 0,
        let tensor = Tensor(element, target, borrowing: piece, owner: owner)
      {
        return tensor
      }
    }
    var tensor = Tensor(zeros: element, target)
    guard count > 0 else { return tensor }
    tensor.withUnsafeMutableBytes { to in
      switch width {
      case 1: gather(UInt8.self, first: first, count: count, to: to)
      case 2: gather(UInt16.self, first: first, count: count, to: to)
      case 4: gather(UInt32.self, first: first, count: count, to: to)
      default: gather(UInt64.self, first: first, count: count, to: to)
      }
      if element == .bool { for i in 0..<count where to[i] != 0 { to[i] = 1 } }
    }
    return tensor
  }

  private func gather<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ type: Bits.Type, first: Int, count: Int, to raw: UnsafeMutableRawBufferPointer
  ) {
    let to = raw.bindMemory(to: Bits.self)
    let width = MemoryLayout<Bits>.size
    func value(_ position: Int) -> Bits {
      let bits = bytes.loadUnaligned(fromByteOffset: position * width, as: Bits.self)
      return isBigEndian ? Bits(bigEndian: bits) : Bits(littleEndian: bits)
    }
    guard isFortranOrder, shape.rank > 1 else {
      for i in 0..<count { to[i] = value(first + i) }
      return
    }
    // Counts like an odometer: `position` follows the row-major index through the file's strides.
    var strides = [Int](repeating: 1, count: shape.rank)
    for axis in 1..<shape.rank { strides[axis] = strides[axis - 1] * shape[axis - 1] }
    var index = [Int](repeating: 0, count: shape.rank)
    var rest = first
    for (axis, stride) in shape.strides.enumerated() {
      (index[axis], rest) = (rest / stride, rest % stride)
    }
    var position = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
    for i in 0..<count {
      to[i] = value(position)
      var axis = shape.rank - 1
      while axis >= 0 {
        index[axis] += 1
        position += strides[axis]
        if index[axis] < shape[axis] { break }
        position -= index[axis] * strides[axis]
        index[axis] = 0
        axis -= 1
      }
    }
  }
}
