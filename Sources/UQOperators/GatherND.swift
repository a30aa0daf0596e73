import UQGraph
import UQNumerics
import UQSupport

/// The slices that tuples of indices name.
public struct GatherND: Operator {
  /// Leading axes that `x` and the indices have in common.
  public var batchAxes: Int

  /// Creates the operator.
  public init(batchAxes: Int = 0) { self.batchAxes = batchAxes }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "gather_nd", "The slices that tuples of indices, along the last axis, name.",
    operands: [OperandSpec("x"), OperandSpec("indices", .parameter)])

  /// The operand's element type; the axes of the indices but the last, then those not indexed.
  ///
  /// - Throws: `type.gather_nd.indices`, `shape.gather_nd.extents`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    let indices = try requiredType(operands, 1)
    guard indices.element.isInteger else {
      throw typeProblem("indices", "indices are \(indices), not integers")
    }
    guard batchAxes >= 0, indices.shape.rank > batchAxes, let depth = indices.shape.last,
      depth + batchAxes <= x.shape.rank,
      (0..<batchAxes).allSatisfy({ x.shape[$0] == indices.shape[$0] }),
      let shape = Shape(
        checking: indices.shape.dimensions.dropLast() + x.shape[(batchAxes + depth)...])
    else {
      throw shapeProblem(
        "extents", "indices \(indices.shape) with \(batchAxes) batch axes do not fit \(x.shape)")
    }
    return [x.moved(to: shape)]
  }

  /// Copies the slices; a negative index counts from the end.
  ///
  /// - Throws: `shape.gather_nd.index`.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let indices = try requiredValue(operands, 1)
    let depth = indices.shape.last ?? 0
    let strides = x.shape.strides
    let inner = x.shape[(batchAxes + depth)...].reduce(1, *)
    let tuples = indices.shape.dimensions.dropLast().reduce(1, *)
    let batches = x.shape[..<batchAxes].reduce(1, *)
    let values = indices.integers
    let batchStride = x.count / Swift.max(batches, 1)
    var result = Tensor(zeros: x.element, results[0].shape)
    for tuple in 0..<tuples {
      var offset = tuple / Swift.max(tuples / Swift.max(batches, 1), 1) * batchStride
      for i in 0..<depth {
        let extent = x.shape[batchAxes + i]
        let index = values[tuple * depth + i]
        let real = index < 0 ? index + extent : index
        guard (0..<extent).contains(real) else {
          throw shapeProblem("index", "index \(index) is outside an axis of extent \(extent)")
        }
        offset += real * strides[batchAxes + i]
      }
      copyBox(
        [inner], from: x, StridedBox(offset: offset, strides: [1]), to: &result,
        StridedBox(offset: tuple * inner, strides: [1]))
    }
    return [result]
  }

  /// The operand's quantization.
  public var quantizationRule: QuantizationRule { .inherit(0) }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("GatherND") { node, builder throws(Diagnostic) in
        let operands = [try node.operand(0, "data"), try node.operand(1, "indices")]
        let batchAxes = try node.int("batch_dims", default: 0)
        return try builder.add(GatherND(batchAxes: batchAxes), operands, as: node)
      },
      .relay("gather_nd") { node, builder throws(Diagnostic) in
        // Relay has the tuples along the first axis of the indices.
        let indices = try node.operand(1, "indices")
        let rank = builder.shape(of: indices).rank
        guard rank > 0 else {
          throw Diagnostic(
            id: "shape.gather_nd.extents", "the indices are a scalar", at: node.place)
        }
        let turned = try builder.addStep(
          Transpose(permutation: Array(1..<rank) + [0]), [indices], "tuples", of: node)
        let batchAxes = try node.int("batch_dims", default: 0)
        return try builder.add(
          GatherND(batchAxes: batchAxes), [try node.operand(0, "data"), turned], as: node)
      },
    ]
  }
}
