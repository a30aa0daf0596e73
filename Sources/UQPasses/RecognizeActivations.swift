import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Makes activations that are written out as several nodes one node: hard-swish, hard-sigmoid, gelu,
/// silu, mish and others, softmax, clips written as minimum and maximum, and signs without a 0.
///
/// What the nodes compute is compared with each function at 545 points from −2²⁰ to 2²⁰; they are taken
/// for the function where they differ by no more than rounding at all points. So the order of factors
/// and the way constants are spread over the nodes do not matter.
public struct RecognizeActivations: Pass {
  /// Creates the pass.
  public init() {}
  /// `recognize-activations`.
  public static let name = "recognize-activations"

  /// Never throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    try GraphEditor.walk(&graph) { editor, node throws(Diagnostic) in
      if let (op, x) = Self.clip(node, editor) ?? Self.softmax(node, editor)
        ?? Self.activation(node, editor) ?? Self.sign(node, editor)
        ?? Self.reciprocal(node, editor)
      {
        var whole = node
        whole.op = op
        whole.operands = [x]
        editor.emit(whole)
      } else {
        editor.keep(node)
      }
    }
  }

  private static let candidates: [PointwiseFunction] = [
    .hardSwish, .hardSigmoid(alpha: 1 / 6, beta: 0.5), .hardSigmoid(alpha: 0.2, beta: 0.5), .silu,
    .gelu(tanh: false), .gelu(tanh: true), .mish, .sigmoid, .tanh, .softplus, .softsign,
  ]

  private static let probes: [Double] = [-4.25, -0.75, 0.5, 1.75]
  private static let points: [Double] =
    (-256...256).map { Double($0) / 16 }
    + (5...20).flatMap { [Double(1 << $0), -Double(1 << $0)] }

  private static func activation(
    _ node: Node, _ editor: GraphEditor
  ) -> (any Operator, ValueID)? {
    let isRoot =
      node.op is Multiply || node.op is Divide || node.op is Clip || node.op is Add
      || (node.op as? Pointwise)?.function == .reciprocal
    guard isRoot, let expression = ScalarExpression(node, editor) else { return nil }
    for x in expression.variables {
      for function in candidates {
        let definition = function.definition
        let isSame = { (point: Double) -> Bool in
          guard let value = expression.value(at: point, of: x) else { return false }
          let expected = definition.evaluate(point)
          return (value - expected).magnitude <= 2e-6 * max(1, expected.magnitude)
        }
        if probes.allSatisfy(isSame), points.allSatisfy(isSame) {
          return (Pointwise(function: function), x)
        }
      }
    }
    return nil
  }

  /// `1 / x`.
  private static func reciprocal(
    _ node: Node, _ editor: GraphEditor
  ) -> (any Operator, ValueID)? {
    guard let divide = node.op as? Divide, divide.activation.isNone,
      let one = editor.constant(node.operands[0]), let x = node.operands[1],
      editor.constant(x) == nil, one.element.isFloat, one.count == 1, one.floats == [1],
      editor.shape(of: x) == editor.shape(of: node.result)
    else { return nil }
    return (Pointwise(function: .reciprocal), x)
  }

  /// `exp(x) / Σ exp(x)`, whether or not the maximum is subtracted first.
  private static func softmax(_ node: Node, _ editor: GraphEditor) -> (any Operator, ValueID)? {
    guard let divide = node.op as? Divide, divide.activation.isNone,
      let numerator = node.operands[0],
      let exponential = editor.producerNode(numerator),
      (exponential.op as? Pointwise)?.function == .exp,
      let sum = editor.producerNode(node.operands[1]), let reduce = sum.op as? Reduce,
      reduce.kind == .sum, reduce.keepsDimensions, reduce.axes.count == 1,
      sum.operands[0] == numerator, let x = exponential.operands[0]
    else { return nil }
    let op = Softmax(axis: reduce.axes[0])
    if let subtract = editor.producerNode(x), (subtract.op as? Subtract)?.activation.isNone == true,
      let largest = editor.producerNode(subtract.operands[1]), let maximum = largest.op as? Reduce,
      maximum.kind == .maximum, maximum.axes == reduce.axes, maximum.keepsDimensions,
      let logits = subtract.operands[0], largest.operands[0] == logits
    {
      return (op, logits)
    }
    return (op, x)
  }

  /// `Where(x >= 0, 1, -1)`, `Sign(Sign(x) + 0.1)` and the like.
  private static func sign(_ node: Node, _ editor: GraphEditor) -> (any Operator, ValueID)? {
    guard let sign = SignExpression(node, editor), !sign.zeroIsZero,
      !node.operands.contains(sign.operand)
    else { return nil }
    return (
      Pointwise(function: .binarize(zeroIsPositive: sign.threshold == 0)), sign.operand
    )
  }

  /// The minimum or maximum of floats and one constant.
  private static func clip(_ node: Node, _ editor: GraphEditor) -> (any Operator, ValueID)? {
    guard node.op is Minimum || node.op is Maximum,
      let (x, tensor) = editor.besideConstant(node), tensor.count == 1,
      tensor.element == .float32, editor.type(of: x) == editor.type(of: node.result)
    else { return nil }
    let bound = tensor.floats[0]
    guard !bound.isNaN else { return nil }
    return (Clip(bounds: node.op is Minimum ? Clamp(high: bound) : Clamp(low: bound)), x)
  }
}
