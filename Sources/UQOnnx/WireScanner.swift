import Foundation
import UQSupport

/// Walks over the wire format before anything is unpacked, and refuses what would cost more than
/// the file is worth.
///
/// The unpacker recurses over nested messages, allocates a structure for every message of two
/// bytes, and merges repeated occurrences of a singular message in quadratic time. The walk keeps
/// its own stack and bounds all three. It costs O(messages + fields); the contents of byte fields
/// are not touched.
struct WireScanner {
  /// Bounds of one file.
  struct Limits: Sendable {
    /// Messages within each other; protobuf's own default.
    var depth = 100
    /// Messages of the file; each becomes a structure of up to 300 bytes.
    var messages = 1 << 20
    /// Fields of the file; each takes 40 bytes while its message is unpacked.
    var fields = 1 << 25

    /// A bound for any file.
    static let standard = Limits()
  }

  private struct Frame {
    var message: Int
    var end: Int
    var seen: UInt64
  }

  private let bytes: UnsafeRawBufferPointer
  private let schema: WireSchema
  private let limits: Limits
  private let place: SourcePlace
  private var position = 0
  private var stack: [Frame]

  private init(
    _ bytes: UnsafeRawBufferPointer, schema: WireSchema, limits: Limits, place: SourcePlace
  ) {
    self.bytes = bytes
    self.schema = schema
    self.limits = limits
    self.place = place
    stack = [Frame(message: 0, end: bytes.count, seen: 0)]
  }

  /// Checks that `bytes` are one message of the schema's root.
  ///
  /// - Throws: `onnx.file.truncated`, `onnx.file.malformed`, `onnx.file.depth`,
  ///   `onnx.file.messages`.
  static func scan(
    _ bytes: UnsafeRawBufferPointer, schema: WireSchema, limits: Limits = .standard,
    at place: SourcePlace
  ) throws(Diagnostic) {
    var scanner = WireScanner(bytes, schema: schema, limits: limits, place: place)
    try scanner.run()
  }

  private mutating func run() throws(Diagnostic) {
    var messages = 1
    var fields = 0
    while let frame = stack.last {
      if position == frame.end {
        stack.removeLast()
        continue
      }
      fields += 1
      guard fields <= limits.fields else {
        throw problem("messages", "has more than \(limits.fields) fields")
      }
      let start = position
      let tag = try varint(atMost: 5)
      let number = Int(truncatingIfNeeded: tag >> 3)
      guard number > 0, tag <= UInt64(UInt32.max) else {
        throw malformed("has an unsound field tag", at: start)
      }
      let known = schema.messages[frame.message].fields
      let field = number < known.count ? known[number] : nil
      switch tag & 7 {
      case 0:
        if let field { try expect(field, .varint, at: start) }
        _ = try varint(atMost: 10)
      case 1:
        if let field { try expect(field, .fixed64, at: start) }
        try skip(8)
      case 5:
        if let field { try expect(field, .fixed32, at: start) }
        try skip(4)
      case 2:
        let length = try varint(atMost: 5)
        guard length <= UInt64(bytes.count - position) else {
          throw problem(
            "truncated", "ends within a field of \(length) bytes at byte \(start)\(context(field))")
        }
        guard length <= UInt64(frame.end - position) else {
          throw malformed("has a field longer than its message\(context(field))", at: start)
        }
        let end = position + Int(length)
        guard let field else {
          position = end
          continue
        }
        if case .message(let inner) = field.encoding {
          let bit = UInt64(1) << UInt64(number)
          guard field.isRepeated || frame.seen & bit == 0 else {
            throw malformed("gives '\(field.name)' twice", at: start)
          }
          stack[stack.count - 1].seen |= bit
          messages += 1
          guard messages <= limits.messages else {
            throw problem("messages", "has more than \(limits.messages) messages")
          }
          guard stack.count < limits.depth else {
            throw problem(
              "depth", "nests messages more than \(limits.depth) deep at byte \(start)")
          }
          stack.append(Frame(message: inner, end: end, seen: 0))
        } else {
          try checkContents(of: field, end: end, at: start)
          position = end
        }
      default:
        throw malformed("has a field of unknown encoding \(tag & 7)", at: start)
      }
    }
  }

  private func checkContents(of field: WireSchema.Field, end: Int, at start: Int)
    throws(Diagnostic)
  {
    let length = end - position
    switch field.encoding {
    case .string:
      if length > 0, let base = bytes.baseAddress, memchr(base + position, 0, length) != nil {
        throw malformed("has a zero byte in '\(field.name)'", at: start)
      }
    case .bytes, .message: break
    case .varint, .fixed32, .fixed64:
      let width: Int
      switch field.encoding {
      case .fixed32: width = 4
      case .fixed64: width = 8
      default: width = 1
      }
      guard field.isRepeated, length % width == 0 else {
        throw malformed("has an unsound list '\(field.name)'", at: start)
      }
      if width == 1, length > 0, bytes[end - 1] & 0x80 != 0 {
        throw malformed("has an unfinished number at the end of '\(field.name)'", at: start)
      }
    }
  }

  private func expect(
    _ field: WireSchema.Field, _ encoding: WireSchema.Encoding, at start: Int
  ) throws(Diagnostic) {
    switch (field.encoding, encoding) {
    case (.varint, .varint), (.fixed32, .fixed32), (.fixed64, .fixed64): return
    default: throw malformed("has '\(field.name)' in another encoding than ONNX's", at: start)
    }
  }

  private mutating func varint(atMost most: Int) throws(Diagnostic) -> UInt64 {
    let start = position
    let end = stack.last?.end ?? bytes.count
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position - start < most {
      guard position < end else {
        throw end == bytes.count
          ? problem("truncated", "ends within a number at byte \(start)")
          : malformed("has a message that ends within a number", at: start)
      }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    throw malformed("has a number of more than \(most) bytes", at: start)
  }

  private mutating func skip(_ count: Int) throws(Diagnostic) {
    let end = stack.last?.end ?? bytes.count
    guard count <= end - position else {
      throw end == bytes.count
        ? problem("truncated", "ends within a number at byte \(position)")
        : malformed("has a message that ends within a number", at: position)
    }
    position += count
  }

  private func context(_ field: WireSchema.Field?) -> String {
    guard let message = stack.last?.message else { return "" }
    let owner = schema.messages[message].name
    return " (\(owner)\(field.map { "." + $0.name } ?? ""))"
  }

  private func malformed(_ text: String, at start: Int) -> Diagnostic {
    let owner = stack.last.map { schema.messages[$0.message].name } ?? ""
    return problem(
      "malformed", "is not an ONNX model, or damaged: \(owner) \(text), at byte \(start)")
  }

  private func problem(_ suffix: String, _ text: String) -> Diagnostic {
    Diagnostic(id: "onnx.file.\(suffix)", text, at: place)
  }
}
