/// A word of the text.
struct Token {
  /// What a word is.
  enum Kind: Equatable {
    /// One of `. , = ; : ( ) + - * / < > { } [ ] ! @ ?`.
    case punctuation(UInt8)
    /// A whole number and the bits it was given or needs.
    case integer(Int, bits: Int)
    /// A number and its bits.
    case float(Double, bits: Int)
    case string
    case identifier
    case keyword(Keyword)
    /// `%name`.
    case local
    /// `%3`.
    case graph(Int)
    /// `@name`.
    case global
    /// `meta[Key][3]`; the key is a range of the text.
    case meta(key: Range<Int>, index: Int)
    /// `#[version = ...]`.
    case version(Range<Int>)
    /// `#[metadata]`; the document follows.
    case metadata
    /// Text that is no word; already reported where `isReported`.
    case unknown(isReported: Bool)
    case end
  }

  /// A reserved word.
  enum Keyword: String, CaseIterable {
    case `let`, fn, def, `if`, `else`, type, match, extern
    case freeVariable = "free_var"
    case ref
    case read = "ref_read"
    case write = "ref_write"
  }

  /// What it is.
  var kind: Kind
  /// Its bytes, with the `%`, `@` and quotes.
  var range: Range<Int>
}

extension Token.Kind {
  static let open = Self.punctuation(UInt8(ascii: "("))
  static let close = Self.punctuation(UInt8(ascii: ")"))
  static let openBrace = Self.punctuation(UInt8(ascii: "{"))
  static let closeBrace = Self.punctuation(UInt8(ascii: "}"))
  static let openBracket = Self.punctuation(UInt8(ascii: "["))
  static let closeBracket = Self.punctuation(UInt8(ascii: "]"))
  static let comma = Self.punctuation(UInt8(ascii: ","))
  static let semicolon = Self.punctuation(UInt8(ascii: ";"))
  static let colon = Self.punctuation(UInt8(ascii: ":"))
  static let equals = Self.punctuation(UInt8(ascii: "="))
  static let dot = Self.punctuation(UInt8(ascii: "."))
  static let question = Self.punctuation(UInt8(ascii: "?"))
  static let less = Self.punctuation(UInt8(ascii: "<"))
  static let greater = Self.punctuation(UInt8(ascii: ">"))
  static let minus = Self.punctuation(UInt8(ascii: "-"))
  static let plus = Self.punctuation(UInt8(ascii: "+"))
  static let star = Self.punctuation(UInt8(ascii: "*"))
  static let slash = Self.punctuation(UInt8(ascii: "/"))
  static let exclamation = Self.punctuation(UInt8(ascii: "!"))
}
