import UQGraph
import UQNumerics
import UQSupport

/// Import of one-hot coding: a comparison with the positions and a selection.
public enum OneHot: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .relay("one_hot") { node, builder throws(Diagnostic) in
        let depth = try node.int("depth")
        return try coded(
          node, &builder, depth, try node.operand(1, "on_value"), try node.operand(2, "off_value"))
      },
      .onnx("OneHot") { node, builder throws(Diagnostic) in
        guard let depth = try builder.integers(node, 1, "depth").first else {
          throw Diagnostic(id: "import.operand.type", "'depth' is empty", at: node.place)
        }
        let values = try node.operand(2, "values")
        let off = try builder.addStep(Slice(starts: [0], ends: [1]), [values], "off", of: node)
        let on = try builder.addStep(Slice(starts: [1], ends: [2]), [values], "on", of: node)
        return try coded(node, &builder, depth, on, off)
      },
    ]
  }

  private static func coded(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ depth: Int, _ on: ValueID, _ off: ValueID
  ) throws(Diagnostic) -> [ValueID] {
    let indices = try node.operand(0, "indices")
    let type = builder.type(of: indices)
    let rank = type.shape.rank + 1
    let axis = try node.axis(try node.int("axis", default: -1), rank: rank)
    guard (0...1 << 20).contains(depth), type.element.isInteger else {
      throw Diagnostic(
        id: "import.one-hot.depth", "codes \(type) at depth \(depth)", at: node.place)
    }
    var extents = type.shape.dimensions
    extents.insert(1, at: axis)
    var positions = [Int](repeating: 1, count: rank)
    positions[axis] = depth
    var wide = indices
    wide = try builder.addStep(
      Reshape(shape: try node.shape(extents)), [wide], "wide", of: node)
    if node.dialect == .onnx {
      // A negative index counts from the end.
      let bound = builder.addConstant(
        Tensor(wrapping: [Int64(depth)], type.element, []), name: "\(node.name):depth")
      let zero = builder.addConstant(Tensor(zeros: type.element, []), name: "\(node.name):zero")
      let isNegative = try builder.addStep(
        Compare(kind: .less), [wide, zero], "negative", of: node)
      let raised = try builder.addStep(Add(), [wide, bound], "raised", of: node)
      wide = try builder.addStep(Where(), [isNegative, raised, wide], "index", of: node)
    }
    let line = builder.addConstant(
      Tensor(wrapping: (0..<depth).map(Int64.init), type.element, try node.shape(positions)),
      name: "\(node.name):positions")
    let hit = try builder.addStep(Compare(kind: .equal), [wide, line], "hit", of: node)
    return try builder.add(Where(), [hit, on, off], as: node)
  }
}
