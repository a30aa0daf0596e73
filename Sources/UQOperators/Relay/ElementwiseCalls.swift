import UQGraph
import UQNumerics

extension Add: RelayPrintable {
  /// `add`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("add", [.operand(0), .operand(1)]).clamped(activation)
  }
}

extension Subtract: RelayPrintable {
  /// `subtract`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("subtract", [.operand(0), .operand(1)]).clamped(activation)
  }
}

extension Multiply: RelayPrintable {
  /// `multiply`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("multiply", [.operand(0), .operand(1)]).clamped(activation)
  }
}

extension Divide: RelayPrintable {
  /// `divide`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("divide", [.operand(0), .operand(1)]).clamped(activation)
  }
}

extension Minimum: RelayPrintable {
  /// `minimum`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("minimum", [.operand(0), .operand(1)])
  }
}

extension Maximum: RelayPrintable {
  /// `maximum`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("maximum", [.operand(0), .operand(1)])
  }
}

extension Power: RelayPrintable {
  /// `power`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("power", [.operand(0), .operand(1)])
  }
}

extension Clip: RelayPrintable {
  /// `nn.relu` or `clip`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    if bounds == .relu { return RelayCall("nn.relu", [.operand(0)]) }
    return RelayCall(
      "clip", [.operand(0)], [("a_min", .float(bounds.low)), ("a_max", .float(bounds.high))])
  }
}

extension PRelu: RelayPrintable {
  /// `nn.prelu` for a slope of each last index, otherwise its definition.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    guard operands.count > 1, let slope = operands[1]?.shape else { return nil }
    let last = result.shape.dimensions.last ?? 1
    if slope.count == last, (slope.dimensions.last ?? 1) == last, result.shape.rank > 1 {
      let flat = RelayCall("reshape", [.operand(1)], [("newshape", .ints([last]))])
      return RelayCall(
        "nn.prelu", [.operand(0), slope.rank == 1 ? .operand(1) : .call(flat)],
        [("axis", .int(result.shape.rank - 1))])
    }
    let zero = RelayCall.Operand.scalar(0, result.element)
    let negative = RelayCall.of("minimum", .operand(0), zero)
    return RelayCall(
      "add",
      [RelayCall.of("nn.relu", .operand(0)), RelayCall.of("multiply", .operand(1), negative)])
  }
}

extension Cast: RelayPrintable {
  /// `cast`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("cast", [.operand(0)], [("dtype", .string(element.name))])
  }
}
