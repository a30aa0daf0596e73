import UQNumerics
import UQSupport

/// Reads the tokens of the `.uqir` text form.
struct GraphScanner {
  private let bytes: [UInt8]
  private let file: String?
  /// Where the next token starts.
  private(set) var position = 0

  init(_ text: String, file: String?) {
    bytes = Array(text.utf8)
    self.file = file
  }

  /// The line and column of a byte.
  func place(_ offset: Int) -> SourcePlace {
    let before = bytes[..<min(offset, bytes.count)]
    let line = before.count { $0 == UInt8(ascii: "\n") } + 1
    let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    let column = String(decoding: before[start...], as: UTF8.self).count + 1
    return SourcePlace(file: file, line: line, column: column)
  }

  func problem(_ id: String, _ message: String, at offset: Int? = nil) -> Diagnostic {
    Diagnostic(id: id, message, at: place(offset ?? position))
  }

  /// Skips spaces and comments.
  mutating func skipSpace() {
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: " ") || (9...13).contains(byte) {
        position += 1
      } else if byte == UInt8(ascii: "/"), position + 1 < bytes.count,
        bytes[position + 1] == UInt8(ascii: "/")
      {
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
      } else {
        return
      }
    }
  }

  var isAtEnd: Bool { position >= bytes.count }

  /// Takes a character if it comes next.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  /// Takes a character that must come next.
  mutating func expect(_ character: Unicode.Scalar) throws(Diagnostic) {
    if !take(character) { throw problem("uqir.text.syntax", "expected '\(character)', \(found)") }
  }

  /// Whether a character comes next.
  mutating func sees(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    return position < bytes.count && bytes[position] == UInt8(ascii: character)
  }

  /// What comes next, for messages.
  var found: String {
    guard position < bytes.count else { return "the text ends" }
    let end = bytes[position...].prefix(12).prefix { $0 > 32 }
    return end.isEmpty ? "found a space" : "found '\(String(decoding: end, as: UTF8.self))'"
  }

  /// A word of letters, digits and `_./-`.
  mutating func word(_ what: String) throws(Diagnostic) -> String {
    skipSpace()
    let start = position
    while position < bytes.count, isNameByte(bytes[position]) { position += 1 }
    guard position > start else { throw problem("uqir.text.syntax", "expected \(what), \(found)") }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// A number, `inf`, `nan`, `true` or `false`.
  mutating func number() throws(Diagnostic) -> String {
    skipSpace()
    let start = position
    while position < bytes.count,
      isNameByte(bytes[position]) || bytes[position] == UInt8(ascii: "+")
    {
      position += 1
    }
    guard position > start else { throw problem("uqir.text.syntax", "expected a number, \(found)") }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// Base64 digits.
  mutating func base64() -> String {
    skipSpace()
    let start = position
    while position < bytes.count, bytes[position] != UInt8(ascii: ")") { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// A string in double quotes.
  mutating func string() throws(Diagnostic) -> String {
    try expect("\"")
    let start = position
    var result: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: result, as: UTF8.self)
      case UInt8(ascii: "\\"): result += try escape()
      case UInt8(ascii: "\n"):
        throw problem("uqir.string.malformed", "a string ends with its line", at: start)
      default: result.append(byte)
      }
    }
    throw problem("uqir.string.malformed", "a string has no end", at: start)
  }

  private mutating func escape() throws(Diagnostic) -> [UInt8] {
    let start = position
    guard position < bytes.count else {
      throw problem("uqir.string.malformed", "an escape has no end")
    }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "n"): return [10]
    case UInt8(ascii: "t"): return [9]
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): return [byte]
    case UInt8(ascii: "u"):
      try expect("{")
      let digits = try word("a code point")
      try expect("}")
      guard let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else {
        throw problem("uqir.string.malformed", "'\(digits)' is no code point", at: start)
      }
      return Array(String(scalar).utf8)
    default: throw problem("uqir.string.malformed", "unknown escape", at: start)
    }
  }

  /// The text of a JSON object.
  mutating func object() throws(Diagnostic) -> (text: String, start: Int) {
    skipSpace()
    let start = position
    guard sees("{") else { throw problem("uqir.text.syntax", "expected '{', \(found)") }
    var depth = 0
    var isString = false
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if isString {
        if byte == UInt8(ascii: "\\") {
          position += 1
        } else if byte == UInt8(ascii: "\"") {
          isString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        guard depth <= 32 else {
          throw problem("uqir.attributes.malformed", "attributes nest too deep")
        }
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 0 {
          return (String(decoding: bytes[start..<position], as: UTF8.self), start)
        }
      default: break
      }
    }
    throw problem("uqir.attributes.malformed", "attributes have no end", at: start)
  }
}
