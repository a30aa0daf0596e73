import UQGraph
import UQNumerics
import UQSupport

/// Import of ranges of numbers between constants.
public enum NumberRange: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Range") { node, builder throws(Diagnostic) in try range(node, &builder) },
      .relay("arange") { node, builder throws(Diagnostic) in try range(node, &builder) },
    ]
  }

  private static func range(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let operands = [
      try constant(node, builder, 0), try constant(node, builder, 1),
      try constant(node, builder, 2),
    ]
    let element = operands[0].element
    try require(
      operands.allSatisfy { $0.count == 1 && $0.element == element && $0.element != .bool }, node,
      "start, limit and step are \(operands.map { "\($0.type)" }.joined(separator: ", "))")
    let values = operands.map { $0.converted(to: .float64).elements(Double.self)[0] }
    let count = ((values[1] - values[0]) / values[2]).rounded(.up)
    try require(count <= Double(1 << 20), node, "from \(values[0]) to \(values[1]) by \(values[2])")
    let positions = 0..<Int(max(count, 0))
    if element.isFloat {
      let result = positions.map { values[0] + Double($0) * values[2] }
      return builder.addConstant(Tensor(doubles: result, element, [result.count]), as: node)
    }
    let start = Int64(operands[0].integers[0])
    let step = Int64(operands[2].integers[0])
    let result = positions.map { start &+ Int64($0) &* step }
    return builder.addConstant(Tensor(wrapping: result, element, [result.count]), as: node)
  }

  private static func constant(_ node: ForeignNode, _ builder: GraphBuilder, _ index: Int)
    throws(Diagnostic) -> Tensor
  {
    guard let value = builder.constant(try node.operand(index, "\(index)")) else {
      throw Diagnostic(
        id: "import.operator.nonconstant",
        "\(node.operatorName) of a tensor that depends on the input is not supported; operand"
          + " \(index) does", at: node.place)
    }
    return value
  }

  private static func require(_ condition: Bool, _ node: ForeignNode, _ message: String)
    throws(Diagnostic)
  {
    if !condition { throw problem(node, message) }
  }

  private static func problem(_ node: ForeignNode, _ message: String) -> Diagnostic {
    Diagnostic(id: "import.operand.type", message, at: node.place)
  }
}
