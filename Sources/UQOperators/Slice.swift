import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// Every `steps[i]`-th index from `starts[i]` up to, but not including, `ends[i]` along axis `i`.
///
/// Starts and ends are counted from 0 and lie inside the operand, one for each axis. A negative step runs
/// backwards; its end may be −1, which stands before index 0.
public struct Slice: Operator {
  /// First index of each axis.
  public var starts: [Int]
  /// Index after the last of each axis.
  public var ends: [Int]
  /// The axes, which are all of the operand's in order.
  public var axes: [Int]
  /// Distance between indices of each axis, not 0.
  public var steps: [Int]

  /// Creates the operator for all axes of the operand.
  public init(starts: [Int], ends: [Int], axes: [Int]? = nil, steps: [Int]? = nil) {
    self.starts = starts
    self.ends = ends
    self.axes = axes ?? Array(starts.indices)
    self.steps = steps ?? [Int](repeating: 1, count: starts.count)
  }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "slice", "A range of indices along each axis.", operands: [OperandSpec("x")])

  /// The operand's element type with as many indices as the ranges have.
  ///
  /// - Throws: `shape.slice.axes`, `shape.slice.range`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    let rank = x.shape.rank
    guard axes == Array(0..<rank), starts.count == rank, ends.count == rank, steps.count == rank
    else {
      throw shapeProblem(
        "axes", "ranges of axes \(axes) do not describe every axis of \(x.shape) in order")
    }
    var extents: [Int] = []
    for axis in 0..<rank {
      let extent = x.shape[axis]
      let (start, end, step) = (starts[axis], ends[axis], steps[axis])
      let inside =
        step > 0
        ? (0...extent).contains(start) && (0...extent).contains(end)
        : step < 0 && step > .min && start >= (extent == 0 ? -1 : 0)
          && start < max(extent, 1) && (-1..<max(extent, 1)).contains(end)
      guard inside else {
        throw shapeProblem(
          "range", "range \(start) to \(end) by \(step) leaves axis \(axis) of \(x.shape)")
      }
      let distance = step > 0 ? end - start : start - end
      extents.append(distance > 0 && extent > 0 ? (distance - 1) / abs(step) + 1 : 0)
    }
    return [x.moved(to: Shape(extents))]
  }

  /// Copies the indices.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    return [viewed(x, box(in: x.shape), as: results[0].shape)]
  }

  /// Where the result's elements lie in an operand of the given shape.
  func box(in shape: Shape) -> StridedBox {
    let strides = shape.strides
    // A step past the only index is never taken; limiting it keeps the product from overflowing.
    return StridedBox(
      offset: zip(starts, strides).reduce(0) { $0 + max($1.0, 0) * $1.1 },
      strides: shape.indices.map { max(min(steps[$0], shape[$0]), -shape[$0]) * strides[$0] })
  }

  /// The operand's quantization.
  public var quantizationRule: QuantizationRule { .inherit(0) }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Slice", 1...9) { node, builder throws(Diagnostic) in
        guard let starts = try node.ints("starts"), let ends = try node.ints("ends") else {
          throw Diagnostic(
            id: "import.attribute.missing", "attribute 'starts' or 'ends' is missing",
            at: node.place)
        }
        return try sliced(node, &builder, starts, ends, try node.ints("axes"), nil)
      },
      .onnx("Slice", 10...1000) { node, builder throws(Diagnostic) in
        try sliced(
          node, &builder, try builder.integers(node, 1, "starts"),
          try builder.integers(node, 2, "ends"), try builder.optionalIntegers(node, 3, "axes"),
          try builder.optionalIntegers(node, 4, "steps"))
      },
    ] + relayImports
  }

  static func sliced(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ starts: [Int], _ ends: [Int],
    _ axes: [Int]?, _ steps: [Int]?
  ) throws(Diagnostic) -> [ValueID] {
    let operand = try node.operand(0, "data")
    let x = builder.shape(of: operand)
    let axes = axes ?? Array(starts.indices)
    let steps = steps ?? [Int](repeating: 1, count: starts.count)
    guard starts.count == ends.count, starts.count == axes.count, starts.count == steps.count else {
      throw Diagnostic(
        id: "import.slice.count",
        "\(starts.count) starts, \(ends.count) ends, \(axes.count) axes and \(steps.count) steps",
        at: node.place)
    }
    _ = try node.axes(axes, rank: x.rank)
    var slice = Slice(starts: x.map { _ in 0 }, ends: x.dimensions)
    for (position, wanted) in axes.enumerated() {
      let axis = try node.axis(wanted, rank: x.rank)
      guard steps[position] != 0 else {
        throw Diagnostic(
          id: "import.slice.step", "the step of axis \(axis) is 0", at: node.place)
      }
      let extent = x[axis]
      let step = max(min(steps[position], Int.max - 1), 1 - Int.max)
      let limit = step > 0 ? 0...extent : -1...max(extent - 1, -1)
      let start = clamped(starts[position], extent, limit)
      slice.starts[axis] = step > 0 ? start : max(start, extent == 0 ? -1 : 0)
      slice.ends[axis] = clamped(ends[position], extent, limit)
      slice.steps[axis] = step
    }
    return try builder.add(slice, [operand], as: node)
  }

  private static func clamped(_ index: Int, _ extent: Int, _ limit: ClosedRange<Int>) -> Int {
    // A negative index plus an extent cannot overflow.
    min(max(index < 0 ? index + extent : index, limit.lowerBound), limit.upperBound)
  }
}

extension Slice: LowerableOperator {
  /// Copies of rows.
  ///
  /// - Throws: `lower.slice.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    let result = context.type(of: node.result).shape
    if result == context.type(of: x).shape, steps.allSatisfy({ $0 > 0 }) {
      return try context.pass(node, x)
    }
    let to = try context.quantization(node, node.result)
    let source = try context.conformed(node, x, to: to)
    try context.copyBox(
      node, result.dimensions, from: box(in: context.type(of: x).shape),
      to: StridedBox(offset: 0, strides: result.strides), elementBytes: to.storageBytes,
      x: .buffer(source), y: context.buffer(node.result))
  }
}
