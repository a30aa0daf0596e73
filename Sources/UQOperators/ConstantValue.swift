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
      .relay("full") { node, builder throws(Diagnostic) in
        let value = try node.operand(0, "fill_value")
        return try filled(node, &builder, value, try extents(node, builder, 1))
      },
      .relay("full_like") { node, builder throws(Diagnostic) in
        let like = builder.shape(of: try node.operand(0, "data"))
        return try filled(node, &builder, try node.operand(1, "fill_value"), like)
      },
      .relay("zeros") { node, builder throws(Diagnostic) in
        let element = try node.elementType("dtype") ?? .float32
        return try uniform(node, &builder, 0, TensorType(element, try extents(node, builder, 0)))
      },
      .relay("ones") { node, builder throws(Diagnostic) in
        let element = try node.elementType("dtype") ?? .float32
        return try uniform(node, &builder, 1, TensorType(element, try extents(node, builder, 0)))
      },
      .relay("zeros_like") { node, builder throws(Diagnostic) in
        try uniform(node, &builder, 0, builder.type(of: try node.operand(0, "data")))
      },
      .relay("ones_like") { node, builder throws(Diagnostic) in
        try uniform(node, &builder, 1, builder.type(of: try node.operand(0, "data")))
      },
    ]
  }

  /// The attribute `shape`, or the operand that older programs and dynamic ones have for it.
  private static func extents(_ node: ForeignNode, _ builder: GraphBuilder, _ index: Int)
    throws(Diagnostic) -> Shape
  {
    if let listed = try node.listed("shape") { return try node.shape(listed) }
    return try node.shape(try builder.integers(node, index, "shape"))
  }

  private static func uniform(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ value: Double, _ type: TensorType
  ) throws(Diagnostic) -> [ValueID] {
    let one = builder.addConstant(
      Tensor(doubles: [value], type.element, []), name: "\(node.name):value")
    return try builder.add(Broadcast(shape: type.shape), [one], as: node)
  }

  private static func filled(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ value: ValueID, _ shape: Shape
  ) throws(Diagnostic) -> [ValueID] {
    var value = value
    let element = try node.elementType("dtype") ?? builder.type(of: value).element
    if element != builder.type(of: value).element {
      value = try builder.addStep(Cast(element: element), [value], "value", of: node)
    }
    return try builder.add(Broadcast(shape: shape), [value], as: node)
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
