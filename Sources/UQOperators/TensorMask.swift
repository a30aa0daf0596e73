import UQGraph
import UQNumerics
import UQSupport

/// Import of masks by position, triangles and lengths of sequences: a comparison and a selection.
public enum TensorMask: ForeignOperator {
  /// The rules, one for each name.
  public static var imports: [ImportRule] {
    [
      .relay("trilu") { node, builder throws(Diagnostic) in try triangle(node, &builder) },
      .relay("sequence_mask") { node, builder throws(Diagnostic) in
        try sequence(node, &builder)
      },
    ]
  }

  /// Keeps `x[..., i, j]` where `j − i ≥ k` (upper) or `j − i ≤ k`; the rest is 0.
  private static func triangle(
    _ node: ForeignNode, _ builder: inout GraphBuilder
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "data")
    let type = builder.type(of: x)
    guard type.shape.rank >= 2, let diagonal = try builder.integers(node, 1, "k").first else {
      throw Diagnostic(
        id: "import.operand.type", "a triangle of \(type), which has no two axes", at: node.place)
    }
    guard type.shape.count > 0 else { return [x] }
    let isUpper = try node.flag("upper", default: true)
    let (rows, columns) = (type.shape[type.shape.rank - 2], type.shape[type.shape.rank - 1])
    let bits = (0..<rows).flatMap { i in
      (0..<columns).map { j in isUpper ? j - i >= diagonal : j - i <= diagonal }
    }
    let mask = builder.addConstant(Tensor(bits, [rows, columns]), name: "\(node.name):mask")
    let zero = builder.addConstant(Tensor(zeros: type.element, []), name: "\(node.name):zero")
    return try builder.add(Where(), [mask, x, zero], as: node)
  }

  /// Keeps step `t` of sequence `b` where `t < valid_length[b]`; the steps are axis 0 or 1, the
  /// sequences the other one.
  private static func sequence(
    _ node: ForeignNode, _ builder: inout GraphBuilder
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "data")
    let lengths = try node.operand(1, "valid_length")
    let (type, lengthType) = (builder.type(of: x), builder.type(of: lengths))
    let axis = try node.int("axis", default: 0)
    guard type.shape.rank >= 2, axis == 0 || axis == 1,
      lengthType.shape == [type.shape[1 - axis]], lengthType.element != .bool
    else {
      throw Diagnostic(
        id: "import.operand.type",
        "masks \(type) along axis \(axis) by lengths \(lengthType); axis 0 or 1 and a length for "
          + "each sequence are supported", at: node.place)
    }
    guard type.shape.count > 0 else { return [x] }
    let steps = type.shape[axis]
    let ones = [Int](repeating: 1, count: type.shape.rank - 1)
    let positions = builder.addConstant(
      Tensor(doubles: (0..<steps).map(Double.init), lengthType.element, [steps])
        .reshaped(try node.shape(axis == 0 ? [steps] + ones : [1, steps] + ones.dropFirst())),
      name: "\(node.name):positions")
    let aligned = try builder.addStep(
      Reshape(
        shape: try node.shape(
          axis == 0
            ? [1, lengthType.shape.count] + ones.dropFirst() : [lengthType.shape.count] + ones)),
      [lengths], "lengths", of: node)
    let mask = try builder.addStep(
      Compare(kind: .less), [positions, aligned], "mask", of: node)
    let value = builder.addConstant(
      Tensor(scalar: try node.float("mask_value", default: 0)).converted(to: type.element),
      name: "\(node.name):value")
    return try builder.add(Where(), [mask, x, value], as: node)
  }
}
