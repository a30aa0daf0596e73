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
  /// Relay's `qnn.dequantize`.
  public static var imports: [ImportRule] {
    [
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
      }
    ]
  }
}
