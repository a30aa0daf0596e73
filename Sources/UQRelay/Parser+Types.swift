import UQSupport

extension Parser {
  /// Reads a type.
  mutating func parseType() throws(Diagnostic) -> TypeSyntax {
    try nested { parser throws(Diagnostic) in try parser.parseTypeInside() }
  }

  private mutating func parseTypeInside() throws(Diagnostic) -> TypeSyntax {
    let offset = token.range.lowerBound
    func made(_ kind: TypeSyntax.Kind) -> TypeSyntax { TypeSyntax(kind: kind, offset: offset) }
    switch token.kind {
    case .open:
      return made(
        .tuple(
          try parseList(.open, .close, "a type") { parser throws(Diagnostic) in
            try parser.parseType()
          }))
    case .keyword(.fn):
      advance()
      // TVM prints the variables of a function type and does not read them back.
      let variables = try parseGenerics()
      let operands = try parseList(.open, .close, "a type") { parser throws(Diagnostic) in
        try parser.parseType()
      }
      try expectArrow()
      return made(.function(variables, operands, try parseType()))
    case .keyword(.ref):
      advance()
      try expect(.open, "'(' after 'ref'")
      let inner = try parseType()
      try expect(.close, "')'")
      return made(.reference(inner))
    case .identifier:
      let name = text
      advance()
      if name == "_" { return made(.unknown) }
      if name == "Tensor" { return made(try parseTensorType()) }
      if ElementName.looksLikeOne(name) {
        try checkElement(name, at: offset)
        return made(.tensor([], name))
      }
      var operands: [TypeSyntax] = []
      if token.kind == .openBracket {
        operands = try parseList(.openBracket, .closeBracket, "a type") {
          parser throws(Diagnostic) in try parser.parseType()
        }
      }
      return made(.named(name, operands))
    default: throw expected("a type")
    }
  }

  private mutating func parseTensorType() throws(Diagnostic) -> TypeSyntax.Kind {
    try expect(.openBracket, "'[' after 'Tensor'")
    guard token.kind == .open else { throw expected("a shape in parentheses, as in '(1, 3)'") }
    let shape = try parseList(.open, .close, "an extent") {
      parser throws(Diagnostic) in try parser.parseExtent()
    }
    try expect(.comma, "',' and an element type")
    guard token.kind == .identifier else { throw expected("an element type, as in 'float32'") }
    let element = text
    try checkElement(element, at: token.range.lowerBound)
    advance()
    try expect(.closeBracket, "']'")
    return .tensor(shape, element)
  }

  private mutating func parseExtent() throws(Diagnostic) -> Int? {
    switch token.kind {
    case .question:
      advance()
      return nil
    case .integer(let value, _) where value >= 0:
      advance()
      return value
    case .identifier where text == "Any":
      advance()
      return nil
    case .meta:
      // A symbolic extent.
      advance()
      return nil
    default: throw expected("an extent: a whole number from 0, or '?'")
    }
  }

  private func checkElement(_ name: String, at offset: Int) throws(Diagnostic) {
    guard ElementName.isKnown(name) else {
      throw source.problem(
        "relay.type.element", "'\(name)' is no element type, as 'float32' and 'int8' are",
        at: offset)
    }
  }

  /// `->`.
  mutating func expectArrow() throws(Diagnostic) {
    guard token.kind == .minus, isAdjacent(.greater) else { throw expected("'->'") }
    advance()
    advance()
  }
}

/// Names of element types: `int8`, `float32`, `uint1x4`, `bool`, `bfloat16`, `handle`.
enum ElementName {
  /// Whether TVM takes the name for an element type rather than for a type of the module.
  static func looksLikeOne(_ name: String) -> Bool {
    ["int", "uint", "float", "bool"].contains { name.hasPrefix($0) } || name == "bfloat16"
      || name == "handle"
  }

  /// Whether the name is that of an element type.
  static func isKnown(_ name: String) -> Bool {
    if ["bool", "handle", "bfloat16", "void"].contains(name) { return true }
    guard
      let kind = ["uint", "int", "float", "bool", "bfloat"].first(where: { name.hasPrefix($0) })
    else { return false }
    let rest = name.dropFirst(kind.count)
    let parts = rest.split(separator: "x", maxSplits: 1, omittingEmptySubsequences: false)
    let counts = parts.map { part in
      part.utf8.allSatisfy(\.isDigit) ? Int(part) ?? 0 : part.isEmpty && kind == "bool" ? 1 : 0
    }
    return counts.allSatisfy { $0 >= 1 && $0 <= 1 << 16 }
  }
}
