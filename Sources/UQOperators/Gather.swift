import UQGraph
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
      }
    ]
  }
}
