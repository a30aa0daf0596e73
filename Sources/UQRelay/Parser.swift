import UQSupport

/// Reads Relay text into a syntax tree; finds more than one problem.
///
/// Source of the grammar: TVM's `relay/parser`, restated in Documentation/Relay.md.
struct Parser {
  /// Deepest nesting of expressions, types, patterns and attribute values.
  static let nestingLimit = 500
  /// Problems that are reported.
  static let problemLimit = 50

  let source: SourceText
  var lexer: Lexer
  /// The word at hand.
  var token: Token
  var problems: [Diagnostic] = []
  var module = RelayModule()
  /// How deep the parse is inside.
  var nesting = 0
  /// Brackets that are open before the word at hand.
  var openBrackets = 0

  /// Parses a text.
  ///
  /// - Returns: the tree, and all problems; the tree is whole where there are no errors.
  static func parse(_ source: SourceText) -> (module: RelayModule, problems: [Diagnostic]) {
    DeepStack.run {
      var parser = Parser(source)
      parser.parseText()
      let problems = parser.problems.sorted {
        ($0.place.line ?? 0, $0.place.column ?? 0) < ($1.place.line ?? 0, $1.place.column ?? 0)
      }
      return (parser.module, problems)
    }
  }

  private init(_ source: SourceText) {
    self.source = source
    lexer = Lexer(source)
    token = Token(kind: .end, range: 0..<0)
  }

  // MARK: Words

  /// Goes on to the next word.
  mutating func advance() {
    switch token.kind {
    case .open, .openBrace, .openBracket: openBrackets += 1
    case .close, .closeBrace, .closeBracket: openBrackets -= 1
    default: break
    }
    token = lexer.next()
    if !lexer.problems.isEmpty {
      for problem in lexer.problems { report(problem) }
      lexer.problems.removeAll()
    }
  }

  /// The word after the one at hand.
  func peek() -> Token {
    var copy = lexer
    return copy.next()
  }

  /// Whether a word follows the one at hand without a blank.
  func isAdjacent(_ kind: Token.Kind) -> Bool {
    let next = peek()
    return next.kind == kind && next.range.lowerBound == token.range.upperBound
  }

  mutating func report(_ problem: Diagnostic) {
    if problems.count < Self.problemLimit { problems.append(problem) }
  }

  mutating func take(_ kind: Token.Kind) -> Bool {
    guard token.kind == kind else { return false }
    advance()
    return true
  }

  mutating func expect(_ kind: Token.Kind, _ purpose: String) throws(Diagnostic) {
    guard token.kind == kind else { throw expected(purpose) }
    advance()
  }

  /// The text of the word at hand.
  var text: String { source.string(token.range) }

  /// A problem at the word at hand.
  func expected(_ what: String) -> Diagnostic {
    source.problem(
      "relay.syntax.expected", "expected \(what), found \(described)", at: token.range.lowerBound)
  }

  private var described: String {
    let shown = source.string(token.range.prefix(40)) + (token.range.count > 40 ? "..." : "")
    switch token.kind {
    case .end: return lexer.openComment == nil ? "the end" : "the end (inside a comment)"
    case .string: return "the string \(shown)"
    case .integer, .float: return "the number '\(shown)'"
    case .keyword: return "the word '\(shown)'"
    default: return "'\(shown)'"
    }
  }

  /// Runs `body` one level deeper.
  mutating func nested<T>(_ body: (inout Parser) throws(Diagnostic) -> T) throws(Diagnostic) -> T {
    nesting += 1
    defer { nesting -= 1 }
    guard nesting <= Self.nestingLimit else { throw tooDeep(token.range.lowerBound) }
    return try body(&self)
  }

  func tooDeep(_ offset: Int) -> Diagnostic {
    source.problem(
      "relay.syntax.depth", "is nested more than \(Self.nestingLimit) deep; bind parts with 'let'",
      at: offset)
  }

  // MARK: The whole text

  private mutating func parseText() {
    if source.bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      report(
        source.problem(
          "relay.text.mark", "begins with a byte order mark; save it as plain UTF-8", at: 0))
      lexer.offset = 3
    }
    advance()
    guard parseVersion() else { return }
    if !isDefinition, token.kind != .end, token.kind != .metadata {
      parseLoneExpression()
      return
    }
    while token.kind != .end {
      if problems.contains(where: { $0.id == "relay.syntax.depth" }) { return }
      if token.kind == .metadata {
        module.metadata = token.range.upperBound..<source.bytes.count
        break
      }
      if module.version == .v004, token.kind == .identifier, text == "METADATA" {
        advance()
        module.metadata = token.range.upperBound..<source.bytes.count
        break
      }
      do throws(Diagnostic) { try parseDefinition() } catch {
        report(error)
        guard problems.count < Self.problemLimit else { return }
        skipToDefinition()
      }
    }
    if let start = lexer.openComment {
      report(
        source.problem(
          "relay.text.comment", "a comment starts here and never ends", at: start,
          severity: .warning))
    }
  }

  /// Reads the header; false where the text cannot be read without it.
  private mutating func parseVersion() -> Bool {
    switch token.kind {
    case .version(let range):
      let version = source.string(range.prefix(64))
      guard version == "\"0.0.5\"" else {
        report(
          source.problem(
            "relay.version.unknown",
            "version \(version) of the text format is not known; versions are "
              + "#[version = \"0.0.5\"] and, without brackets, v0.0.4",
            at: token.range.lowerBound))
        return false
      }
      advance()
      return true
    case .identifier where text == "v0":
      let start = token.range.lowerBound
      guard source.bytes.count - start >= 6,
        source.bytes[start..<start + 6].elementsEqual("v0.0.4".utf8)
      else { break }
      lexer.offset = start + 6
      module.version = .v004
      advance()
      return true
    case _ where isDefinition || token.kind == .end:
      report(
        source.problem(
          "relay.version.missing",
          "a module begins with #[version = \"0.0.5\"]", at: token.range.lowerBound))
      return isDefinition
    default: break
    }
    return true
  }

  private var isDefinition: Bool {
    token.kind == .keyword(.def) || token.kind == .keyword(.type)
      || token.kind == .keyword(.extern)
  }

  private mutating func parseLoneExpression() {
    do throws(Diagnostic) {
      let expression = try parseSequence()
      if token.kind == .metadata {
        module.metadata = token.range.upperBound..<source.bytes.count
      } else if token.kind != .end {
        throw expected("the end")
      }
      module.expression = expression
    } catch {
      report(error)
    }
  }

  /// Goes on to the next definition after a problem.
  private mutating func skipToDefinition() {
    while token.kind != .end, token.kind != .metadata, !isDefinition { advance() }
  }

  // MARK: Definitions

  private mutating func parseDefinition() throws(Diagnostic) {
    let offset = token.range.lowerBound
    switch token.kind {
    case .keyword(.def):
      advance()
      guard token.kind == .global else { throw expected("the name of a function, as in '@main'") }
      let name = source.string(token.range.dropFirst())
      advance()
      let function = try parseFunction(offset)
      if module.functions.contains(where: { $0.name == name }) {
        report(
          source.problem("relay.global.duplicate", "'@\(name)' is defined twice", at: offset))
      }
      module.functions.append(.init(name: name, offset: offset, function: function))
    case .keyword(.type): try parseTypeDefinition(isExtern: false)
    case .keyword(.extern):
      advance()
      guard token.kind == .keyword(.type) else { throw expected("'type'") }
      try parseTypeDefinition(isExtern: true)
    default: throw expected("'def', 'type', 'extern type' or the end")
    }
  }

  var isNameWord: Bool {
    switch token.kind {
    case .identifier, .keyword: true
    default: false
    }
  }

  private mutating func parseTypeDefinition(isExtern: Bool) throws(Diagnostic) {
    advance()
    let offset = token.range.lowerBound
    guard token.kind == .identifier else { throw expected("the name of a type") }
    let name = text
    advance()
    let parameters = try parseGenerics()
    var constructors: [RelayModule.ConstructorSyntax] = []
    if token.kind == .openBrace {
      if isExtern {
        report(
          source.problem(
            "relay.type.extern", "an external type has no constructors",
            at: token.range.lowerBound))
      }
      constructors = try parseList(.openBrace, .closeBrace, "a constructor") {
        parser throws(Diagnostic) in try parser.parseConstructor()
      }
    }
    if module.types.contains(where: { $0.name == name }) {
      report(source.problem("relay.type.duplicate", "type '\(name)' is defined twice", at: offset))
    }
    module.types.append(
      .init(
        name: name, offset: offset, parameters: parameters, constructors: constructors,
        isExtern: isExtern))
  }

  private mutating func parseConstructor() throws(Diagnostic) -> RelayModule.ConstructorSyntax {
    let offset = token.range.lowerBound
    guard token.kind == .identifier else { throw expected("the name of a constructor") }
    let name = text
    advance()
    var fields: [TypeSyntax] = []
    if token.kind == .open {
      fields = try parseList(.open, .close, "a type") { parser throws(Diagnostic) in
        try parser.parseType()
      }
    }
    return .init(name: name, offset: offset, fields: fields)
  }

  /// `[A, B]`, or nothing.
  mutating func parseGenerics() throws(Diagnostic) -> [String] {
    guard token.kind == .openBracket else { return [] }
    return try parseList(.openBracket, .closeBracket, "a type variable") {
      parser throws(Diagnostic) in
      guard parser.token.kind == .identifier else { throw parser.expected("a type variable") }
      let name = parser.text
      parser.advance()
      return name
    }
  }

  /// Elements between brackets, separated by commas, with an optional comma at the end.
  mutating func parseList<T>(
    _ open: Token.Kind, _ close: Token.Kind, _ what: String,
    _ element: (inout Parser) throws(Diagnostic) -> T
  ) throws(Diagnostic) -> [T] {
    guard take(open) else { throw expected("a list of \(what)s") }
    var result: [T] = []
    while !take(close) {
      result.append(try element(&self))
      if take(.comma) { continue }
      guard token.kind == close else {
        throw expected("',' or '\(close.character)' after \(what)")
      }
    }
    return result
  }
}

extension Token.Kind {
  /// The character of a punctuation word.
  var character: String {
    guard case .punctuation(let byte) = self else { return "?" }
    return String(UnicodeScalar(byte))
  }
}
