import UQGraph
import UQNumerics
import UQSupport

/// Real numbers as integers: `clip(round(x / s) + z)` in single precision.
///
/// With ties away from zero, Relay's form, the quotient is `x · (1 / s)`: TVM's compiler divides by a constant
/// so, which moves 12.65 / 0.1 from just below a tie onto it.
public struct QuantizeLinear: Operator {
  /// Scales: one, or one for each index of ``axis``.
  public var scales: [Float]
  /// Zero points: one, or one for each index of ``axis``.
  public var zeroPoints: [Int]
  /// Axis of more than one scale or zero point.
  public var axis: Int?
  /// Whether ties are rounded to even, as ONNX does, instead of away from zero, as Relay does.
  public var tiesToEven: Bool
  /// Type of the result.
  public var element: ElementType

  /// Creates the operator.
  public init(
    scales: [Float], zeroPoints: [Int], axis: Int? = nil, tiesToEven: Bool, element: ElementType
  ) {
    self.scales = scales
    self.zeroPoints = zeroPoints
    self.axis = axis
    self.tiesToEven = tiesToEven
    self.element = element
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "quantize_linear", "Real numbers as integers of a scale and a zero point.",
    operands: [OperandSpec("x")])

  /// The operand's shape.
  ///
  /// - Throws: `shape.quantize_linear.axis`, `type.quantize_linear.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let x = try requiredType(operands, 0)
    guard x.element.isFloat, element.isInteger, element.byteCount <= 4 else {
      throw typeProblem("element", "makes \(element.name) of \(x.element.name)")
    }
    try checkPerAxis(scales.count, "scales", axis: axis, x.shape)
    try checkPerAxis(zeroPoints.count, "zero points", axis: axis, x.shape)
    return [TensorType(element, x.shape)]
  }

  /// The definition; NaN becomes the zero point.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let x = try requiredValue(operands, 0).converted(to: .float32)
    let count = max(self.scales.count, zeroPoints.count)
    let scales = (0..<count).map { self.scales[self.scales.count == 1 ? 0 : $0] }
    let zeros = (0..<count).map { Float(zeroPoints[zeroPoints.count == 1 ? 0 : $0]) }
    let inverses = scales.map { 1 / $0 }
    let range = element.integerRange
    let low = Int64(range.lowerBound)
    let high = Int64(range.upperBound)
    let rule: FloatingPointRoundingRule = tiesToEven ? .toNearestOrEven : .toNearestOrAwayFromZero
    let integers: Tensor = x.mapped(along: axis, count: count) { (x: Float, channel) -> Int64 in
      let quotient = tiesToEven ? x / scales[channel] : x * inverses[channel]
      let level = quotient.rounded(rule) + zeros[channel]
      let value: Float = level.isNaN ? zeros[channel] : level
      return min(max(Int64(min(max(value, Float(low)), Float(high))), low), high)
    }
    return [integers.converted(to: element)]
  }

  /// Integers of the operator's own scale.
  public var quantizationRule: QuantizationRule { .plain }
}

extension QuantizeLinear {
  /// ONNX `QuantizeLinear` and Relay's `qnn.quantize`.
  public static var imports: [ImportRule] {
    [
      .onnx("QuantizeLinear", 10...1000) { node, builder throws(Diagnostic) in
        try quantized(node, &builder)
      },
      .relay("qnn.quantize") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let scales = try builder.scales(node, 1, "output scale")
        let zeroPoints = try builder.zeroPoints(node, 2, "output zero point")
        let rank = builder.shape(of: x).rank
        let isPerAxis = scales.count > 1 || zeroPoints.count > 1
        let op = QuantizeLinear(
          scales: scales, zeroPoints: zeroPoints,
          axis: isPerAxis ? try node.axis(try node.int("axis", default: -1), rank: rank) : nil,
          tiesToEven: false, element: try node.element("out_dtype", default: .int8))
        return try builder.add(op, [x], as: node)
      },
    ]
  }
  /// `TensorProto.DataType` by number, where the integers have fewer bits than their bytes.
  private static let outputTypes: [Int: (element: ElementType, bits: Int)] = [
    2: (.uint8, 8), 3: (.int8, 8), 4: (.uint16, 16), 5: (.int16, 16), 21: (.uint8, 4),
    22: (.int8, 4), 25: (.uint8, 2), 26: (.int8, 2),
  ]

  /// Integers of fewer bits than a byte become bounded ones of 8.
  private static func quantized(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let operand = try node.operand(0, "x")
    guard try node.int("block_size", default: 0) == 0 else {
      throw Diagnostic(
        id: "import.quantize.block",
        "quantizes with a scale for each block of an axis; only scales for all or for each index are "
          + "supported", at: node.place)
    }
    let x = try builder.float32(operand, "float", of: node)
    let scales = try builder.scales(node, 1, "y_scale")
    let zeroPoint = node.optionalOperand(2)
    let zeroPoints = zeroPoint == nil ? [0] : try builder.zeroPoints(node, 2, "y_zero_point")
    let number = try node.int("output_dtype", default: 0)
    let declared = zeroPoint.map { id in
      let element = builder.type(of: id).element
      return (element: element, bits: builder.storedBits[id] ?? 8 * element.byteCount)
    }
    guard let wanted = declared ?? outputTypes[number == 0 ? 2 : number] else {
      throw Diagnostic(
        id: "import.operand.type", "output_dtype \(number) is no type of integers to quantize to",
        at: node.place)
    }
    let op = QuantizeLinear(
      scales: scales, zeroPoints: zeroPoints,
      axis: try builder.quantizedAxis(node, operand, max(scales.count, zeroPoints.count)),
      tiesToEven: true, element: wanted.element)
    guard wanted.bits < 8 else { return try builder.add(op, [x], as: node) }
    let isSigned = wanted.element == .int8
    let low = isSigned ? -(1 << (wanted.bits - 1)) : 0
    let high = low + (1 << wanted.bits) - 1
    let integers = try builder.addStep(op, [x], "integers", of: node)
    let bounds = [low, high].map { bound in
      builder.addConstant(
        Tensor(doubles: [Double(bound)], wanted.element, []), name: "\(node.name):bound")
    }
    let raised = try builder.addStep(Maximum(), [integers, bounds[0]], "low", of: node)
    return try builder.add(Minimum(), [raised, bounds[1]], as: node)
  }
}
