import UQNumerics

/// The header of a `.npy` file: what the bytes behind it are.
struct NumPyHeader: Equatable {
  var element: ElementType
  var isBigEndian: Bool
  var isFortranOrder: Bool
  var shape: Shape
  /// Where the elements start.
  var dataOffset: Int

  /// A reason why a file is refused: the last part of an id, and a message.
  struct Refusal: Error {
    var problem: String
    var message: String
  }

  /// Parses the start of `bytes`; reads nothing behind the header.
  init(_ bytes: UnsafeRawBufferPointer) throws(Refusal) {
    guard bytes.count >= 10, bytes.starts(with: [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]) else {
      throw Refusal(problem: "format", message: "not a .npy file (no \\x93NUMPY at its start)")
    }
    let version = bytes[6]
    guard (1...3).contains(version) else {
      throw Refusal(
        problem: "format", message: "format version \(version).\(bytes[7]); 1, 2 and 3 are read")
    }
    let start = version == 1 ? 10 : 12
    guard bytes.count >= start else {
      throw Refusal(problem: "truncated", message: "\(bytes.count) bytes, too few for a header")
    }
    var length = Int(bytes[8]) | Int(bytes[9]) << 8
    if version > 1 { length |= Int(bytes[10]) << 16 | Int(bytes[11]) << 24 }
    guard length <= 1 << 16, length <= bytes.count - start else {
      throw Refusal(
        problem: "truncated",
        message: "a header of \(length) bytes in a file of \(bytes.count) (limit 65536)")
    }
    var parser = LiteralParser(bytes: bytes[start..<(start + length)])
    let fields = try parser.dictionary()
    guard case .text(let descriptor)? = fields["descr"] else {
      throw Refusal(
        problem: "type", message: "no plain 'descr' in the header (records are not read)")
    }
    guard case .truth(let fortran)? = fields["fortran_order"] else {
      throw Refusal(problem: "format", message: "no 'fortran_order' in the header")
    }
    guard case .tuple(let extents)? = fields["shape"] else {
      throw Refusal(problem: "format", message: "no 'shape' in the header")
    }
    // Checked without the zeros: an extent of 0 must not hide that strides overflow.
    guard extents.count <= 32, let shape = Shape(checking: extents),
      Shape(checking: extents.map { max($0, 1) }) != nil
    else { throw Refusal(problem: "shape", message: "impossible shape \(extents)") }
    (element, isBigEndian) = try Self.element(of: descriptor)
    isFortranOrder = fortran
    self.shape = shape
    dataOffset = start + length
  }

  /// Bytes of the elements; `nil` where the number overflows.
  var dataBytes: Int? {
    let (size, overflow) = shape.count.multipliedReportingOverflow(by: element.byteCount)
    return overflow ? nil : size
  }

  private static func element(of descriptor: String) throws(Refusal) -> (ElementType, Bool) {
    let order = descriptor.first ?? " "
    let code = descriptor.dropFirst("<>|=".contains(order) ? 1 : 0)
    let element: ElementType? =
      switch code {
      case "f8": .float64
      case "f4": .float32
      case "f2": .float16
      // How NumPy stores the bfloat16 of ml_dtypes.
      case "V2", "bfloat16": .bfloat16
      case "i8": .int64
      case "i4": .int32
      case "i2": .int16
      case "i1": .int8
      case "u8": .uint64
      case "u4": .uint32
      case "u2": .uint16
      case "u1": .uint8
      case "b1", "?": .bool
      default: nil
      }
    guard let element else {
      throw Refusal(
        problem: "type",
        message: "elements of type '\(descriptor.prefix(40))'; floats, integers and bool are read")
    }
    return (element, order == ">" && element.byteCount > 1)
  }

  /// The type code that ``init(_:)`` reads back.
  static func descriptor(of element: ElementType) -> String {
    switch element {
    case .float64: "<f8"
    case .float32: "<f4"
    case .float16: "<f2"
    case .bfloat16: "<V2"
    case .int64: "<i8"
    case .int32: "<i4"
    case .int16: "<i2"
    case .int8: "|i1"
    case .uint64: "<u8"
    case .uint32: "<u4"
    case .uint16: "<u2"
    case .uint8: "|u1"
    case .bool: "|b1"
    }
  }
}

/// Reads the Python literal of a header: a dictionary of strings, truths and tuples of integers.
private struct LiteralParser {
  enum Value {
    case text(String)
    case truth(Bool)
    case tuple([Int])
    case other
  }

  private let bytes: [UInt8]
  private var position = 0

  init(bytes: Slice<UnsafeRawBufferPointer>) { self.bytes = Array(bytes) }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 32 || (9...13).contains(byte) { position += 1 }
  }

  private mutating func take(_ character: Character) -> Bool {
    skipSpace()
    guard next == character.asciiValue else { return false }
    position += 1
    return true
  }

  private func malformed() -> NumPyHeader.Refusal {
    NumPyHeader.Refusal(
      problem: "format", message: "the header is malformed at byte \(position) of its text")
  }

  mutating func dictionary() throws(NumPyHeader.Refusal) -> [String: Value] {
    guard take("{") else { throw malformed() }
    var result: [String: Value] = [:]
    while !take("}") {
      guard let key = string(), take(":"), result[key] == nil else { throw malformed() }
      result[key] = try value()
      if !take(",") {
        guard take("}") else { throw malformed() }
        break
      }
    }
    skipSpace()
    guard next == nil else { throw malformed() }
    return result
  }

  private mutating func value() throws(NumPyHeader.Refusal) -> Value {
    skipSpace()
    switch next {
    case UInt8(ascii: "'"), UInt8(ascii: "\""):
      guard let text = string() else { throw malformed() }
      return .text(text)
    case UInt8(ascii: "("):
      return .tuple(try tuple())
    case UInt8(ascii: "["):
      throw NumPyHeader.Refusal(
        problem: "type", message: "records (a structured 'descr') are not read")
    default:
      if word("True") { return .truth(true) }
      if word("False") { return .truth(false) }
      throw malformed()
    }
  }

  private mutating func word(_ text: String) -> Bool {
    guard bytes[position...].starts(with: text.utf8) else { return false }
    position += text.utf8.count
    return true
  }

  private mutating func string() -> String? {
    skipSpace()
    guard let quote = next, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      return nil
    }
    guard let end = bytes[(position + 1)...].firstIndex(of: quote) else { return nil }
    defer { position = end + 1 }
    let text = bytes[(position + 1)..<end]
    return text.contains(UInt8(ascii: "\\")) ? nil : String(validating: text, as: UTF8.self)
  }

  private mutating func tuple() throws(NumPyHeader.Refusal) -> [Int] {
    guard take("(") else { throw malformed() }
    var result: [Int] = []
    while !take(")") {
      skipSpace()
      let digits = bytes[position...].prefix { (48...57).contains($0) }
      guard let extent = Int(String(decoding: digits, as: UTF8.self)) else { throw malformed() }
      result.append(extent)
      position += digits.count
      // Python 2 wrote 3L.
      if next == UInt8(ascii: "L") { position += 1 }
      if !take(",") {
        guard take(")") else { throw malformed() }
        break
      }
    }
    return result
  }
}
