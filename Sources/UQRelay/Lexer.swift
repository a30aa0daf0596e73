import UQSupport

/// Splits a text into words, one at a time.
///
/// Comments are skipped whatever they hold. Names of locals may go on past what TVM reads (dots,
/// dashes, colons with digits), because TVM prints such names: where a parameter is declared
/// ``extendDeclaration(_:)`` takes the whole of it, and later uses are matched against the declared
/// names, longest first.
struct Lexer {
  let source: SourceText
  /// Where the next word is looked for.
  var offset = 0
  /// What was wrong with words.
  var problems: [Diagnostic] = []
  /// Declared names that hold characters beyond those of an identifier.
  var extendedNames: Set<String> = []
  /// Whether text ended inside a comment, and where that began.
  var openComment: Int?

  init(_ source: SourceText) { self.source = source }

  private func byte(_ index: Int) -> UInt8 {
    index < source.bytes.count ? source.bytes[index] : 0
  }

  private mutating func report(_ id: String, _ message: String, at offset: Int) {
    problems.append(source.problem(id, message, at: offset))
  }

  /// The next word.
  mutating func next() -> Token {
    skipBlank()
    let start = offset
    let first = byte(start)
    guard start < source.bytes.count else { return token(.end, start) }
    switch first {
    case UInt8(ascii: "\""): return string()
    case UInt8(ascii: "-"): return dashes()
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return number(from: start, sign: 1)
    case UInt8(ascii: "#"): return section()
    case UInt8(ascii: "%"): return local()
    case UInt8(ascii: "@"):
      offset += 1
      guard byte(offset).isNameStart else { return token(.punctuation(first), start) }
      skipName()
      return token(
        keyword(start + 1..<offset) == nil ? .global : .unknown(isReported: false), start)
    case UInt8(ascii: "/") where !byte(start + 1).isNamePart:
      offset += 1
      return token(.punctuation(first), start)
    case _ where first.isNameStart: return word()
    case UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: "="), UInt8(ascii: ";"),
      UInt8(ascii: ":"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "+"),
      UInt8(ascii: "*"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "{"),
      UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "!"),
      UInt8(ascii: "?"):
      offset += 1
      return token(.punctuation(first), start)
    default:
      while offset < source.bytes.count, !byte(offset).isBlank { offset += 1 }
      return token(.unknown(isReported: false), start)
    }
  }

  private func token(_ kind: Token.Kind, _ start: Int) -> Token {
    Token(kind: kind, range: start..<offset)
  }

  // MARK: Blanks and comments

  private mutating func skipBlank() {
    while offset < source.bytes.count {
      let here = byte(offset)
      if here == 0x0D, byte(offset + 1) != 0x0A {
        report(
          "relay.text.return", "a carriage return must be followed by a line feed", at: offset)
        offset += 1
      } else if here.isBlank {
        offset += 1
      } else if here == UInt8(ascii: "/"), byte(offset + 1) == UInt8(ascii: "/") {
        while offset < source.bytes.count, byte(offset) != 0x0A { offset += 1 }
      } else if here == UInt8(ascii: "/"), byte(offset + 1) == UInt8(ascii: "*") {
        skipComment()
      } else {
        return
      }
    }
  }

  private mutating func skipComment() {
    let start = offset
    var depth = 0
    repeat {
      guard offset < source.bytes.count else {
        openComment = start
        return
      }
      switch (byte(offset), byte(offset + 1)) {
      case (UInt8(ascii: "/"), UInt8(ascii: "*")):
        depth += 1
        offset += 2
      case (UInt8(ascii: "*"), UInt8(ascii: "/")):
        depth -= 1
        offset += 2
      default: offset += 1
      }
    } while depth > 0
  }

  // MARK: Texts, sections

  private mutating func string() -> Token {
    let start = offset
    offset += 1
    while offset < source.bytes.count, byte(offset) != UInt8(ascii: "\"") { offset += 1 }
    guard offset < source.bytes.count else {
      report("relay.text.string", "a string starts here and never ends", at: start)
      return token(.unknown(isReported: true), start)
    }
    offset += 1
    return token(.string, start)
  }

  private mutating func section() -> Token {
    let start = offset
    offset += 1
    guard byte(offset) == UInt8(ascii: "[") else {
      return token(.unknown(isReported: false), start)
    }
    let first = offset + 1
    while offset < source.bytes.count, byte(offset) != UInt8(ascii: "]"), byte(offset) != 0x0A {
      offset += 1
    }
    guard byte(offset) == UInt8(ascii: "]") else {
      report("relay.text.section", "'#[' has no ']' on its line", at: start)
      return token(.unknown(isReported: true), start)
    }
    let inner = trimmed(first..<offset)
    offset += 1
    let text = source.string(inner.prefix(64))
    if text == "metadata" { return token(.metadata, start) }
    if text.hasPrefix("version"), let equals = inner.first(where: { byte($0) == 0x3D }) {
      return token(.version(trimmed(equals + 1..<inner.upperBound)), start)
    }
    report(
      "relay.text.section",
      "'#[\(text)]' is not known; there are '#[version = \"0.0.5\"]' and '#[metadata]'", at: start)
    return token(.unknown(isReported: true), start)
  }

  private func trimmed(_ range: Range<Int>) -> Range<Int> {
    var low = range.lowerBound
    var high = range.upperBound
    while low < high, byte(low).isBlank { low += 1 }
    while high > low, byte(high - 1).isBlank { high -= 1 }
    return low..<high
  }

  // MARK: Names

  private mutating func skipName() {
    while byte(offset).isNamePart {
      // A comment right after a name ends it, although '/' is a letter.
      if byte(offset) == UInt8(ascii: "/"), byte(offset + 1) == UInt8(ascii: "*") { return }
      offset += 1
    }
  }

  private func keyword(_ range: Range<Int>) -> Token.Keyword? {
    guard range.count <= 9 else { return nil }
    return Token.Keyword(rawValue: source.string(range))
  }

  private mutating func word() -> Token {
    let start = offset
    if let meta = meta() { return meta }
    skipName()
    if byte(start) == UInt8(ascii: "i"), source.string(start..<offset) == "inff" {
      return token(.float(.infinity, bits: 32), start)
    }
    return token(keyword(start..<offset).map { .keyword($0) } ?? .identifier, start)
  }

  private mutating func meta() -> Token? {
    let start = offset
    guard source.bytes.count - start > 5,
      source.bytes[start..<start + 5].elementsEqual("meta[".utf8)
    else { return nil }
    var end = start + 5
    let key = end
    while end < source.bytes.count, byte(end) != UInt8(ascii: "]"), byte(end) != 0x0A { end += 1 }
    let keyEnd = end
    guard byte(end) == UInt8(ascii: "]"), byte(end + 1) == UInt8(ascii: "[") else {
      return malformedMeta(start, end)
    }
    end += 2
    let digits = end
    while byte(end).isDigit { end += 1 }
    guard byte(end) == UInt8(ascii: "]"), let index = Int(source.string(digits..<end)) else {
      return malformedMeta(start, end)
    }
    offset = end + 1
    return token(.meta(key: key..<keyEnd, index: index), start)
  }

  private mutating func malformedMeta(_ start: Int, _ end: Int) -> Token {
    report("relay.text.meta", "expected 'meta[Key][Index]'", at: start)
    offset = max(end, start + 5)
    return token(.unknown(isReported: true), start)
  }

  private mutating func local() -> Token {
    let start = offset
    offset += 1
    if byte(offset).isDigit {
      while byte(offset).isDigit { offset += 1 }
      guard let number = Int(source.string(start + 1..<offset)) else {
        report("relay.text.number", "the number of this binding is out of range", at: start)
        return token(.unknown(isReported: true), start)
      }
      return token(.graph(number), start)
    }
    guard byte(offset).isNameStart else { return token(.unknown(isReported: false), start) }
    skipName()
    let name = start + 1..<offset
    if !extendedNames.isEmpty, let longer = longestDeclared(from: start + 1) { offset = longer }
    if offset == name.upperBound,
      keyword(name) != nil || source.string(name.prefix(4)) == "inff" && name.count >= 4
    {
      report(
        "relay.text.keyword",
        "expected the name of a variable; '\(source.string(name.prefix(64)))' is a reserved word",
        at: start)
      return token(.unknown(isReported: true), start)
    }
    return token(.local, start)
  }

  /// Where a name may end that goes on with dots, dashes and colons; ascending.
  private func extendedEnds(from start: Int) -> [Int] {
    var ends: [Int] = []
    var end = start
    while true {
      while byte(end).isNamePart { end += 1 }
      ends.append(end)
      let next = byte(end + 1)
      switch byte(end) {
      case UInt8(ascii: "."), UInt8(ascii: "-"): if !next.isNamePart { return ends }
      case UInt8(ascii: ":"): if !next.isDigit { return ends }
      default: return ends
      }
      end += 1
      if ends.count >= 64 { return ends }
    }
  }

  private func longestDeclared(from start: Int) -> Int? {
    extendedEnds(from: start).reversed().first {
      extendedNames.contains(source.string(start..<$0))
    }
  }

  /// The whole of a name that is being declared, where it goes on past `token`, the last word read.
  mutating func extendDeclaration(_ token: Token) -> Token {
    guard case .local = token.kind, let end = extendedEnds(from: token.range.lowerBound + 1).last,
      end > token.range.upperBound
    else { return token }
    extendedNames.insert(source.string(token.range.lowerBound + 1..<end))
    offset = end
    return Token(kind: .local, range: token.range.lowerBound..<end)
  }

  // MARK: Numbers

  private mutating func dashes() -> Token {
    let start = offset
    var end = start
    while byte(end) == UInt8(ascii: "-") { end += 1 }
    let sign = (end - start) % 2 == 0 ? 1 : -1
    if byte(end).isDigit { return number(from: end, sign: sign) }
    if source.bytes.count - end >= 4, source.bytes[end..<end + 4].elementsEqual("inff".utf8) {
      offset = end + 4
      return token(.float(sign > 0 ? .infinity : -.infinity, bits: 32), start)
    }
    offset = start + 1
    return token(.punctuation(UInt8(ascii: "-")), start)
  }

  private mutating func number(from digits: Int, sign: Int) -> Token {
    let start = offset
    offset = digits
    while byte(offset).isNumberPart { offset += 1 }
    let body = digits..<offset
    var suffix: UInt8 = 0
    if byte(offset) == UInt8(ascii: "f") || byte(offset) == UInt8(ascii: "i") {
      suffix = byte(offset)
      offset += 1
    }
    let widthStart = offset
    if suffix != 0 { while byte(offset).isNumberPart { offset += 1 } }
    let width = source.string((widthStart..<offset).prefix(16))
    let text = source.string(body.prefix(400))
    let shown = source.string((start..<offset).prefix(64))
    if suffix == UInt8(ascii: "f") {
      guard let value = Double(text), width.isEmpty || ["16", "32", "64"].contains(width) else {
        return badNumber(start, "'\(shown)' is not a number; a width is 16, 32 or 64")
      }
      let bits = Int(width) ?? 32
      let largest =
        bits == 16 ? 65504 : bits == 32 ? Double(Float.greatestFiniteMagnitude) : .infinity
      guard value.magnitude <= largest, value.isFinite else {
        return badNumber(start, "'\(shown)' is beyond the range of float\(bits)")
      }
      return token(.float(sign < 0 ? -value : value, bits: bits), start)
    }
    guard width.isEmpty || ["16", "32", "64"].contains(width) else {
      return badNumber(
        start,
        "'\(shown)' has a width other than 16, 32 and 64; constants of other types are "
          + "kept in the metadata")
    }
    guard body.allSatisfy({ byte($0).isDigit }) else {
      let way =
        Double(text) != nil ? "; floats need the suffix 'f'" : "; operators need blanks around"
      return badNumber(start, "'\(shown)' is not a whole number\(way)")
    }
    guard let magnitude = Int(text) else {
      return badNumber(start, "'\(shown)' is beyond the range of int64")
    }
    let value = sign * magnitude
    let fits = Int(Int32(truncatingIfNeeded: value)) == value
    let bits = Int(width) ?? (suffix != 0 || fits ? 32 : 64)
    guard bits == 64 || (bits == 32 ? fits : Int(Int16(truncatingIfNeeded: value)) == value) else {
      return badNumber(start, "'\(shown)' is beyond the range of int\(bits)")
    }
    return token(.integer(value, bits: bits), start)
  }

  private mutating func badNumber(_ start: Int, _ message: String) -> Token {
    report("relay.text.number", message, at: start)
    return token(.integer(0, bits: 32), start)
  }
}

extension UInt8 {
  /// Space, tab, line feed or carriage return.
  var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
  var isDigit: Bool { self >= 0x30 && self <= 0x39 }
  /// A letter of names; TVM counts '/' as one.
  var isNameStart: Bool {
    (self | 0x20 >= 0x61 && self | 0x20 <= 0x7A) || self == 0x5F || self == 0x2F
  }
  var isNamePart: Bool { isNameStart || isDigit }
  /// Digits, '.', 'e', 'E', '+', '-'.
  var isNumberPart: Bool {
    isDigit || self == 0x2E || self == 0x65 || self == 0x45 || self == 0x2B || self == 0x2D
  }
}
