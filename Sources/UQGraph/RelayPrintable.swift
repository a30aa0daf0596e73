import UQNumerics

/// A call of a Relay operator, with calls inside it; its text is `name(operands, attributes)`.
public struct RelayCall: Sendable {
  /// What is handed to an operator.
  public indirect enum Operand: Sendable {
    /// The node's operand at an index.
    case operand(Int)
    case constant(Tensor)
    case call(RelayCall)
    case tuple([Operand])
  }

  /// The value of an attribute.
  public indirect enum Attribute: Sendable {
    case int(Int)
    case float(Float)
    case bool(Bool)
    case string(String)
    case list([Attribute])

    /// A list of whole numbers.
    public static func ints(_ values: [Int]) -> Attribute { .list(values.map { .int($0) }) }
  }

  /// The operator.
  public var name: String
  /// What it is handed.
  public var operands: [Operand]
  /// Its attributes in the order of the text.
  public var attributes: [(name: String, value: Attribute)]

  /// Creates a call.
  public init(
    _ name: String, _ operands: [Operand], _ attributes: [(name: String, value: Attribute)] = []
  ) {
    self.name = name
    self.operands = operands
    self.attributes = attributes
  }
}

/// An operator that can be written as Relay text.
public protocol RelayPrintable: Operator {
  /// The call that computes the operator's only result; `nil` where Relay has none for these types.
  func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall?
}
