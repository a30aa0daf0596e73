import UQSupport

extension Parser {
  private func made(
    _ kind: RelayExpression.Kind, _ offset: Int, over parts: [RelayExpression] = []
  ) throws(Diagnostic) -> RelayExpression {
    let depth = (parts.map(\.depth).max() ?? 0) + 1
    guard depth <= Self.nestingLimit else { throw tooDeep(offset) }
    return RelayExpression(kind: kind, offset: offset, depth: depth)
  }

  // MARK: Sequences

  /// Statements, each ended by ';', and a value: the body of a block.
  mutating func parseSequence() throws(Diagnostic) -> RelayExpression {
    try nested { parser throws(Diagnostic) in try parser.parseSequenceInside() }
  }

  private mutating func parseSequenceInside() throws(Diagnostic) -> RelayExpression {
    let start = token.range.lowerBound
    let level = openBrackets
    var statements: [RelayExpression.Statement] = []
    var parts: [RelayExpression] = []
    while true {
      let offset = token.range.lowerBound
      do throws(Diagnostic) {
        let (statement, value) = try parseStatement()
        if let value {
          guard take(.semicolon) else {
            if statements.isEmpty { return value }
            return try made(.block(statements, value), start, over: parts + [value])
          }
          skipSecondSemicolon()
          statements.append(.init(kind: .sequence(value), offset: offset))
          parts.append(value)
        } else if let statement {
          statements.append(statement)
          switch statement.kind {
          case .bind(_, _, let value), .graph(_, let value): parts.append(value)
          case .sequence, .free: break
          }
        }
      } catch {
        guard error.id != "relay.syntax.depth", skipToStatement(level) else { throw error }
        report(error)
        statements.append(
          .init(
            kind: .sequence(RelayExpression(kind: .invalid, offset: offset, depth: 1)),
            offset: offset))
      }
      // What is kept of the parts is only their depth.
      if parts.count > 64 { parts = [parts.max { $0.depth < $1.depth }].compactMap { $0 } }
    }
  }

  /// In 0.0.4 ';;' sequences.
  private mutating func skipSecondSemicolon() {
    if module.version == .v004 { _ = take(.semicolon) }
  }

  /// Goes on behind the ';' that ends the statement with a problem, where `level` brackets are open;
  /// false where there is none.
  private mutating func skipToStatement(_ level: Int) -> Bool {
    while problems.count < Self.problemLimit, openBrackets >= level {
      switch token.kind {
      case .close, .closeBrace, .closeBracket: if openBrackets == level { return false }
      case .semicolon where openBrackets == level:
        advance()
        return true
      case .end, .metadata, .keyword(.def), .keyword(.type), .keyword(.extern): return false
      default: break
      }
      advance()
    }
    return false
  }

  /// A statement with its ';', or a value without.
  private mutating func parseStatement() throws(Diagnostic) -> (
    RelayExpression.Statement?, RelayExpression?
  ) {
    let offset = token.range.lowerBound
    switch token.kind {
    case .openBrace:
      advance()
      let value = try parseSequence()
      try expect(.closeBrace, "'}' or ';'")
      return (nil, value)
    case .keyword(.freeVariable):
      advance()
      let name = try parseDeclaredName()
      let type = take(.colon) ? try parseType() : nil
      try expect(.semicolon, "';'")
      return (.init(kind: .free(name, type), offset: offset), nil)
    case .keyword(.match): return (nil, try parseMatch())
    case .graph(let number) where peek().kind == .equals && !isEqualityNext:
      advance()
      advance()
      let value = try parseOperators()
      try expect(.semicolon, "';' after the binding of '%\(number)'")
      skipSecondSemicolon()
      return (.init(kind: .graph(number, value), offset: offset), nil)
    case .keyword(.let):
      advance()
      let name = try parseDeclaredName()
      let type = take(.colon) ? try parseType() : nil
      try expect(.equals, "'=' after the variable")
      let value = try parseOperators()
      try expect(.semicolon, "';' after the value of '%\(name)'")
      skipSecondSemicolon()
      return (.init(kind: .bind(name, type, value), offset: offset), nil)
    default: return (nil, try parseOperators())
    }
  }

  /// Whether '==' follows the word at hand.
  private var isEqualityNext: Bool {
    var copy = lexer
    let first = copy.next()
    let second = copy.next()
    return first.kind == .equals && second.kind == .equals
      && first.range.upperBound == second.range.lowerBound
  }

  /// The name of a variable where it is declared.
  mutating func parseDeclaredName() throws(Diagnostic) -> String {
    guard token.kind == .local else { throw expected("a variable, as in '%x'") }
    let whole = lexer.extendDeclaration(token)
    let name = source.string(whole.range.dropFirst())
    advance()
    return name
  }

  // MARK: Operators

  private static let operators:
    [(name: String, first: Token.Kind, second: Token.Kind?, level: Int)] =
      [
        ("less_equal", .less, .equals, 8), ("greater_equal", .greater, .equals, 8),
        ("equal", .equals, .equals, 7), ("not_equal", .exclamation, .equals, 7),
        ("multiply", .star, nil, 12), ("divide", .slash, nil, 12), ("add", .plus, nil, 10),
        ("subtract", .minus, nil, 10), ("less", .less, nil, 8), ("greater", .greater, nil, 8),
      ]

  private func infix() -> (name: String, words: Int, level: Int)? {
    for (name, first, second, level) in Self.operators where token.kind == first {
      if let second {
        if isAdjacent(second) { return (name, 2, level) }
      } else {
        return (name, 1, level)
      }
    }
    return nil
  }

  /// Calls joined by infix operators.
  mutating func parseOperators() throws(Diagnostic) -> RelayExpression {
    try nested { parser throws(Diagnostic) in try parser.parseOperators(above: 0) }
  }

  private mutating func parseOperators(above level: Int) throws(Diagnostic) -> RelayExpression {
    var left = try parseCall()
    while let (name, words, own) = infix(), own > level {
      let offset = token.range.lowerBound
      for _ in 0..<words { advance() }
      let right = try parseOperators(above: own)
      let callee = RelayExpression(kind: .name(name), offset: offset, depth: 1)
      left = try made(.call(callee, [left, right], []), offset, over: [left, right])
    }
    return left
  }

  // MARK: Calls

  private mutating func parseCall() throws(Diagnostic) -> RelayExpression {
    var value = try parseAtom()
    while true {
      if token.kind == .open {
        let offset = value.offset
        let (operands, attributes) = try parseOperands()
        value = try made(.call(value, operands, attributes), offset, over: operands + [value])
      } else if module.version == .v004, token.kind == .dot {
        value = try parseProjection(of: value)
      } else {
        return value
      }
    }
  }

  private mutating func parseOperands() throws(Diagnostic) -> ([RelayExpression], [AttributeSyntax])
  {
    var operands: [RelayExpression] = []
    var attributes: [AttributeSyntax] = []
    advance()
    while !take(.close) {
      if let attribute = try parseAttribute() {
        attributes.append(attribute)
        _ = take(.comma)
        continue
      }
      guard attributes.isEmpty else {
        throw expected("an attribute or ')'; operands stand before attributes")
      }
      if case .meta(let key, let index) = token.kind,
        source.string(key).contains("attrs."), peek().kind == .close
      {
        attributes.append(
          .init(
            name: "", value: .meta(key: source.string(key), index: index),
            offset: token.range.lowerBound))
        advance()
        continue
      }
      operands.append(try parseSequence())
      if !take(.comma), token.kind != .close { throw expected("',' or ')' after an operand") }
    }
    return (operands, attributes)
  }

  private mutating func parseAtom() throws(Diagnostic) -> RelayExpression {
    let value = try parsePrimary()
    return token.kind == .dot ? try parseProjection(of: value) : value
  }

  private mutating func parseProjection(of value: RelayExpression) throws(Diagnostic)
    -> RelayExpression
  {
    advance()
    guard case .integer(let index, _) = token.kind, index >= 0 else {
      throw expected("the number of a tuple's field")
    }
    advance()
    return try made(.projection(value, index), value.offset, over: [value])
  }

  private mutating func parsePrimary() throws(Diagnostic) -> RelayExpression {
    let offset = token.range.lowerBound
    switch token.kind {
    case .integer(let value, let bits):
      advance()
      return try made(.integer(value, bits: bits), offset)
    case .float(let value, let bits):
      advance()
      return try made(.float(value, bits: bits), offset)
    case .local:
      let name = source.string(token.range.dropFirst())
      advance()
      return try made(.local(name), offset)
    case .graph(let number):
      advance()
      return try made(.graph(number), offset)
    case .global:
      let name = source.string(token.range.dropFirst())
      advance()
      return try made(.global(name), offset)
    case .meta(let key, let index):
      advance()
      return try made(.meta(key: source.string(key), index: index), offset)
    case .identifier: return try parseName()
    case .keyword(.fn):
      advance()
      let function = try parseFunction(offset)
      return try made(.function(function), offset, over: [function.body])
    case .keyword(.if): return try parseBranch()
    case .keyword(.ref), .keyword(.read), .keyword(.write): return try parseReference()
    case .open: return try parseParentheses()
    case .minus where module.version == .v004:
      advance()
      let value = try nested { parser throws(Diagnostic) in try parser.parseCall() }
      let callee = RelayExpression(kind: .name("negative"), offset: offset, depth: 1)
      return try made(.call(callee, [value], []), offset, over: [value])
    default: throw expected("an expression")
    }
  }

  private mutating func parseName() throws(Diagnostic) -> RelayExpression {
    let offset = token.range.lowerBound
    let name = text
    if name == "True" || name == "False" {
      advance()
      return try made(.bool(name == "True"), offset)
    }
    return try made(.name(try parseDottedName()), offset)
  }

  private mutating func parseDottedName() throws(Diagnostic) -> String {
    var name = text
    advance()
    while token.kind == .dot {
      advance()
      guard isNameWord else { throw expected("the rest of a name after '\(name).'") }
      name += "." + text
      advance()
    }
    return name
  }

  private mutating func parseBranch() throws(Diagnostic) -> RelayExpression {
    let offset = token.range.lowerBound
    advance()
    try expect(.open, "'(' and a condition")
    let condition = try parseSequence()
    try expect(.close, "')' after the condition")
    let then = try parseBlock("'{' after the condition")
    guard take(.keyword(.else)) else { throw expected("'else': an 'if' has a value either way") }
    let otherwise = try parseBlock("'{' after 'else'")
    return try made(
      .branch(condition, then, otherwise), offset, over: [condition, then, otherwise])
  }

  private mutating func parseBlock(_ purpose: String) throws(Diagnostic) -> RelayExpression {
    try expect(.openBrace, purpose)
    let value = try parseSequence()
    try expect(.closeBrace, "'}' or ';'")
    return value
  }

  private mutating func parseReference() throws(Diagnostic) -> RelayExpression {
    let offset = token.range.lowerBound
    let word = token.kind
    advance()
    try expect(.open, "'('")
    let first = try parseSequence()
    var kind = RelayExpression.Kind.reference(first)
    var parts = [first]
    if word == .keyword(.read) { kind = .read(first) }
    if word == .keyword(.write) {
      try expect(.comma, "',' and the value to write")
      let second = try parseSequence()
      kind = .write(first, second)
      parts.append(second)
    }
    try expect(.close, "')'")
    return try made(kind, offset, over: parts)
  }

  private mutating func parseParentheses() throws(Diagnostic) -> RelayExpression {
    let offset = token.range.lowerBound
    advance()
    var parts: [RelayExpression] = []
    var isTuple = token.kind == .close
    while !take(.close) {
      parts.append(try parseSequence())
      if take(.comma) {
        isTuple = true
      } else if token.kind != .close {
        throw expected("',' or ')'")
      }
    }
    if !isTuple, let only = parts.first { return only }
    return try made(.tuple(parts), offset, over: parts)
  }

  // MARK: Functions

  /// Reads a function from its type variables or parameters on.
  mutating func parseFunction(_ offset: Int) throws(Diagnostic) -> FunctionSyntax {
    let variables = try parseGenerics()
    guard token.kind == .open else { throw expected("'(' and parameters") }
    advance()
    var parameters: [FunctionSyntax.Parameter] = []
    var attributes: [AttributeSyntax] = []
    while !take(.close) {
      if let attribute = try parseAttribute() {
        attributes.append(attribute)
        _ = take(.comma)
        continue
      }
      guard attributes.isEmpty else { throw expected("an attribute or ')'") }
      parameters.append(try parseParameter())
      if !take(.comma), token.kind != .close { throw expected("',' or ')' after a parameter") }
    }
    var result: TypeSyntax?
    if token.kind == .minus {
      try expectArrow()
      result = try parseType()
    }
    let body = try parseBlock("'{' and a body")
    return FunctionSyntax(
      typeParameters: variables, parameters: parameters, attributes: attributes, result: result,
      body: body, offset: offset)
  }

  private mutating func parseParameter() throws(Diagnostic) -> FunctionSyntax.Parameter {
    let offset = token.range.lowerBound
    let name = try parseDeclaredName()
    if token.kind == .openBrace {
      // '{virtual_device=...}' places memory, which a chip of one memory does not need.
      advance()
      while !take(.closeBrace) {
        guard try parseAttribute() != nil else { throw expected("an attribute or '}'") }
        _ = take(.comma)
      }
    }
    return .init(name: name, offset: offset, type: take(.colon) ? try parseType() : nil)
  }

  // MARK: Match

  private mutating func parseMatch() throws(Diagnostic) -> RelayExpression {
    let offset = token.range.lowerBound
    var isComplete = true
    if isAdjacent(.question) {
      isComplete = false
      advance()
    }
    advance()
    let value = try parseAtom()
    let clauses = try parseList(.openBrace, .closeBrace, "a clause") {
      parser throws(Diagnostic) -> RelayExpression.Clause in
      let pattern = try parser.parsePattern()
      guard parser.token.kind == .equals, parser.isAdjacent(.greater) else {
        throw parser.expected("'=>' after the pattern")
      }
      parser.advance()
      parser.advance()
      return .init(pattern: pattern, value: try parser.parseSequence())
    }
    return try made(
      .match(value, clauses, isComplete: isComplete), offset, over: clauses.map(\.value) + [value])
  }

  private mutating func parsePattern() throws(Diagnostic) -> PatternSyntax {
    try nested { parser throws(Diagnostic) in try parser.parsePatternInside() }
  }

  private mutating func parsePatternInside() throws(Diagnostic) -> PatternSyntax {
    let offset = token.range.lowerBound
    func patterns(_ parser: inout Parser) throws(Diagnostic) -> [PatternSyntax] {
      try parser.parseList(.open, .close, "a pattern") { inner throws(Diagnostic) in
        try inner.parsePattern()
      }
    }
    switch token.kind {
    case .local:
      let name = try parseDeclaredName()
      let type = take(.colon) ? try parseType() : nil
      return .init(kind: .local(name, type), offset: offset)
    case .identifier where text == "_":
      advance()
      return .init(kind: .wildcard, offset: offset)
    case .identifier:
      let name = text
      advance()
      let fields = token.kind == .open ? try patterns(&self) : []
      return .init(kind: .constructor(name, fields), offset: offset)
    case .open: return .init(kind: .tuple(try patterns(&self)), offset: offset)
    default: throw expected("a pattern: '_', a variable, a constructor or a tuple")
    }
  }
}
