import UQGraph
import UQNumerics

extension Pointwise: RelayPrintable {
  /// The operator of the function's name, or its formula written so that nothing overflows.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let x = RelayCall.Operand.operand(0)
    if let name = function.relayName { return RelayCall(name, [x]) }
    switch function {
    case .leakyRelu(let alpha):
      return RelayCall("nn.leaky_relu", [x], [("alpha", .float(alpha))])
    case .power(let exponent):
      return RelayCall("power", [x, .scalar(exponent, result.element)])
    case .round: return .roundedToEven(x, result.element)
    default: return FormulaCalls(element: result.element).call(function)
    }
  }
}

extension PointwiseFunction {
  /// The name of Relay's operator that computes the function; `nil` where there is none.
  fileprivate var relayName: String? {
    switch self {
    case .abs: "abs"
    case .acos: "acos"
    case .acosh: "acosh"
    case .asin: "asin"
    case .asinh: "asinh"
    case .atan: "atan"
    case .atanh: "atanh"
    case .ceil: "ceil"
    case .cos: "cos"
    case .cosh: "cosh"
    case .erf: "erf"
    case .exp: "exp"
    case .floor: "floor"
    case .log: "log"
    case .log10: "log10"
    case .log2: "log2"
    case .negate: "negative"
    case .power(exponent: -0.5): "rsqrt"
    case .roundAway: "round"
    case .sigmoid: "sigmoid"
    case .sign: "sign"
    case .sin: "sin"
    case .sinh: "sinh"
    case .sqrt: "sqrt"
    case .tan: "tan"
    case .tanh: "tanh"
    case .truncate: "trunc"
    default: nil
    }
  }
}

/// The formulas of functions that Relay has no operator for.
private struct FormulaCalls {
  let element: ElementType
  private let x = RelayCall.Operand.operand(0)

  init(element: ElementType) { self.element = element }

  func call(_ function: PointwiseFunction) -> RelayCall? {
    switch function {
    case .affine(let scale, offset: 0): return RelayCall("multiply", [x, number(scale)])
    case .affine(scale: 1, let offset): return RelayCall("add", [x, number(offset)])
    case .affine(let scale, let offset):
      return RelayCall("add", [RelayCall.of("multiply", x, number(scale)), number(offset)])
    case .celu(let alpha):
      return rectified(alpha, exponent: RelayCall.of("divide", x, number(alpha)))
    case .elu(let alpha): return rectified(alpha, exponent: x)
    case .selu(let alpha, let gamma):
      return RelayCall("multiply", [number(gamma), .call(rectified(alpha, exponent: x))])
    case .gelu(let usesTanh): return gelu(usesTanh)
    case .hardSigmoid(let alpha, let beta):
      let line = RelayCall.of("add", RelayCall.of("multiply", x, number(alpha)), number(beta))
      return clipped(line)
    case .hardSwish:
      let line = RelayCall.of("add", RelayCall.of("divide", x, number(6)), number(0.5))
      return RelayCall("multiply", [x, .call(clipped(line))])
    case .mish:
      return RelayCall("multiply", [x, RelayCall.of("tanh", .call(softplus))])
    case .reciprocal: return RelayCall("divide", [number(1), x])
    case .silu: return RelayCall("multiply", [x, RelayCall.of("sigmoid", x)])
    case .softplus: return softplus
    case .softsign:
      return RelayCall("divide", [x, RelayCall.of("add", RelayCall.of("abs", x), number(1))])
    case .thresholdedRelu(let alpha):
      return RelayCall("where", [RelayCall.of("greater", x, number(alpha)), x, number(0)])
    default: return nil
    }
  }

  private func number(_ value: Float) -> RelayCall.Operand { .scalar(value, element) }

  private func clipped(_ value: RelayCall.Operand) -> RelayCall {
    RelayCall("clip", [value], [("a_min", .float(0)), ("a_max", .float(1))])
  }

  /// `relu(x) − α · relu(1 − e^exponent)`, as TVM's importer writes it.
  private func rectified(_ alpha: Float, exponent: RelayCall.Operand) -> RelayCall {
    let below = RelayCall.of(
      "nn.relu", RelayCall.of("subtract", number(1), RelayCall.of("exp", exponent)))
    return RelayCall(
      "add", [RelayCall.of("multiply", number(-alpha), below), RelayCall.of("nn.relu", x)])
  }

  /// `relu(x) + ln(1 + e^−|x|)`.
  private var softplus: RelayCall {
    let small = RelayCall.of("exp", RelayCall.of("negative", RelayCall.of("abs", x)))
    let rest = RelayCall.of("log", RelayCall.of("add", small, number(1)))
    return RelayCall("add", [RelayCall.of("nn.relu", x), rest])
  }

  private func gelu(_ usesTanh: Bool) -> RelayCall {
    let inner: RelayCall.Operand
    if usesTanh {
      let cube = RelayCall.of("multiply", RelayCall.of("multiply", x, x), x)
      let sum = RelayCall.of("add", x, RelayCall.of("multiply", cube, number(0.044715)))
      inner = RelayCall.of(
        "tanh", RelayCall.of("multiply", sum, number((2 / Float.pi).squareRoot())))
    } else {
      inner = RelayCall.of("erf", RelayCall.of("divide", x, number(Float(2).squareRoot())))
    }
    let half = RelayCall.of("multiply", x, number(0.5))
    return RelayCall("multiply", [half, RelayCall.of("add", inner, number(1))])
  }
}

extension RelayCall {
  /// The nearest integer, ties to even; Relay's own `round` takes them away from zero.
  static func roundedToEven(_ x: Operand, _ element: ElementType) -> RelayCall {
    let floor = RelayCall.of("floor", x)
    let rest = RelayCall.of("subtract", x, floor)
    let half = Operand.scalar(0.5, element)
    let odd = RelayCall.of("floor_mod", floor, .scalar(2, element))
    let atMost = RelayCall.of(
      "where", RelayCall.of("equal", rest, half), RelayCall.of("add", floor, odd), floor)
    return RelayCall(
      "where",
      [
        RelayCall.of("greater", rest, half),
        RelayCall.of("add", floor, .scalar(1, element)), atMost,
      ])
  }
}
