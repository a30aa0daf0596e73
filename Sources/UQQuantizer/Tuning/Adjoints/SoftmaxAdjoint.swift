import Foundation
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

extension Softmax: DifferentiableOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    let shape = builder.shape(node, 0)
    return builder.append(
      SoftmaxAdjoint(axis: axis, isLogarithm: false), [gradient, builder.value(node.result)],
      shape, name: node.name)
  }
}

extension LogSoftmax: DifferentiableOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    let shape = builder.shape(node, 0)
    return builder.append(
      SoftmaxAdjoint(axis: axis, isLogarithm: true), [gradient, builder.value(node.result)],
      shape, name: node.name)
  }
}

/// The adjoint of `y = softmax(x)`: `y · (g − Σ g · y)`; of `y = log softmax(x)`: `g − e^y · Σ g`.
struct SoftmaxAdjoint: Operator, Codable {
  var axis: Int
  var isLogarithm: Bool

  static let spec = OperatorSpec(
    "softmax_adjoint", "Gradient at the operand of a softmax.",
    operands: [OperandSpec("gradient"), OperandSpec("y")])

  func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    operands[1].map { [$0] } ?? []
  }

  func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor] {
    let (gradient, y) = try pair(operands)
    let inner = y.shape.dimensions[(axis + 1)...].reduce(1, *)
    let extent = y.shape[axis]
    var result = gradient
    result.withMutableElements(Float.self) { g in
      y.withElements(Float.self) { y in
        for line in 0..<y.count / max(extent, 1) {
          let first = line / inner * inner * extent + line % inner
          let positions = stride(from: first, to: first + extent * inner, by: inner)
          let total = positions.reduce(0) { $0 + (isLogarithm ? g[$1] : g[$1] * y[$1]) }
          for i in positions {
            g[i] = isLogarithm ? g[i] - exp(y[i]) * total : y[i] * (g[i] - total)
          }
        }
      }
    }
    return [result]
  }
}
