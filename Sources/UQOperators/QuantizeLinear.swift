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
  /// Relay's `qnn.quantize`.
  public static var imports: [ImportRule] {
    [
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
      }
    ]
  }
}
