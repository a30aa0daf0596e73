import UQGraph
import UQNumerics
import UQSupport

/// For each index, the element at it along an axis and at the index's own place along the others.
public struct GatherElements: Operator {
  /// The axis, not negative.
  public var axis: Int

  /// Creates the operator.
  public init(axis: Int) { self.axis = axis }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "gather_elements", "An element along an axis for each index.",
    operands: [OperandSpec("x"), OperandSpec("indices", .parameter)])

  /// The operand's element type in the shape of the indices.
  ///
  /// - Throws: `type.gather_elements.indices`, `shape.gather_elements.extents`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    let indices = try requiredType(operands, 1)
    guard indices.element.isInteger else {
      throw typeProblem("indices", "indices are \(indices), not integers")
    }
    guard x.shape.indices.contains(axis), indices.shape.rank == x.shape.rank,
      x.shape.indices.allSatisfy({ $0 == axis || indices.shape[$0] <= x.shape[$0] })
    else {
      throw shapeProblem(
        "extents", "indices \(indices.shape) do not fit \(x.shape) along axis \(axis)")
    }
    return [x.moved(to: indices.shape)]
  }

  /// Copies the elements; a negative index counts from the end.
  ///
  /// - Throws: `shape.gather_elements.index`.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let places = try elementPlaces(try requiredValue(operands, 1), along: axis, of: x.shape)
    let flat = Tensor(places.map(Int64.init), [places.count])
    let list = x.reshaped([x.count])
    let shape: Shape = [places.count]
    return [
      try Gather(axis: 0).evaluate([list, flat], results: [TensorType(x.element, shape)])[0]
        .reshaped(results[0].shape)
    ]
  }

  /// The operand's quantization.
  public var quantizationRule: QuantizationRule { .inherit(0) }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    let build: @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID] = {
      node, builder throws(Diagnostic) in
      let x = try node.operand(0, "data")
      let axis = try node.axis(
        try node.int("axis", default: 0), rank: builder.shape(of: x).rank)
      return try builder.add(
        GatherElements(axis: axis), [x, try node.operand(1, "indices")], as: node)
    }
    return [.onnx("GatherElements", 1...1000, build), .relay("gather", build)]
  }
}

extension Operator {
  /// The position in a tensor of `shape` that each index names along an axis.
  ///
  /// - Throws: `shape.<operator>.index`.
  func elementPlaces(_ indices: Tensor, along axis: Int, of shape: Shape) throws(Diagnostic)
    -> [Int]
  {
    let strides = shape.strides
    let own = indices.shape.strides
    var places: [Int] = []
    places.reserveCapacity(indices.count)
    for (position, index) in indices.integers.enumerated() {
      let real = index < 0 ? index + shape[axis] : index
      guard (0..<shape[axis]).contains(real) else {
        throw shapeProblem(
          "index", "index \(index) is outside axis \(axis) of extent \(shape[axis])")
      }
      var place = real * strides[axis]
      for other in shape.indices where other != axis {
        place += position / own[other] % indices.shape[other] * strides[other]
      }
      places.append(place)
    }
    return places
  }
}
