import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// The axes in another order: axis `i` of the result is axis `permutation[i]` of the operand.
public struct Transpose: Operator {
  /// The operand's axis for each axis of the result.
  public var permutation: [Int]

  /// Creates the operator.
  public init(permutation: [Int]) { self.permutation = permutation }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "transpose", "The axes in another order.", operands: [OperandSpec("x")])

  /// The operand's element type, extents permuted.
  ///
  /// - Throws: `shape.transpose.permutation`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard permutation.sorted() == Array(0..<x.shape.rank) else {
      throw shapeProblem(
        "permutation", "\(permutation) does not permute the axes of \(x.shape)")
    }
    return [x.moved(to: Shape(permutation.map { x.shape[$0] }))]
  }

  /// Moves the elements.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let strides = x.shape.strides
    let box = StridedBox(offset: 0, strides: permutation.map { strides[$0] })
    return [viewed(x, box, as: results[0].shape)]
  }

  /// The operand's quantization.
  public var quantizationRule: QuantizationRule { .inherit(0) }

  /// The permutation that undoes this one.
  public var inverse: Transpose {
    var result = permutation
    for (position, axis) in permutation.enumerated() where result.indices.contains(axis) {
      result[axis] = position
    }
    return Transpose(permutation: result)
  }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Transpose") { node, builder throws(Diagnostic) in
        try transposed(node, &builder, try node.ints("perm"))
      },
      .relay("transpose") { node, builder throws(Diagnostic) in
        let axes = try node.listed("axes")
        return try transposed(node, &builder, axes == [] ? nil : axes)
      },
    ]
  }

  private static func transposed(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ axes: [Int]?
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "data")
    let rank = builder.shape(of: x).rank
    var permutation: [Int] = []
    for axis in axes ?? Array((0..<rank).reversed()) {
      permutation.append(try node.axis(axis, rank: rank))
    }
    return try builder.add(Transpose(permutation: permutation), [x], as: node)
  }
}

extension Transpose: LowerableOperator {
  /// Nothing where only extents of 1 move, otherwise one call of the kernel, neighbouring axes that
  /// stay together seen as one.
  ///
  /// - Throws: `lower.transpose.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    let (sizes, order) = merged(context.type(of: x).shape)
    if order == Array(order.indices) { return try context.pass(node, x) }
    let to = try context.quantization(node, node.result)
    let source = try context.conformed(node, x, to: to)
    let bytes = to.storageBytes
    if order.count <= 4 {
      context.emit(
        TransposeKernel(
          sizes: sizes, permutation: order, elementBytes: bytes, x: source,
          y: context.buffer(node.result)))
      return
    }
    let shape = Shape(sizes)
    let result = Shape(order.map { sizes[$0] })
    try context.copyBox(
      node, result.dimensions,
      from: StridedBox(offset: 0, strides: order.map { shape.strides[$0] }),
      to: StridedBox(offset: 0, strides: result.strides), elementBytes: bytes, x: .buffer(source),
      y: context.buffer(node.result))
  }

  /// The permutation without extents of 1 and with axes that stay neighbours as one.
  func merged(_ shape: Shape) -> (sizes: [Int], permutation: [Int]) {
    let moving = permutation.filter { shape[$0] != 1 }
    let kept = shape.indices.filter { shape[$0] != 1 }
    // Runs of operand axes that follow each other in the result.
    var runs: [[Int]] = []
    for axis in moving {
      let rank = kept.firstIndex(of: axis)
      if let last = runs.last?.last, let before = kept.firstIndex(of: last), before + 1 == rank {
        runs[runs.count - 1].append(axis)
      } else {
        runs.append([axis])
      }
    }
    let ordered = runs.indices.sorted { runs[$0][0] < runs[$1][0] }
    var positions = [Int](repeating: 0, count: runs.count)
    for (position, run) in ordered.enumerated() { positions[run] = position }
    return (ordered.map { runs[$0].reduce(1) { $0 * shape[$1] } }, positions)
  }
}
