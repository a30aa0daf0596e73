import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// The same elements in row-major order in another shape.
public struct Reshape: Operator {
  /// Shape of the result.
  public var shape: Shape

  /// Creates the operator.
  public init(shape: Shape) { self.shape = shape }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "reshape", "The same elements in another shape.", operands: [OperandSpec("x")])

  /// The operand's element type in the shape.
  ///
  /// - Throws: `shape.reshape.count` where the numbers of elements differ.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard x.shape.count == shape.count else {
      throw shapeProblem(
        "count", "\(x.shape) has \(x.shape.count) elements, \(shape) has \(shape.count)")
    }
    return [x.moved(to: shape)]
  }

  /// A copy of the elements.
  public func primitive(_ operands: [TensorType?], _ results: [TensorType]) -> EnginePrimitive? {
    .copy
  }

  /// The same elements.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    [try requiredValue(operands, 0).reshaped(shape)]
  }

  /// The operand's quantization.
  public var quantizationRule: QuantizationRule { .inherit(0) }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Reshape", 1...4) { node, builder throws(Diagnostic) in
        guard let extents = try node.ints("shape") else {
          throw Diagnostic(
            id: "import.attribute.missing", "attribute 'shape' is missing", at: node.place)
        }
        return try reshaped(node, &builder, extents, zeroCopies: true)
      },
      .onnx("Reshape", 5...1000) { node, builder throws(Diagnostic) in
        let extents = try builder.integers(node, 1, "shape")
        let allowsZero = try node.int("allowzero", default: 0) != 0
        return try reshaped(node, &builder, extents, zeroCopies: !allowsZero)
      },
      .onnx("Flatten") { node, builder throws(Diagnostic) in
        let x = builder.shape(of: try node.operand(0, "input"))
        let wanted = try node.int("axis", default: 1)
        let axis = wanted == x.rank ? wanted : try node.axis(wanted, rank: x.rank)
        let rows = try node.shape(Array(x[..<axis])).count
        let columns = try node.shape(Array(x[axis...])).count
        return try reshaped(node, &builder, [rows, columns], zeroCopies: false)
      },
      .onnx("Squeeze", 1...12) { node, builder throws(Diagnostic) in
        try squeezed(node, &builder, try node.ints("axes"))
      },
      .onnx("Squeeze", 13...1000) { node, builder throws(Diagnostic) in
        try squeezed(node, &builder, try builder.optionalIntegers(node, 1, "axes"))
      },
      .onnx("Unsqueeze", 1...12) { node, builder throws(Diagnostic) in
        guard let axes = try node.ints("axes") else {
          throw Diagnostic(
            id: "import.attribute.missing", "attribute 'axes' is missing", at: node.place)
        }
        return try unsqueezed(node, &builder, axes)
      },
      .onnx("Unsqueeze", 13...1000) { node, builder throws(Diagnostic) in
        try unsqueezed(node, &builder, try builder.integers(node, 1, "axes"))
      },
    ] + relayImports
  }

  /// Reshapes to extents of which one may be −1, to be inferred, and those that are 0 may stand for the
  /// operand's.
  private static func reshaped(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ extents: [Int], zeroCopies: Bool
  ) throws(Diagnostic) -> [ValueID] {
    let operand = try node.operand(0, "data")
    let x = builder.shape(of: operand)
    var resolved = extents
    for (axis, extent) in extents.enumerated() where extent == 0 && zeroCopies {
      guard axis < x.rank else {
        throw Diagnostic(
          id: "import.reshape.zero",
          "shape \(extents) copies extent \(axis) of \(x), which has only \(x.rank)",
          at: node.place)
      }
      resolved[axis] = x[axis]
    }
    let open = resolved.indices.filter { resolved[$0] == -1 }
    if let axis = open.first {
      resolved[axis] = 1
      let known = try node.shape(resolved).count
      guard open.count == 1, known > 0, x.count % known == 0 else {
        throw Diagnostic(
          id: "import.reshape.inferred",
          "shape \(extents) does not determine how \(x), of \(x.count) elements, is laid out",
          at: node.place)
      }
      resolved[axis] = x.count / known
    }
    return try builder.add(Reshape(shape: try node.shape(resolved)), [operand], as: node)
  }

  static func squeezed(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ axes: [Int]?
  ) throws(Diagnostic) -> [ValueID] {
    let operand = try node.operand(0, "data")
    let x = builder.shape(of: operand)
    let removed: [Int]
    if let axes {
      removed = try node.axes(axes, rank: x.rank)
    } else {
      removed = x.indices.filter { x[$0] == 1 }
    }
    if let axis = removed.first(where: { x[$0] != 1 }) {
      throw Diagnostic(
        id: "import.squeeze.extent", "axis \(axis) of \(x) has extent \(x[axis]), not 1",
        at: node.place)
    }
    let kept = x.indices.filter { !removed.contains($0) }.map { x[$0] }
    return try builder.add(Reshape(shape: try node.shape(kept)), [operand], as: node)
  }

  private static func unsqueezed(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ axes: [Int]
  ) throws(Diagnostic) -> [ValueID] {
    let operand = try node.operand(0, "data")
    let x = builder.shape(of: operand)
    var extents = x.dimensions
    for axis in try node.axes(axes, rank: x.rank + axes.count) { extents.insert(1, at: axis) }
    return try builder.add(Reshape(shape: try node.shape(extents)), [operand], as: node)
  }
}

extension Reshape: LowerableOperator {
  /// Moves nothing.
  ///
  /// - Throws: `lower.reshape.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    try context.pass(node, try context.activation(node, 0))
  }
}
