import UQGraph
import UQNumerics
import UQSupport

/// Integers as real numbers: `(q − z) · s` in single precision.
public struct DequantizeLinear: Operator {
  /// Scales: one, or one for each index of ``axis``.
  public var scales: [Float]
  /// Zero points: one, or one for each index of ``axis``.
  public var zeroPoints: [Int]
  /// Axis of more than one scale or zero point.
  public var axis: Int?

  /// Creates the operator.
  public init(scales: [Float], zeroPoints: [Int], axis: Int? = nil) {
    self.scales = scales
    self.zeroPoints = zeroPoints
    self.axis = axis
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "dequantize_linear", "Integers of a scale and a zero point as real numbers.",
    operands: [OperandSpec("x")])

  /// The operand's shape, float32.
  ///
  /// - Throws: `shape.dequantize_linear.axis`, `type.dequantize_linear.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let x = try requiredType(operands, 0)
    try checkIntegers(x, "x")
    try checkPerAxis(scales.count, "scales", axis: axis, x.shape)
    try checkPerAxis(zeroPoints.count, "zero points", axis: axis, x.shape)
    return [TensorType(.float32, x.shape)]
  }

  /// The definition.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let x = try requiredValue(operands, 0).integers(less: zeroPoints, axis: axis)
    let scales = scales
    return [
      x.mapped(along: axis, count: scales.count) { (x: Int32, channel) -> Float in
        Float(x) * scales[channel]
      }
    ]
  }
}

extension DequantizeLinear {
  /// ONNX `DequantizeLinear` and Relay's `qnn.dequantize`.
  public static var imports: [ImportRule] {
    [
      .onnx("DequantizeLinear", 10...1000) { node, builder throws(Diagnostic) in
        try dequantized(node, &builder)
      },
      .relay("qnn.dequantize") { node, builder throws(Diagnostic) in
        guard try node.element("out_dtype", default: .float32) == .float32 else {
          throw Diagnostic(
            id: "import.attribute.type", "dequantizes to another type than float32", at: node.place)
        }
        let x = try node.operand(0, "data")
        let scales = try builder.scales(node, 1, "input scale")
        let zeroPoints = try builder.zeroPoints(node, 2, "input zero point")
        let rank = builder.shape(of: x).rank
        let isPerAxis = scales.count > 1 || zeroPoints.count > 1
        let op = DequantizeLinear(
          scales: scales, zeroPoints: zeroPoints,
          axis: isPerAxis ? try node.axis(try node.int("axis", default: -1), rank: rank) : nil)
        return try builder.add(op, [x], as: node)
      },
    ]
  }
  /// With `block_size` weights that have a scale for so many indices of the axis.
  private static func dequantized(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let x = try node.operand(0, "x")
    let scale = builder.type(of: try node.operand(1, "x_scale"))
    let reals: ValueID
    let block = try node.int("block_size", default: 0)
    if block != 0 {
      reals = try blocked(node, &builder, x, block)
    } else {
      let scales = try builder.scales(node, 1, "x_scale")
      let zeroPoints =
        node.optionalOperand(2) == nil ? [0] : try builder.zeroPoints(node, 2, "x_zero_point")
      let op = DequantizeLinear(
        scales: scales, zeroPoints: zeroPoints,
        axis: try builder.quantizedAxis(node, x, max(scales.count, zeroPoints.count)))
      if scale.element == .float32 { return try builder.add(op, [x], as: node) }
      reals = try builder.addStep(op, [x], "float", of: node)
    }
    return scale.element == .float32
      ? [reals] : try builder.add(Cast(element: scale.element), [reals], as: node)
  }

  private static func blocked(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ x: ValueID, _ block: Int
  ) throws(Diagnostic) -> ValueID {
    let shape = builder.shape(of: x)
    let axis = try node.axis(try node.int("axis", default: 1), rank: shape.rank)
    guard builder.constant(x) != nil else {
      throw Diagnostic(
        id: "import.operand.nonconstant",
        "operand 0 (x) with block_size depends on the input; only constant weights are supported",
        at: node.place)
    }
    let blocks = block > 0 ? (shape[axis] - 1) / block + 1 : 0
    // Each index along the axis takes the numbers of its block.
    let indices = builder.addConstant(
      Tensor((0..<shape[axis]).map { Int64($0 / max(block, 1)) }, [shape[axis]]),
      name: "\(node.name):blocks")
    var spread: [ValueID] = []
    for (index, role) in [(1, "x_scale"), (2, "x_zero_point")] {
      guard let numbers = node.optionalOperand(index) else { continue }
      var expected = shape.dimensions
      expected[axis] = blocks
      guard builder.shape(of: numbers).dimensions == expected else {
        throw Diagnostic(
          id: "shape.dequantize_linear.block",
          "\(role) \(builder.shape(of: numbers)) has no number for each \(block) indices of axis "
            + "\(axis) of \(shape)", at: node.place)
      }
      let float = try builder.float32(numbers, "\(role):float", of: node)
      spread.append(
        try builder.addStep(Gather(axis: axis), [float, indices], "\(role):spread", of: node))
    }
    var reals = try builder.float32(x, "integers:float", of: node)
    if spread.count > 1 {
      reals = try builder.addStep(Subtract(), [reals, spread[1]], "shifted", of: node)
    }
    return try builder.addStep(Multiply(), [reals, spread[0]], "real", of: node)
  }
}
