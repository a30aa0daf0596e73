import UQGraph
import UQNumerics
import UQOperators
import UQSupport

extension MatrixProduct: DifferentiableOperator {
  /// `g · bᵀ` at `a`, `aᵀ · g` at `b`.
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    guard let other = node.operands[1 - slot] else { return nil }
    let shape = builder.source.type(of: other).shape
    var axes = Array(0..<shape.rank)
    axes.swapAt(shape.rank - 1, shape.rank - 2)
    let turned = builder.append(
      Transpose(permutation: axes), [builder.value(other)], Shape(axes.map { shape[$0] }),
      name: node.name)
    return builder.append(
      MatrixProduct(), slot == 0 ? [gradient, turned] : [turned, gradient],
      builder.shape(node, slot), name: node.name)
  }
}
