import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// An operator whose gradient passes as it is.
protocol StraightThroughOperator: DifferentiableOperator {}

extension StraightThroughOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    let shape = builder.shape(node, 0)
    return slot == 0
      ? builder.append(Reshape(shape: shape), [gradient], shape, name: node.name) : nil
  }
}

/// The bounds stop the gradient.
extension Clip: StraightThroughOperator {}
/// As if nothing were rounded (straight-through estimator, Bengio et al. 2013).
extension RoundToStep: StraightThroughOperator {}

extension Pointwise: DifferentiableOperator {
  /// Nothing for functions that are flat between steps.
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    switch function {
    case .binarize, .ceil, .floor, .round, .roundAway, .sign, .truncate: return nil
    default: break
    }
    guard let x = node.operands[0] else { return nil }
    return builder.append(
      PointwiseAdjoint(function: function), [gradient, builder.value(x)], builder.shape(node, 0),
      name: node.name)
  }
}

/// The adjoint of a function of one number: `g · f′(x)`.
///
/// The derivative is the central difference in `Double`; at a kink that is the mean of both sides, and
/// where it is no number, as at the end of a domain, 0.
struct PointwiseAdjoint: Operator, Codable {
  var function: PointwiseFunction

  static let spec = OperatorSpec(
    "pointwise_adjoint", "Gradient at the operand of a function of one number.",
    operands: [OperandSpec("gradient"), OperandSpec("x")])

  func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    operands[1].map { [$0] } ?? []
  }

  func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor] {
    let (gradient, x) = try pair(operands)
    let f = function.definition.evaluate
    var result = gradient
    result.withMutableElements(Float.self) { g in
      x.withElements(Float.self) { x in
        for i in g.indices where g[i] != 0 {
          let value = Double(x[i])
          let step = 1e-5 * max(1, value.magnitude)
          let slope = (f(value + step) - f(value - step)) / (2 * step)
          g[i] = slope.isFinite ? g[i] * Float(slope) : 0
        }
      }
    }
    return [result]
  }
}
