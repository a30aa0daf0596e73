/// An expression of C.
indirect enum CExpression {
  case name(String)
  /// A signed integer of at most 64 bits.
  case integer(Int)
  /// A non-negative integer with the suffix `u`.
  case unsigned(Int)
  case float(Float)
  /// A string literal of printable ASCII; all else becomes `?`.
  case string(String)
  case call(String, [CExpression])
  case member(CExpression, String)
  case arrow(CExpression, String)
  case element(CExpression, CExpression)
  case cast(String, CExpression)
  case address(CExpression)
  case binary(CExpression, String, CExpression)
  case size(CExpression)

  /// The text in C.
  var text: String { printed().text }

  /// Binding strength of what has no operator at its top.
  private static let primary = 100
  private static let prefix = 90

  private static func strength(_ symbol: String) -> Int {
    switch symbol {
    case "*", "/", "%": 80
    case "+", "-": 70
    case "<<", ">>": 60
    case "<", ">", "<=", ">=": 50
    case "==", "!=": 45
    case "&": 40
    case "^": 35
    case "|": 30
    case "&&": 25
    case "||": 20
    default: 10
    }
  }

  private func printed() -> (text: String, strength: Int) {
    switch self {
    case .name(let name): (name, Self.primary)
    case .integer(let value): (Self.literal(value), value < 0 ? Self.prefix : Self.primary)
    case .unsigned(let value): ("\(value)u", Self.primary)
    case .float(let value): ("\(value)f", value < 0 ? Self.prefix : Self.primary)
    case .string(let value): ("\"\(Self.escaped(value))\"", Self.primary)
    case .call(let function, let arguments):
      ("\(function)(\(arguments.map(\.text).joined(separator: ", ")))", Self.primary)
    case .member(let value, let field): ("\(value.within(Self.primary)).\(field)", Self.primary)
    case .arrow(let value, let field): ("\(value.within(Self.primary))->\(field)", Self.primary)
    case .element(let value, let index):
      ("\(value.within(Self.primary))[\(index.text)]", Self.primary)
    case .cast(let type, let value): ("(\(type))\(value.within(Self.prefix))", Self.prefix)
    case .address(let value): ("&\(value.within(Self.prefix))", Self.prefix)
    case .size(let value): ("sizeof(\(value.text))", Self.primary)
    case .binary(let a, let symbol, let b):
      (
        "\(a.within(Self.strength(symbol))) \(symbol) \(b.within(Self.strength(symbol) + 1))",
        Self.strength(symbol)
      )
    }
  }

  private func within(_ strength: Int) -> String {
    let own = printed()
    return own.strength >= strength ? own.text : "(\(own.text))"
  }

  /// A literal whose type holds the value on every platform.
  static func literal(_ value: Int) -> String {
    if value == Int(Int32.min) { return "INT32_MIN" }
    if value == Int.min { return "INT64_MIN" }
    return value.magnitude > Int32.max.magnitude ? "\(value)ll" : "\(value)"
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\n": result += "\\n"
      // Two question marks may start a trigraph.
      case "?": result += "\\?"
      case _ where scalar.isASCII && scalar.value >= 0x20 && scalar.value < 0x7F:
        result.unicodeScalars.append(scalar)
      default: result += "\\?"
      }
    }
    return result
  }
}
