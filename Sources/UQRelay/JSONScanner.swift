import UQSupport

/// Reads JSON from a text piece by piece, without making a document of it.
struct JSONScanner {
  static let depthLimit = 64

  private let source: SourceText
  private var offset: Int
  private let end: Int

  init(_ source: SourceText, _ range: Range<Int>) {
    self.source = source
    offset = range.lowerBound
    end = range.upperBound
  }

  private var byte: UInt8 { offset < end ? source.bytes[offset] : 0 }

  private mutating func skipBlank() {
    while offset < end, source.bytes[offset].isBlank { offset += 1 }
  }

  private func expected(_ what: String) -> Diagnostic {
    let found = offset < end ? "'\(source.string(offset..<min(offset + 1, end)))'" : "the end"
    return source.problem(
      "relay.metadata.syntax", "expected \(what) in the metadata, found \(found)", at: offset)
  }

  private mutating func take(_ wanted: UInt8) -> Bool {
    skipBlank()
    guard offset < end, byte == wanted else { return false }
    offset += 1
    return true
  }

  /// The text of a range between quotes.
  func text(_ range: Range<Int>) -> String { source.string(range) }

  /// Reads a string; the range between its quotes, escapes as they are.
  mutating func string() throws(Diagnostic) -> Range<Int> {
    guard take(UInt8(ascii: "\"")) else { throw expected("a string") }
    let start = offset
    while offset < end, byte != UInt8(ascii: "\"") {
      offset += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    guard offset < end else { throw expected("'\"'") }
    offset += 1
    return start..<offset - 1
  }

  /// Reads a whole number.
  mutating func integer() throws(Diagnostic) -> Int {
    skipBlank()
    let start = offset
    if byte == UInt8(ascii: "-") { offset += 1 }
    while byte.isDigit { offset += 1 }
    guard let value = Int(source.string(start..<offset)) else {
      offset = start
      throw expected("a whole number")
    }
    return value
  }

  /// Reads an object, handing over each member's name with the scanner at its value.
  mutating func object(
    _ member: (String, inout JSONScanner) throws(Diagnostic) -> Void
  ) throws(Diagnostic) {
    guard take(UInt8(ascii: "{")) else { throw expected("'{'") }
    if take(UInt8(ascii: "}")) { return }
    repeat {
      let name = text(try string())
      guard take(UInt8(ascii: ":")) else { throw expected("':'") }
      try member(name, &self)
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else { throw expected("',' or '}'") }
  }

  /// Reads a list, handing over the scanner at each element.
  mutating func array(_ element: (inout JSONScanner) throws(Diagnostic) -> Void)
    throws(Diagnostic)
  {
    guard take(UInt8(ascii: "[")) else { throw expected("'['") }
    if take(UInt8(ascii: "]")) { return }
    repeat { try element(&self) } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw expected("',' or ']'") }
  }

  /// Reads any value and forgets it.
  mutating func skipValue() throws(Diagnostic) { try skipValue(depth: 0) }

  private mutating func skipValue(depth: Int) throws(Diagnostic) {
    guard depth < Self.depthLimit else { throw expected("less nesting") }
    skipBlank()
    switch byte {
    case UInt8(ascii: "{"):
      try object { _, scanner throws(Diagnostic) in try scanner.skipValue(depth: depth + 1) }
    case UInt8(ascii: "["):
      try array { scanner throws(Diagnostic) in try scanner.skipValue(depth: depth + 1) }
    case UInt8(ascii: "\""): _ = try string()
    default:
      let start = offset
      while byte.isNamePart || byte.isNumberPart { offset += 1 }
      guard offset > start else { throw expected("a value") }
    }
  }

  /// Checks that nothing follows.
  mutating func expectEnd() throws(Diagnostic) {
    skipBlank()
    guard offset >= end else { throw expected("the end") }
  }
}
