import UQGraph
import UQNumerics
import UQSupport

/// The sum, or the product, of all elements up to each one along an axis.
public struct CumulativeSum: Operator {
  /// The axis, not negative.
  public var axis: Int
  /// Whether the element itself is left out.
  public var isExclusive: Bool
  /// Whether elements are counted from the end.
  public var isReverse: Bool
  /// Whether elements are multiplied.
  public var isProduct: Bool
  /// Type of the result, which is also accumulated in.
  public var element: ElementType

  /// Creates the operator.
  public init(
    axis: Int, isExclusive: Bool = false, isReverse: Bool = false, isProduct: Bool = false,
    element: ElementType
  ) {
    self.axis = axis
    self.isExclusive = isExclusive
    self.isReverse = isReverse
    self.isProduct = isProduct
    self.element = element
  }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "cumulative_sum", "Running sum or product along an axis.", operands: [OperandSpec("x")])

  /// The operand's shape.
  ///
  /// - Throws: `shape.cumulative_sum.axis`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard x.shape.indices.contains(axis) else {
      throw shapeProblem("axis", "axis \(axis) is outside \(x.shape)")
    }
    return [TensorType(element, x.shape)]
  }

  /// Accumulates floating-point elements in `Double` and integers modulo 2⁶⁴.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let (start, isProduct) = (isProduct ? 1 : 0, isProduct)
    if element.isFloat {
      return [
        accumulated(x.converted(to: .float64), Double(start)) { isProduct ? $0 * $1 : $0 + $1 }
          .converted(to: element)
      ]
    }
    return [
      accumulated(x.converted(to: .int64), Int64(start)) { isProduct ? $0 &* $1 : $0 &+ $1 }
        .converted(to: element)
    ]
  }

  private func accumulated<T: TensorElement>(
    _ x: Tensor, _ start: T, _ combine: (T, T) -> T
  ) -> Tensor {
    x.mappedLines(along: axis) { (x: UnsafePointer<T>, y, count, step) in
      var sum = start
      for i in 0..<count {
        let place = (isReverse ? count - 1 - i : i) * step
        let next = combine(sum, x[place])
        y[place] = isExclusive ? sum : next
        sum = next
      }
    }
  }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("CumSum") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "x")
        let axis = try builder.integers(node, 1, "axis").first ?? 0
        let op = CumulativeSum(
          axis: try node.axis(axis, rank: builder.shape(of: x).rank),
          isExclusive: try node.int("exclusive", default: 0) != 0,
          isReverse: try node.int("reverse", default: 0) != 0, element: builder.type(of: x).element)
        return try builder.add(op, [x], as: node)
      },
      .relay("cumprod") { node, builder throws(Diagnostic) in
        try scanned(node, &builder, isProduct: true)
      },
      .relay("cumsum") { node, builder throws(Diagnostic) in
        try scanned(node, &builder, isProduct: false)
      },
    ]
  }

  private static func scanned(
    _ node: ForeignNode, _ builder: inout GraphBuilder, isProduct: Bool
  ) throws(Diagnostic) -> [ValueID] {
    var x = try node.operand(0, "data")
    let element = try node.elementType("dtype") ?? builder.type(of: x).element
    var axis = 0
    if let given = try node.optionalInt("axis") {
      axis = try node.axis(given, rank: builder.shape(of: x).rank)
    } else {
      let flat: Shape = [builder.shape(of: x).count]
      x = try builder.addStep(Reshape(shape: flat), [x], "flat", of: node)
    }
    if element != builder.type(of: x).element {
      x = try builder.addStep(Cast(element: element), [x], "cast", of: node)
    }
    let op = CumulativeSum(
      axis: axis, isExclusive: try node.flag("exclusive"), isProduct: isProduct, element: element)
    return try builder.add(op, [x], as: node)
  }
}
