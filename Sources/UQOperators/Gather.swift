import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// The slices of a tensor along an axis that indices name.
public struct Gather: Operator {
  /// The axis, not negative.
  public var axis: Int

  /// Creates the operator.
  public init(axis: Int) { self.axis = axis }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "gather", "The slices along an axis that indices name.",
    operands: [OperandSpec("x"), OperandSpec("indices", .parameter)])

  /// The operand's element type; the axis gives way to the axes of the indices.
  ///
  /// - Throws: `type.gather.indices`, `shape.gather.axis`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    let indices = try requiredType(operands, 1)
    guard indices.element.isInteger else {
      throw typeProblem("indices", "indices are \(indices), not integers")
    }
    guard x.shape.indices.contains(axis) else {
      throw shapeProblem("axis", "axis \(axis) is outside \(x.shape)")
    }
    let extents = x.shape[..<axis] + indices.shape.dimensions + x.shape[(axis + 1)...]
    guard let shape = Shape(checking: Array(extents)) else {
      throw shapeProblem("size", "the result would be \(Array(extents))")
    }
    return [x.moved(to: shape)]
  }

  /// Copies the slices; a negative index counts from the end.
  ///
  /// - Throws: `shape.gather.index`.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let indices = try normalizedIndices(try requiredValue(operands, 1), extent: x.shape[axis])
    var result = Tensor(zeros: x.element, results[0].shape)
    let outer = x.shape[..<axis].reduce(1, *)
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    let extent = x.shape[axis]
    for (position, index) in indices.enumerated() {
      copyBox(
        [outer, inner], from: x,
        StridedBox(offset: index * inner, strides: [extent * inner, 1]), to: &result,
        StridedBox(offset: position * inner, strides: [indices.count * inner, 1]))
    }
    return [result]
  }

  /// The indices, counted from 0.
  ///
  /// - Throws: `shape.gather.index`.
  func normalizedIndices(_ tensor: Tensor, extent: Int) throws(Diagnostic) -> [Int] {
    var result: [Int] = []
    result.reserveCapacity(tensor.count)
    for index in tensor.integers {
      let real = index < 0 ? index + extent : index
      guard (0..<extent).contains(real) else {
        throw shapeProblem("index", "index \(index) is outside axis \(axis) of extent \(extent)")
      }
      result.append(real)
    }
    return result
  }

  /// The operand's quantization.
  public var quantizationRule: QuantizationRule { .inherit(0) }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Gather") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let shape = builder.shape(of: x)
        let indices = try node.operand(1, "indices")
        let axis = try node.axis(try node.int("axis", default: 0), rank: shape.rank)
        let gather = Gather(axis: axis)
        if let constant = builder.constant(indices), constant.element.isInteger {
          do throws(Diagnostic) {
            _ = try gather.normalizedIndices(constant, extent: shape[axis])
          } catch {
            throw error.located(in: node.place)
          }
        }
        return try builder.add(gather, [x, indices], as: node)
      },
      .relay("take") { node, builder throws(Diagnostic) in try taken(node, &builder) },
    ]
  }
}

extension Gather {
  /// Slices by indices that are limited to the axis, or wrap around it.
  private static func taken(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    var x = try node.operand(0, "data")
    var indices = try node.operand(1, "indices")
    let mode = try node.text("mode", default: "clip")
    guard try node.int("batch_dims", default: 0) == 0, ["clip", "wrap", "fast"].contains(mode),
      builder.type(of: indices).element.isInteger
    else {
      throw Diagnostic(
        id: "import.take.mode",
        "takes by \(builder.type(of: indices)) in mode '\(mode)' with batch_dims "
          + "\(try node.int("batch_dims", default: 0)); 'clip', 'wrap' and 'fast' without batch "
          + "axes are supported", at: node.place)
    }
    var axis = 0
    if let given = try node.optionalInt("axis") {
      axis = try node.axis(given, rank: builder.shape(of: x).rank)
    } else {
      let flat: Shape = [builder.shape(of: x).count]
      x = try builder.addStep(Reshape(shape: flat), [x], "flat", of: node)
    }
    let extent = builder.shape(of: x)[axis]
    let element = builder.type(of: indices).element
    func scalar(_ value: Int, _ role: String) -> ValueID {
      builder.addConstant(
        Tensor(wrapping: [Int64(value)], element, []), name: "\(node.name):\(role)")
    }
    if mode == "wrap" {
      let bound = scalar(extent, "extent")
      indices = try builder.addStep(
        Modulo(kind: .floorRemainder), [indices, bound], "wrapped", of: node)
    } else if mode == "clip" {
      let low = scalar(0, "first")
      let high = scalar(max(extent - 1, 0), "last")
      indices = try builder.addStep(Maximum(), [indices, low], "raised", of: node)
      indices = try builder.addStep(Minimum(), [indices, high], "limited", of: node)
    }
    return try builder.add(Gather(axis: axis), [x, indices], as: node)
  }
}

extension Gather: LowerableOperator {
  /// Copies of evenly spaced runs of constant indices.
  ///
  /// - Throws: `lower.gather.indices` for indices that depend on the input, `lower.gather.scattered`
  ///   for more than 64 runs, `lower.gather.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    let id = try context.operand(node, 1)
    guard let constant = context.graph.constant(id) else {
      throw context.problem(
        node, "indices", "indices '\(context.graph[id].name)' are not constant")
    }
    let shape = context.type(of: x).shape
    let indices = try normalizedIndices(constant, extent: shape[axis])
    let runs = evenRuns(indices)
    guard runs.count <= 64 else {
      throw context.problem(
        node, "scattered", "gathers \(indices.count) slices in \(runs.count) runs, more than 64")
    }
    let to = try context.quantization(node, node.result)
    let source = try context.conformed(node, x, to: to)
    let outer = shape[..<axis].reduce(1, *)
    let inner = shape[(axis + 1)...].reduce(1, *)
    for run in runs {
      try context.copyBox(
        node, [outer, run.count, inner],
        from: StridedBox(
          offset: run.first * inner, strides: [shape[axis] * inner, run.step * inner, 1]),
        to: StridedBox(
          offset: run.position * inner, strides: [indices.count * inner, inner, 1]),
        elementBytes: to.storageBytes, x: .buffer(source), y: context.buffer(node.result))
    }
  }

  private func evenRuns(_ indices: [Int]) -> [(position: Int, first: Int, step: Int, count: Int)] {
    var runs: [(position: Int, first: Int, step: Int, count: Int)] = []
    for (position, index) in indices.enumerated() {
      if let last = runs.last {
        let step = index - (last.first + (last.count - 1) * last.step)
        if last.count == 1 || step == last.step {
          runs[runs.count - 1].step = step
          runs[runs.count - 1].count += 1
          continue
        }
      }
      runs.append((position, index, 0, 1))
    }
    return runs
  }
}
