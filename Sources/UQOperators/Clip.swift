import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// `min(max(x, low), high)`.
public struct Clip: Operator {
  /// The bounds.
  public var bounds: Clamp

  /// Creates the operator.
  public init(bounds: Clamp) { self.bounds = bounds }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "clip", "Limits every element to bounds (Relu, Relu6, Clip).", operands: [OperandSpec("x")])

  /// The operand's type; the elements must be floating-point.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard x.valueElement.isFloat else {
      throw typeProblem("element", "operand is \(x), not floating-point")
    }
    guard !bounds.low.isNaN, !bounds.high.isNaN else {
      throw typeProblem("bounds", "bounds \(bounds.low) and \(bounds.high) are not numbers")
    }
    return [TensorType(x.valueElement, x.shape)]
  }

  /// Limits every element; NaN stays NaN.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let low = Double(bounds.low)
    let high = Double(bounds.high)
    return [
      floatMap(try requiredValue(operands, 0)) { Swift.min(Swift.max($0, low), high) }
    ]
  }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Clip", 1...10) { node, builder throws(Diagnostic) in
        let bounds = Clamp(
          low: try node.float("min", default: -.infinity),
          high: try node.float("max", default: .infinity))
        return try builder.add(Clip(bounds: bounds), [try node.operand(0, "input")], as: node)
      },
      .onnx("Clip", 11...1000) { node, builder throws(Diagnostic) in
        try clipped(node, &builder, node.optionalOperand(1), node.optionalOperand(2))
      },
      .onnx("Relu") { node, builder throws(Diagnostic) in try rectified(node, &builder) },
      .relay("nn.relu") { node, builder throws(Diagnostic) in try rectified(node, &builder) },
      .relay("clip") { node, builder throws(Diagnostic) in
        let bounds = Clamp(low: try node.float("a_min"), high: try node.float("a_max"))
        let x = try node.operand(0, "a")
        let type = builder.type(of: x)
        if type.element.isFloat { return try builder.add(Clip(bounds: bounds), [x], as: node) }
        let limits = [bounds.low, bounds.high].enumerated().map { index, bound in
          builder.addConstant(
            Tensor(doubles: [Double(bound)], type.element, []),
            name: "\(node.name):\(index == 0 ? "low" : "high")")
        }
        return try clipped(node, &builder, limits[0], limits[1])
      },
    ]
  }

  private static func rectified(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let x = try node.operand(0, "X")
    let type = builder.type(of: x)
    if type.element.isFloat { return try builder.add(Clip(bounds: .relu), [x], as: node) }
    let zero = builder.addConstant(Tensor(zeros: type.element, []), name: "\(node.name):zero")
    return try builder.add(Maximum(), [x, zero], as: node)
  }

  /// Constant bounds of floats become `Clip`; others, and those of integers, which a `Float` need not
  /// hold, become `Maximum` and `Minimum`.
  private static func clipped(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ low: ValueID?, _ high: ValueID?
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "input")
    let type = builder.type(of: x)
    for bound in [low, high] {
      guard let bound, builder.shape(of: bound).count != 1 else { continue }
      throw Diagnostic(
        id: "shape.clip.bound", "a bound has shape \(builder.shape(of: bound)), not one element",
        at: node.place)
    }
    let lowValue = low.flatMap { builder.constant($0) }
    let highValue = high.flatMap { builder.constant($0) }
    if type.element.isFloat, (low == nil) == (lowValue == nil), (high == nil) == (highValue == nil)
    {
      let bounds = Clamp(
        low: lowValue?.floats.first ?? -.infinity, high: highValue?.floats.first ?? .infinity)
      return try builder.add(Clip(bounds: bounds), [x], as: node)
    }
    switch (low, high) {
    case (nil, nil): return [x]
    case (let low?, nil): return try builder.add(Maximum(), [x, low], as: node)
    case (nil, let high?): return try builder.add(Minimum(), [x, high], as: node)
    case (let low?, let high?):
      let raised = try builder.addStep(Maximum(), [x, low], "low", of: node)
      return try builder.add(Minimum(), [raised, high], as: node)
    }
  }
}

extension Clip: LowerableOperator {
  /// Nothing where every integer of the operand passes unchanged, otherwise a table; from or to 16 bits, a
  /// bounded rescaling.
  ///
  /// - Throws: `lower.clip.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    let from = try context.quantization(node, x)
    let to = try context.quantization(node, node.result)
    // A bound that is no float may be off by its last bit, which moves no integer.
    let isOpen =
      Double(bounds.low) <= from.dequantize(from.lowest) + from.scale / 4
      && Double(bounds.high) >= from.dequantize(from.highest) - from.scale / 4
    if isOpen, from == to { return context.alias(node.result, to: x) }
    if from.bits == 16 || to.bits == 16 {
      return try context.rescale(
        node, context.buffer(x), from, to: to, count: context.type(of: x).shape.count,
        into: context.buffer(node.result), bounds)
    }
    let low = Double(bounds.low)
    let high = Double(bounds.high)
    try context.lookUp(node, x) { Swift.min(Swift.max($0, low), high) }
  }
}
