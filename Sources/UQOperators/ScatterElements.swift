import UQGraph
import UQNumerics
import UQSupport

/// A copy of `x` with elements replaced by updates, or combined with them, at indices along an axis.
public struct ScatterElements: Operator {
  /// How an update meets the element at its place.
  public enum Reduction: String, Hashable, Codable, Sendable, CaseIterable {
    case update, add, mul, min, max
  }

  /// The axis, not negative.
  public var axis: Int
  /// How an update meets the element at its place.
  public var reduction: Reduction

  /// Creates the operator.
  public init(axis: Int, reduction: Reduction = .update) {
    self.axis = axis
    self.reduction = reduction
  }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "scatter_elements", "A copy with elements replaced at indices along an axis.",
    operands: [OperandSpec("x"), OperandSpec("indices", .parameter), OperandSpec("updates")])

  /// The operand's type.
  ///
  /// - Throws: `type.scatter_elements.indices`, `shape.scatter_elements.extents`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    let indices = try requiredType(operands, 1)
    let updates = try requiredType(operands, 2)
    guard indices.element.isInteger, updates.valueElement == x.valueElement,
      x.valueElement != .bool || reduction == .update
    else {
      throw typeProblem("indices", "puts \(updates) into \(x) at \(indices)")
    }
    guard x.shape.indices.contains(axis), indices.shape.rank == x.shape.rank,
      updates.shape == indices.shape,
      x.shape.indices.allSatisfy({ $0 == axis || indices.shape[$0] <= x.shape[$0] })
    else {
      throw shapeProblem(
        "extents",
        "indices \(indices.shape) and updates \(updates.shape) do not fit \(x.shape) along axis "
          + "\(axis)")
    }
    return [TensorType(x.valueElement, x.shape)]
  }

  /// Goes over the updates in row-major order; a negative index counts from the end.
  ///
  /// - Throws: `shape.scatter_elements.index`.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let places = try elementPlaces(try requiredValue(operands, 1), along: axis, of: x.shape)
    let updates = try requiredValue(operands, 2)
    if x.element.isFloat {
      let result = scattered(
        x.converted(to: .float64), updates.converted(to: .float64), places, Double.self
      ) {
        $0 + $1
      } times: {
        $0 * $1
      }
      return [result.converted(to: x.element)]
    }
    let result = scattered(
      x.converted(to: .int64), updates.converted(to: .int64), places, Int64.self
    ) {
      $0 &+ $1
    } times: {
      $0 &* $1
    }
    return [result.converted(to: x.element)]
  }

  private func scattered<T: TensorElement & Comparable>(
    _ x: Tensor, _ updates: Tensor, _ places: [Int], _: T.Type, plus: (T, T) -> T,
    times: (T, T) -> T
  ) -> Tensor {
    var result = x
    result.withMutableElements(T.self) { output in
      updates.withElements(T.self) { updates in
        for (i, place) in places.enumerated() {
          switch reduction {
          case .update: output[place] = updates[i]
          case .add: output[place] = plus(output[place], updates[i])
          case .mul: output[place] = times(output[place], updates[i])
          case .min: output[place] = Swift.min(output[place], updates[i])
          case .max: output[place] = Swift.max(output[place], updates[i])
          }
        }
      }
    }
    return result
  }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    let build: @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID] = {
      node, builder throws(Diagnostic) in
      let operands = [
        try node.operand(0, "data"), try node.operand(1, "indices"),
        try node.operand(2, "updates"),
      ]
      let name = try node.text("reduction", default: "update")
      guard let reduction = Reduction(rawValue: name == "none" ? "update" : name) else {
        throw Diagnostic(
          id: "import.scatter.reduction", "reduction '\(name)' is not supported", at: node.place)
      }
      let axis = try node.axis(
        try node.int("axis", default: 0), rank: builder.shape(of: operands[0]).rank)
      return try builder.add(
        ScatterElements(axis: axis, reduction: reduction), operands, as: node)
    }
    return [
      .onnx("ScatterElements", 1...1000, build), .relay("scatter", build),
      .relay("scatter_elements", build),
    ]
  }
}
