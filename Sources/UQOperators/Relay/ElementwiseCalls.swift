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

extension Pointwise: RelayPrintable {
  /// The operator of the function's name, or its formula.
  ///
  /// Relay's `round` takes halves away from zero, so the function `round` has no counterpart.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let x = RelayCall.Operand.operand(0)
    func number(_ value: Float) -> RelayCall.Operand { .scalar(value, result.element) }
    func plain(_ name: String) -> RelayCall { RelayCall(name, [x]) }
    func clip(_ value: RelayCall.Operand) -> RelayCall.Operand {
      .call(RelayCall("clip", [value], [("a_min", .float(0)), ("a_max", .float(1))]))
    }
    switch function {
    case .abs: return plain("abs")
    case .acos: return plain("acos")
    case .acosh: return plain("acosh")
    case .asin: return plain("asin")
    case .asinh: return plain("asinh")
    case .atan: return plain("atan")
    case .atanh: return plain("atanh")
    case .ceil: return plain("ceil")
    case .cos: return plain("cos")
    case .cosh: return plain("cosh")
    case .erf: return plain("erf")
    case .exp: return plain("exp")
    case .floor: return plain("floor")
    case .log: return plain("log")
    case .negate: return plain("negative")
    case .sigmoid: return plain("sigmoid")
    case .sign: return plain("sign")
    case .sin: return plain("sin")
    case .sinh: return plain("sinh")
    case .sqrt: return plain("sqrt")
    case .tan: return plain("tan")
    case .tanh: return plain("tanh")
    case .leakyRelu(let alpha):
      return RelayCall("nn.leaky_relu", [x], [("alpha", .float(alpha))])
    case .affine(let scale, let offset):
      return RelayCall("add", [RelayCall.of("multiply", x, number(scale)), number(offset)])
    case .power(let exponent): return RelayCall("power", [x, number(exponent)])
    case .reciprocal: return RelayCall("divide", [number(1), x])
    case .silu: return RelayCall("multiply", [x, RelayCall.of("sigmoid", x)])
    case .softplus:
      return RelayCall("log", [RelayCall.of("add", RelayCall.of("exp", x), number(1))])
    case .softsign:
      return RelayCall("divide", [x, RelayCall.of("add", RelayCall.of("abs", x), number(1))])
    case .hardSigmoid(let alpha, let beta):
      let line = RelayCall.of("add", RelayCall.of("multiply", x, number(alpha)), number(beta))
      return RelayCall("clip", [line], [("a_min", .float(0)), ("a_max", .float(1))])
    case .hardSwish:
      let line = RelayCall.of("add", RelayCall.of("divide", x, number(6)), number(0.5))
      return RelayCall("multiply", [x, clip(line)])
    case .gelu(tanh: false):
      let inner = RelayCall.of("erf", RelayCall.of("divide", x, number(Float(2).squareRoot())))
      let half = RelayCall.of("multiply", x, number(0.5))
      return RelayCall("multiply", [half, RelayCall.of("add", inner, number(1))])
    default: return nil
    }
  }
}
