import UQGraph
import UQNumerics
import UQSupport

/// The elements in order along an axis, or the positions that they had; equal ones keep their order.
public struct Sort: Operator {
  /// The axis, not negative.
  public var axis: Int
  /// Whether the largest comes first.
  public var isDescending: Bool
  /// Integer or float type of the positions; `nil` for the elements themselves.
  public var positions: ElementType?

  /// Creates the operator.
  public init(axis: Int, isDescending: Bool, positions: ElementType? = nil) {
    self.axis = axis
    self.isDescending = isDescending
    self.positions = positions
  }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "sort", "The elements in order along an axis, or their positions.",
    operands: [OperandSpec("x")])

  /// The operand's shape.
  ///
  /// - Throws: `shape.sort.axis`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard x.shape.indices.contains(axis) else {
      throw shapeProblem("axis", "axis \(axis) is outside \(x.shape)")
    }
    return [positions.map { TensorType($0, x.shape) } ?? x.moved(to: x.shape)]
  }

  /// Sorts each line.
  ///
  /// - Complexity: O(n log n) for each line.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let places =
      x.element.isFloat
      ? ranks(x.converted(to: .float64), Double.self) : ranks(x.converted(to: .int64), Int64.self)
    if let positions { return [places.converted(to: positions)] }
    return try GatherElements(axis: axis).evaluate([x, places], results: [x.type])
  }

  private func ranks<T: TensorElement & Comparable>(_ x: Tensor, _: T.Type) -> Tensor {
    var result = Tensor(zeros: .int64, x.shape)
    guard x.count > 0 else { return result }
    let extent = x.shape[axis]
    let step = x.shape.strides[axis]
    result.withMutableElements(Int64.self) { output in
      x.withElements(T.self) { x in
        for outer in 0..<x.count / (extent * step) {
          for inner in 0..<step {
            let start = outer * extent * step + inner
            let order = (0..<extent).sorted { a, b in
              let (p, q) = (x[start + a * step], x[start + b * step])
              if p == q { return a < b }
              return isDescending ? p > q : p < q
            }
            for (i, place) in order.enumerated() { output[start + i * step] = Int64(place) }
          }
        }
      }
    }
    return result
  }

  /// The operand's quantization; positions are no quantized numbers.
  public var quantizationRule: QuantizationRule { positions == nil ? .inherit(0) : .plain }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .relay("sort") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let op = Sort(
          axis: try axis(node, builder, x),
          isDescending: !(try node.flag("is_ascend", default: true)))
        return try builder.add(op, [x], as: node)
      },
      .relay("argsort") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let op = Sort(
          axis: try axis(node, builder, x),
          isDescending: !(try node.flag("is_ascend", default: true)),
          positions: try node.elementType("dtype") ?? .int32)
        return try builder.add(op, [x], as: node)
      },
      .relay("topk") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let axis = try axis(node, builder, x)
        let extent = builder.shape(of: x)[axis]
        var count = try node.optionalInt("k") ?? 1
        if let operand = try builder.optionalScalar(node, 1, "k") {
          count = Int(exactly: operand) ?? -1
        }
        let wanted = try node.text("ret_type", default: "both")
        let kinds: [ElementType?]
        let element = try node.elementType("dtype") ?? .int32
        switch wanted {
        case "both": kinds = [nil, element]
        case "values": kinds = [nil]
        default: kinds = [element]
        }
        return try largest(
          node, &builder, axis, count < 1 ? extent : count,
          isDescending: !(try node.flag("is_ascend")), kinds)
      },
      .onnx("TopK", 10...1000) { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "X")
        let axis = try axis(node, builder, x)
        let count = try builder.integers(node, 1, "K").first ?? 0
        return try largest(
          node, &builder, axis, count,
          isDescending: try node.int("largest", default: 1) != 0, [nil, .int64])
      },
    ]
  }

  private static func axis(_ node: ForeignNode, _ builder: GraphBuilder, _ x: ValueID)
    throws(Diagnostic) -> Int
  {
    try node.axis(try node.int("axis", default: -1), rank: builder.shape(of: x).rank)
  }

  private static func largest(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ axis: Int, _ count: Int,
    isDescending: Bool, _ kinds: [ElementType?]
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "data")
    let shape = builder.shape(of: x)
    guard (0...shape[axis]).contains(count) else {
      throw Diagnostic(
        id: "import.topk.count", "takes \(count) elements of axis \(axis) of \(shape)",
        at: node.place)
    }
    var ends = shape.dimensions
    ends[axis] = count
    var results: [ValueID] = []
    for (index, positions) in kinds.enumerated() {
      let sorted = try builder.addStep(
        Sort(axis: axis, isDescending: isDescending, positions: positions), [x],
        "sorted\(index)", of: node)
      let name = index < node.results.count ? [node.results[index]] : []
      results += try builder.add(
        Slice(starts: shape.map { _ in 0 }, ends: ends), [sorted], name: "\(node.name):\(index)",
        results: name, place: node.place)
    }
    return results
  }
}
