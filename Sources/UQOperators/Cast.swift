import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// The elements converted to another type.
///
/// Float to integer truncates toward zero, integer to narrower integer wraps, to `bool` is "not zero".
public struct Cast: Operator {
  /// Element type of the result.
  public var element: ElementType

  /// Creates the operator.
  public init(element: ElementType) { self.element = element }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "cast", "The elements converted to another type.", operands: [OperandSpec("x")])

  /// The operand's shape with the element type.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    return [TensorType(element, try requiredType(operands, 0).shape)]
  }

  /// Converts the elements.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    [try requiredValue(operands, 0).converted(to: element)]
  }

  /// Integers that are not quantized numbers pass as they are.
  public var quantizationRule: QuantizationRule { .plain }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Cast", 1...5) { node, builder throws(Diagnostic) in
        let name = try node.string("to").lowercased()
        let element =
          name == "float" ? .float32 : name == "double" ? .float64 : ElementType(rawValue: name)
        return try converted(node, &builder, element, name)
      },
      .onnx("Cast", 6...1000) { node, builder throws(Diagnostic) in
        let number = try node.int("to")
        return try converted(node, &builder, onnxElements[number], "\(number)")
      },
      .onnx("CastLike") { node, builder throws(Diagnostic) in
        let element = builder.type(of: try node.operand(1, "target_type")).element
        return try converted(node, &builder, element, element.name)
      },
      .relay("cast") { node, builder throws(Diagnostic) in
        let name = try node.string("dtype")
        return try converted(node, &builder, ElementType(rawValue: name), name)
      },
      .relay("cast_like") { node, builder throws(Diagnostic) in
        let element = builder.type(of: try node.operand(1, "dtype_like")).element
        return try converted(node, &builder, element, element.name)
      },
    ]
  }

  /// Numbers of `TensorProto.DataType`.
  private static let onnxElements: [Int: ElementType] = [
    1: .float32, 2: .uint8, 3: .int8, 4: .uint16, 5: .int16, 6: .int32, 7: .int64, 9: .bool,
    10: .float16, 11: .float64, 12: .uint32, 13: .uint64, 16: .bfloat16,
  ]

  private static func converted(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ element: ElementType?, _ name: String
  ) throws(Diagnostic) -> [ValueID] {
    guard let element else {
      throw Diagnostic(
        id: "import.cast.type", "casts to type '\(name)', which is not supported", at: node.place)
    }
    let x = try node.operand(0, "input")
    if builder.type(of: x).element == element { return [x] }
    return try builder.add(Cast(element: element), [x], as: node)
  }
}

extension Cast: LowerableOperator {
  /// Nothing between floating-point types, which are all quantized alike.
  ///
  /// - Throws: `lower.cast.element` for other types.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    guard element.isFloat, context.type(of: x).quantization != nil else {
      throw context.problem(
        node, "element", "casts \(context.type(of: x)) to \(element.name); no kernel computes it")
    }
    try context.pass(node, x)
  }
}
