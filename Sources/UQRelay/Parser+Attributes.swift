import UQSupport

extension Parser {
  /// Reads `name = value`; `nil` where no attribute is at hand.
  mutating func parseAttribute() throws(Diagnostic) -> AttributeSyntax? {
    guard case .identifier = token.kind, isAttribute else { return nil }
    let offset = token.range.lowerBound
    var name = text
    advance()
    while take(.dot) {
      name += "." + text
      advance()
    }
    advance()
    return .init(name: name, value: try parseAttributeValue(), offset: offset)
  }

  /// Whether '=' follows a name with dots.
  private var isAttribute: Bool {
    var copy = lexer
    var next = copy.next()
    while next.kind == .dot {
      switch copy.next().kind {
      case .identifier, .keyword: next = copy.next()
      default: return false
      }
    }
    guard next.kind == .equals else { return false }
    let behind = copy.next()
    return behind.kind != .equals || behind.range.lowerBound != next.range.upperBound
  }

  private mutating func parseAttributeValue() throws(Diagnostic) -> AttributeSyntax.Value {
    try nested { parser throws(Diagnostic) in try parser.parseAttributeValueInside() }
  }

  private mutating func parseAttributeValueInside() throws(Diagnostic) -> AttributeSyntax.Value {
    switch token.kind {
    case .integer(let value, _):
      advance()
      return .int(value)
    case .float(let value, _):
      advance()
      return .float(value)
    case .string:
      let text = source.string(token.range.dropFirst().dropLast())
      advance()
      return .string(text)
    case .meta(let key, let index):
      advance()
      return .meta(key: source.string(key), index: index)
    case .openBracket:
      return .list(
        try parseList(.openBracket, .closeBracket, "a value") { parser throws(Diagnostic) in
          try parser.parseAttributeValue()
        })
    case .open:
      let offset = token.range.lowerBound
      advance()
      let value = try parseAttributeValue()
      guard take(.close) else {
        throw source.problem(
          "relay.attribute.tuple", "lists stand in brackets, as in '[1, 2]', not in parentheses",
          at: offset)
      }
      return value
    case .identifier:
      switch text {
      case "True", "False":
        let value = text == "True"
        advance()
        return .bool(value)
      case "None", "nullptr":
        advance()
        return .null
      default: return .expression(try parseSequence())
      }
    default: return .expression(try parseSequence())
    }
  }
}
