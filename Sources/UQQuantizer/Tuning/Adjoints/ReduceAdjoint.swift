import UQGraph
import UQNumerics
import UQOperators
import UQSupport

extension Reduce: DifferentiableOperator {
  /// For means and sums the gradient, repeated; for the others nothing.
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    guard kind == .mean || kind == .sum else { return nil }
    let shape = builder.shape(node, 0)
    let kept = Shape(shape.indices.map { axes.contains($0) ? 1 : shape[$0] })
    let count = axes.reduce(1) { $0 * shape[$1] }
    var result = builder.append(Reshape(shape: kept), [gradient], kept, name: node.name)
    if kind == .mean {
      result = builder.append(
        Pointwise(function: .affine(scale: 1 / Float(max(count, 1)), offset: 0)), [result], kept,
        name: node.name)
    }
    return builder.append(Broadcast(shape: shape), [result], shape, name: node.name)
  }
}
