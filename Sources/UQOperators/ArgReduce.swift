import UQGraph
import UQNumerics
import UQSupport

/// The position of the largest or smallest element along some axes, row-major among them.
public struct ArgReduce: Operator {
  /// Whether the smallest element is looked for.
  public var isMinimum: Bool
  /// The axes, distinct, ascending, not negative.
  public var axes: [Int]
  /// Whether the axes stay with extent 1.
  public var keepsDimensions: Bool
  /// Whether the last of equal elements counts, not the first.
  public var selectsLast: Bool
  /// Integer type of the result.
  public var element: ElementType

  /// Creates the operator.
  public init(
    isMinimum: Bool, axes: [Int], keepsDimensions: Bool, selectsLast: Bool = false,
    element: ElementType = .int64
  ) {
    self.isMinimum = isMinimum
    self.axes = axes
    self.keepsDimensions = keepsDimensions
    self.selectsLast = selectsLast
    self.element = element
  }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "arg_reduce", "Position of the largest or smallest element along axes.",
    operands: [OperandSpec("x")])

  /// Integers without the axes, or with extents of 1 in their place.
  ///
  /// - Throws: `shape.arg_reduce.axes`, `type.arg_reduce.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard Array(Set(axes)).sorted() == axes, axes.allSatisfy({ x.shape.indices.contains($0) }),
      axes.allSatisfy({ x.shape[$0] > 0 })
    else {
      throw shapeProblem(
        "axes", "axes \(axes) are not distinct ascending axes of \(x.shape) with elements")
    }
    guard element.isInteger else {
      throw typeProblem("element", "positions are integers, not \(element.name)")
    }
    return [
      TensorType(
        element,
        Shape(
          x.shape.indices.compactMap { axis in
            axes.contains(axis) ? (keepsDimensions ? 1 : nil) : x.shape[axis]
          }))
    ]
  }

  /// Compares exactly; a NaN is never chosen unless it stands first.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let kept = x.shape.indices.filter { !axes.contains($0) }
    let order = kept + axes
    let lines = x.permuted(order)
    let count = axes.reduce(1) { $0 * x.shape[$1] }
    let positions =
      x.element.isFloat
      ? positions(lines.converted(to: .float64), Double.self, count)
      : positions(lines.converted(to: .int64), Int64.self, count)
    return [Tensor(wrapping: positions, element, results[0].shape)]
  }

  private func positions<T: TensorElement & Comparable>(
    _ x: Tensor, _: T.Type, _ count: Int
  ) -> [Int64] {
    x.withElements(T.self) { x in
      (0..<x.count / Swift.max(count, 1)).map { line in
        let start = line * count
        var best = 0
        for i in 1..<Swift.max(count, 1) {
          let (a, b) = (x[start + i], x[start + best])
          let wins = isMinimum ? a < b : a > b
          if wins || (selectsLast && a == b) { best = i }
        }
        return Int64(best)
      }
    }
  }

  /// Positions are no quantized numbers.
  public var quantizationRule: QuantizationRule { .plain }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [("ArgMax", "argmax", false), ("ArgMin", "argmin", true)].flatMap {
      (onnx, relay, isMinimum) -> [ImportRule] in
      [
        .onnx(onnx) { node, builder throws(Diagnostic) in
          let x = try node.operand(0, "data")
          let rank = builder.shape(of: x).rank
          let op = ArgReduce(
            isMinimum: isMinimum,
            axes: [try node.axis(try node.int("axis", default: 0), rank: rank)],
            keepsDimensions: try node.int("keepdims", default: 1) != 0,
            selectsLast: try node.int("select_last_index", default: 0) != 0)
          return try builder.add(op, [x], as: node)
        },
        .relay(relay) { node, builder throws(Diagnostic) in
          let x = try node.operand(0, "data")
          let op = ArgReduce(
            isMinimum: isMinimum,
            axes: try node.reducedAxes(rank: builder.shape(of: x).rank),
            keepsDimensions: try node.flag("keepdims"),
            selectsLast: try node.flag("select_last_index"), element: .int32)
          return try builder.add(op, [x], as: node)
        },
      ]
    }
  }
}
