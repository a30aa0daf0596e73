import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// A function of one number applied to every element.
public struct Pointwise: Operator {
  /// The function.
  public var function: PointwiseFunction

  /// Creates the operator.
  public init(function: PointwiseFunction) { self.function = function }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "pointwise", "A function of one number, applied to every element.",
    operands: [OperandSpec("x")])

  /// The operand's type; integers only for `abs`, `negate` and `sign`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard x.valueElement.isFloat || (x.valueElement.isInteger && integerFunction != nil) else {
      throw typeProblem(
        "element", "operand of \(function.definition.name) is \(x), not floating-point")
    }
    return [TensorType(x.valueElement, x.shape)]
  }

  /// Computes every element in `Double`, or exactly where the elements are integers.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    if let integerFunction, !x.element.isFloat {
      return [
        Tensor(
          wrapping: x.converted(to: .int64).elements(Int64.self).map(integerFunction), x.element,
          x.shape)
      ]
    }
    return [floatMap(x, function.definition.evaluate)]
  }

  /// A fixed quantization where the function's range is fixed.
  public var quantizationRule: QuantizationRule {
    function.definition.quantization.map { .fixed($0) } ?? .requantize
  }

  private var integerFunction: ((Int64) -> Int64)? {
    switch function {
    case .abs: { $0 < 0 ? 0 &- $0 : $0 }
    case .negate: { 0 &- $0 }
    case .sign: { $0.signum() }
    default: nil
    }
  }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    let plain = functionNames.flatMap { onnx, relay, function in
      [
        onnx.map { ImportRule.onnx($0, 1...1000, rule(function)) },
        relay.map { .relay($0, rule(function)) },
      ]
      .compactMap { $0 }
    }
    let withAttributes: [ImportRule] = [
      parametric("Celu") { node throws(Diagnostic) in
        .celu(alpha: try node.float("alpha", default: 1))
      },
      parametric("Elu") { node throws(Diagnostic) in
        .elu(alpha: try node.float("alpha", default: 1))
      },
      parametric("Gelu") { node throws(Diagnostic) in
        let approximation = try node.string("approximate", default: "none")
        guard ["none", "tanh"].contains(approximation) else {
          throw Diagnostic(
            id: "import.gelu.approximate",
            "attribute 'approximate' is '\(approximation)'; 'none' and 'tanh' are known",
            at: node.place)
        }
        return .gelu(tanh: approximation == "tanh")
      },
      parametric("HardSigmoid") { node throws(Diagnostic) in
        .hardSigmoid(
          alpha: try node.float("alpha", default: 0.2), beta: try node.float("beta", default: 0.5))
      },
      parametric("LeakyRelu") { node throws(Diagnostic) in
        .leakyRelu(alpha: try node.float("alpha", default: 0.01))
      },
      parametric("Selu") { node throws(Diagnostic) in
        let old = node.version < 6
        return .selu(
          alpha: try node.float("alpha", default: old ? 1.6732 : 1.67326319217681884765625),
          gamma: try node.float("gamma", default: old ? 1.0507 : 1.05070102214813232421875))
      },
      parametric("ThresholdedRelu") { node throws(Diagnostic) in
        .thresholdedRelu(alpha: try node.float("alpha", default: 1))
      },
      .relay("nn.leaky_relu") { node, builder throws(Diagnostic) in
        let function = PointwiseFunction.leakyRelu(alpha: try node.float("alpha", default: 0.25))
        return try rule(function)(node, &builder)
      },
      .onnx("Swish") { node, builder throws(Diagnostic) in try swish(node, &builder) },
    ]
    return plain + withAttributes
  }

  /// The functions without parameters by their names in ONNX and Relay.
  private static let functionNames: [(onnx: String?, relay: String?, PointwiseFunction)] = [
    ("Abs", "abs", .abs),
    ("Acos", "acos", .acos),
    ("Acosh", "acosh", .acosh),
    ("Asin", "asin", .asin),
    ("Asinh", "asinh", .asinh),
    ("Atan", "atan", .atan),
    ("Atanh", "atanh", .atanh),
    ("Ceil", "ceil", .ceil),
    ("Cos", "cos", .cos),
    ("Cosh", "cosh", .cosh),
    ("Erf", "erf", .erf),
    ("Exp", "exp", .exp),
    ("Floor", "floor", .floor),
    ("HardSwish", nil, .hardSwish),
    ("Log", "log", .log),
    ("Mish", nil, .mish),
    ("Neg", "negative", .negate),
    ("Reciprocal", nil, .reciprocal),
    ("Round", nil, .round),
    ("Sigmoid", "sigmoid", .sigmoid),
    ("Sign", "sign", .sign),
    ("Sin", "sin", .sin),
    ("Sinh", "sinh", .sinh),
    ("Softplus", nil, .softplus),
    ("Softsign", nil, .softsign),
    ("Sqrt", "sqrt", .sqrt),
    ("Tan", "tan", .tan),
    ("Tanh", "tanh", .tanh),
    (nil, "fast_erf", .erf),
    (nil, "fast_exp", .exp),
    (nil, "fast_tanh", .tanh),
    (nil, "log10", .log10),
    (nil, "log2", .log2),
    (nil, "round", .roundAway),
    (nil, "rsqrt", .power(exponent: -0.5)),
    (nil, "trunc", .truncate),
  ]

  private typealias Build =
    @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID]

  private static func rule(_ function: PointwiseFunction) -> Build {
    { node, builder throws(Diagnostic) in
      let x = try node.operand(0, "X")
      let isWhole = [.ceil, .floor, .round, .roundAway, .truncate].contains(function)
      if node.dialect == .relay, isWhole, builder.type(of: x).element.isInteger { return [x] }
      return try builder.add(Pointwise(function: function), [x], as: node)
    }
  }

  private static func parametric(
    _ name: String,
    _ make: @escaping @Sendable (ForeignNode) throws(Diagnostic) -> PointwiseFunction
  ) -> ImportRule {
    .onnx(name) { node, builder throws(Diagnostic) in
      try rule(try make(node))(node, &builder)
    }
  }

  /// `x · sigmoid(α · x)`.
  private static func swish(_ node: ForeignNode, _ builder: inout GraphBuilder) throws(Diagnostic)
    -> [ValueID]
  {
    let alpha = try node.float("alpha", default: 1)
    if alpha == 1 { return try rule(.silu)(node, &builder) }
    let x = try node.operand(0, "X")
    let scaled = try builder.addStep(
      Pointwise(function: .affine(scale: alpha, offset: 0)), [x], "scaled", of: node)
    let gate = try builder.addStep(Pointwise(function: .sigmoid), [scaled], "gate", of: node)
    return try builder.add(Multiply(), [x, gate], as: node)
  }
}

extension Pointwise: LowerableOperator {
  /// A table of 256 results.
  ///
  /// - Throws: `lower.pointwise.bits` for operands or results that are not of 8 bits.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    try context.lookUp(node, x, function.definition.evaluate)
  }
}
