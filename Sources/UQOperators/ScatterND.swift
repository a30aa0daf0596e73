import UQGraph
import UQNumerics
import UQSupport

/// Import of a scatter by tuples of indices: a scatter along the flattened tensor.
public enum ScatterND: ForeignOperator {
  /// The rules, one for each name.
  public static var imports: [ImportRule] {
    [.relay("scatter_nd") { node, builder throws(Diagnostic) in try scattered(node, &builder) }]
  }

  /// Indices are `[M, Y...]` with the tuples along the first axis, updates `[Y..., X_M, ...]`.
  private static func scattered(
    _ node: ForeignNode, _ builder: inout GraphBuilder
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "data")
    let indices = try node.operand(1, "indices")
    let updates = try node.operand(2, "updates")
    let (shape, tuples) = (builder.shape(of: x), builder.shape(of: indices))
    let depth = tuples.first ?? 0
    let mode = try node.text("mode", default: "update")
    guard let reduction = ScatterElements.Reduction(rawValue: mode) else {
      throw Diagnostic(
        id: "import.scatter.reduction", "reduction '\(mode)' is not supported", at: node.place)
    }
    guard (1...max(shape.rank, 1)).contains(depth), shape.rank > 0,
      builder.type(of: indices).element.isInteger,
      builder.shape(of: updates).dimensions == Array(tuples[1...]) + Array(shape[depth...])
    else {
      throw Diagnostic(
        id: "shape.scatter_nd.extents",
        "indices \(builder.type(of: indices)) and updates \(builder.shape(of: updates)) do not fit "
          + "\(shape)", at: node.place)
    }
    let count = try node.shape(Array(tuples[1...])).count
    let inner = try node.shape(Array(shape[depth...])).count
    guard count > 0, inner > 0 else { return [x] }
    let strides = builder.addConstant(
      Tensor(shape.strides.prefix(depth).map(Int64.init), [depth, 1]),
      name: "\(node.name):strides")
    let offsets = builder.addConstant(
      Tensor((0..<inner).map(Int64.init), [1, inner]), name: "\(node.name):offsets")
    func step(_ op: some Operator, _ operands: [ValueID], _ name: String) throws(Diagnostic)
      -> ValueID
    {
      try builder.addStep(op, operands, name, of: node)
    }
    let wide = try step(Cast(element: .int64), [indices], "wide")
    let rows = try step(Reshape(shape: try node.shape([depth, count])), [wide], "tuples")
    let products = try step(Multiply(), [rows, strides], "products")
    let starts = try step(
      Reduce(kind: .sum, axes: [0], keepsDimensions: false), [products], "sums")
    let column = try step(Reshape(shape: try node.shape([count, 1])), [starts], "starts")
    let places = try step(Add(), [column, offsets], "places")
    let flat = try node.shape([count * inner])
    let targets = try step(Reshape(shape: flat), [places], "targets")
    let values = try step(Reshape(shape: flat), [updates], "values")
    let line = try step(Reshape(shape: try node.shape([shape.count])), [x], "line")
    let written = try step(
      ScatterElements(axis: 0, reduction: reduction), [line, targets, values], "written")
    return try builder.add(Reshape(shape: shape), [written], as: node)
  }
}
