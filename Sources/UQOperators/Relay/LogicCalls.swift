import UQGraph
import UQNumerics

extension Compare: RelayPrintable {
  /// `equal`, `greater`, `greater_equal`, `less`, `less_equal` or `not_equal`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let name =
      switch kind {
      case .equal: "equal"
      case .greater: "greater"
      case .greaterOrEqual: "greater_equal"
      case .less: "less"
      case .lessOrEqual: "less_equal"
      case .notEqual: "not_equal"
      }
    return RelayCall(name, [.operand(0), .operand(1)])
  }
}

extension Bitwise: RelayPrintable {
  /// `logical_and`, `logical_or` or `logical_xor` of truth values, else `bitwise_and` and so on.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let family = result.element == .bool ? "logical" : "bitwise"
    let name =
      switch kind {
      case .and: "and"
      case .or: "or"
      case .xor: "xor"
      }
    return RelayCall("\(family)_\(name)", [.operand(0), .operand(1)])
  }
}

extension Complement: RelayPrintable {
  /// `logical_not` of truth values, else `bitwise_not`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall(result.element == .bool ? "logical_not" : "bitwise_not", [.operand(0)])
  }
}

extension Classify: RelayPrintable {
  /// `isfinite`, `isinf` or `isnan`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    switch kind {
    case .isFinite: RelayCall("isfinite", [.operand(0)])
    case .isInfinite: RelayCall("isinf", [.operand(0)])
    case .isNaN: RelayCall("isnan", [.operand(0)])
    }
  }
}

extension Where: RelayPrintable {
  /// `where`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("where", [.operand(0), .operand(1), .operand(2)])
  }
}

extension Modulo: RelayPrintable {
  /// `floor_divide`, `floor_mod`, `trunc_divide` or `trunc_mod`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let name =
      switch kind {
      case .floorQuotient: "floor_divide"
      case .floorRemainder: "floor_mod"
      case .truncatedQuotient: "trunc_divide"
      case .truncatedRemainder: "trunc_mod"
      }
    return RelayCall(name, [.operand(0), .operand(1)])
  }
}

extension LeftShift: RelayPrintable {
  /// `left_shift`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("left_shift", [.operand(0), .operand(1)])
  }
}

extension RightShift: RelayPrintable {
  /// `right_shift`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("right_shift", [.operand(0), .operand(1)])
  }
}

extension Reinterpret: RelayPrintable {
  /// `reinterpret`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("reinterpret", [.operand(0)], [("dtype", .string(element.name))])
  }
}
