import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// The operands one after the other along an axis.
public struct Concat: Operator {
  /// The axis, not negative.
  public var axis: Int

  /// Creates the operator.
  public init(axis: Int) { self.axis = axis }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "concat", "The operands one after the other along an axis.", operands: [OperandSpec("x")],
    isVariadic: true)

  /// The operands' element type; the extents along the axis add up.
  ///
  /// - Throws: `type.concat.mismatch`, `shape.concat.axis`, `shape.concat.mismatch`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let first = try requiredType(operands, 0)
    guard first.shape.indices.contains(axis) else {
      throw shapeProblem("axis", "axis \(axis) is outside \(first.shape)")
    }
    var extents = first.shape.dimensions
    var quantization = first.quantization
    for index in operands.indices.dropFirst() {
      let next = try requiredType(operands, index)
      guard next.valueElement == first.valueElement else {
        throw typeProblem("mismatch", "operand 0 is \(first), operand \(index) is \(next)")
      }
      var expected = next.shape.dimensions
      if expected.indices.contains(axis) { expected[axis] = first.shape[axis] }
      guard expected == first.shape.dimensions else {
        throw shapeProblem(
          "mismatch",
          "operand 0 is \(first.shape), operand \(index) is \(next.shape): they may differ only"
            + " along axis \(axis)")
      }
      let (sum, overflow) = extents[axis].addingReportingOverflow(next.shape[axis])
      extents[axis] = overflow ? -1 : sum
      if next.quantization != quantization { quantization = nil }
    }
    guard let shape = Shape(checking: extents) else {
      throw shapeProblem("size", "the result would be \(extents)")
    }
    if quantization?.axis != nil { quantization = nil }
    return [
      TensorType(
        quantization == nil ? first.valueElement : first.element, shape,
        quantization: quantization)
    ]
  }

  /// Copies the operands.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let shape = results[0].shape
    let strides = shape.strides
    var result = Tensor(zeros: try requiredValue(operands, 0).element, shape)
    var start = 0
    for index in operands.indices {
      let x = try requiredValue(operands, index)
      copyBox(
        x.shape.dimensions, from: x, StridedBox(offset: 0, strides: x.shape.strides), to: &result,
        StridedBox(offset: start * strides[axis], strides: strides))
      start += x.shape[axis]
    }
    return [result]
  }

  /// All operands and the result share the result's quantization.
  public var quantizationRule: QuantizationRule { .shared }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Concat", 1...3) { node, builder throws(Diagnostic) in
        try joined(node, &builder, try node.int("axis", default: 1))
      },
      .onnx("Concat", 4...1000) { node, builder throws(Diagnostic) in
        try joined(node, &builder, try node.int("axis"))
      },
      .relay("concatenate") { node, builder throws(Diagnostic) in
        try joined(node, &builder, try node.int("axis", default: 0))
      },
      .relay("stack") { node, builder throws(Diagnostic) in try stacked(node, &builder) },
    ]
  }

  /// Operands of one shape side by side along a new axis.
  private static func stacked(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let shape = builder.shape(of: try node.operand(0, "data"))
    let axis = try node.axis(try node.int("axis", default: 0), rank: shape.rank + 1)
    var extents = shape.dimensions
    extents.insert(1, at: axis)
    let target = try node.shape(extents)
    var operands: [ValueID] = []
    for index in node.operands.indices {
      let x = try node.operand(index, "data")
      operands.append(
        try builder.addStep(Reshape(shape: target), [x], "operand\(index)", of: node))
    }
    return try builder.add(Concat(axis: axis), operands, as: node)
  }

  private static func joined(_ node: ForeignNode, _ builder: inout GraphBuilder, _ axis: Int)
    throws(Diagnostic) -> [ValueID]
  {
    let rank = builder.shape(of: try node.operand(0, "inputs")).rank
    return try builder.add(
      Concat(axis: try node.axis(axis, rank: rank)), node.operands, as: node)
  }
}

extension Concat: LowerableOperator {
  /// A copy of each operand, brought to the result's scale first where it has another.
  ///
  /// - Throws: `lower.concat.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let to = try context.quantization(node, node.result)
    let strides = context.type(of: node.result).shape.strides
    var start = 0
    for index in node.operands.indices {
      let id = try context.operand(node, index)
      let shape = context.type(of: id).shape
      let source: KernelOperand
      if let values = try context.reals(node, id) {
        let name = context.graph[id].name
        let integers = values.map { to.quantize($0) }
        let constant =
          to.bits == 16
          ? ProgramConstant(name: name, role: .weights, integers.map { Int16($0) })
          : ProgramConstant(name: name, role: .weights, integers.map { Int8($0) })
        source = .constant(context.addConstant(constant))
      } else {
        let x = try context.activation(node, index)
        source = .buffer(try context.conformed(node, x, to: to))
      }
      try context.copyBox(
        node, shape.dimensions, from: StridedBox(offset: 0, strides: shape.strides),
        to: StridedBox(offset: start * strides[axis], strides: strides),
        elementBytes: to.storageBytes,
        x: source, y: context.buffer(node.result))
      start += shape[axis]
    }
  }
}
