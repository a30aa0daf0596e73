import UQGraph
import UQNumerics
import UQSupport

/// Import of constants: `Constant`, and `ConstantOfShape`.
public enum ConstantValue: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Constant") { node, builder throws(Diagnostic) in
        builder.addConstant(try value(of: node), as: node)
      },
      .onnx("ConstantOfShape") { node, builder throws(Diagnostic) in
        let shape = try node.shape(try builder.integers(node, 0, "input"))
        var element = Tensor(scalar: 0)
        if let attribute = node.attributes["value"] {
          guard case .tensor(let tensor) = attribute, tensor.count == 1 else {
            throw Diagnostic(
              id: "import.attribute.type", "attribute 'value' is not a tensor of one element",
              at: node.place)
          }
          element = tensor.reshaped([])
        }
        let constant = builder.addConstant(element, name: "\(node.name):value")
        return try builder.add(Broadcast(shape: shape), [constant], as: node)
      },
    ]
  }

  private static func value(of node: ForeignNode) throws(Diagnostic) -> Tensor {
    let kinds = [
      "value", "value_float", "value_floats", "value_int", "value_ints", "value_string",
      "value_strings", "sparse_value",
    ]
    let given = kinds.filter { node.attributes[$0] != nil }
    guard given.count == 1, let kind = given.first, let attribute = node.attributes[kind] else {
      throw Diagnostic(
        id: "import.constant.value", "has \(given.count) values \(given), not one", at: node.place)
    }
    switch (kind, attribute) {
    case ("value", .tensor(let tensor)): return tensor
    case ("value_float", _): return Tensor(scalar: try node.float(kind))
    case ("value_floats", .floats(let values)): return Tensor(values, [values.count])
    case ("value_int", .int(let value)): return Tensor([Int64(value)], [])
    case ("value_floats", _), ("value_ints", _):
      let values = try node.ints(kind) ?? []
      if kind == "value_floats" { return Tensor(values.map(Float.init), [values.count]) }
      return Tensor(values.map(Int64.init), [values.count])
    default:
      throw Diagnostic(
        id: "import.constant.kind", "'\(kind)' does not hold a dense tensor of numbers",
        at: node.place)
    }
  }
}
