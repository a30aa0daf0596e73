import UQGraph
import UQNumerics
import UQSupport

/// `qnn.leaky_relu`: integers brought to the result's scale, those below the operand's zero point
/// times a slope.
public struct QuantizedLeakyRelu: Operator {
  /// Slope of negative numbers.
  public var alpha: Float
  /// Scale and zero point of the operand.
  public var x: QuantizedArithmetic.Scale
  /// Scale and zero point of the result.
  public var y: QuantizedArithmetic.Scale

  /// Creates the operator.
  public init(alpha: Float, x: QuantizedArithmetic.Scale, y: QuantizedArithmetic.Scale) {
    self.alpha = alpha
    self.x = x
    self.y = y
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "quantized_leaky_relu", "Rectifier with a slope, of quantized numbers (QNN).",
    operands: [OperandSpec("x")])

  /// The operand's type.
  ///
  /// - Throws: `type.quantized_leaky_relu.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let type = try requiredType(operands, 0)
    try checkIntegers(type, "x")
    return [type]
  }

  /// The definition: two roundings below the zero point.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let input = try requiredValue(operands, 0)
    let element = results[0].element
    let op = Requantize(
      inputScales: [x.scale], inputZeroPoints: [x.zeroPoint], outputScale: y.scale,
      outputZeroPoint: y.zeroPoint, element: .int32)
    let scaled = try op.evaluate([input], results: [TensorType(.int32, input.shape)])[0]
    let slope = FixedPointFactor(Double(alpha))
    let rest = FixedPointFactor(1 - Double(alpha))
    let offset = rest.apply(Int32(truncatingIfNeeded: y.zeroPoint), .upward)
    let zero = Int32(truncatingIfNeeded: x.zeroPoint)
    let range = element.integerRange
    let low = Int32(clamping: range.lowerBound)
    let high = Int32(clamping: range.upperBound)
    let result = broadcastMap(input.converted(to: .int32), scaled, input.shape) {
      (q: Int32, s: Int32) -> Int32 in
      min(max(q < zero ? slope.apply(s, .upward) &+ offset : s, low), high)
    }
    return [result.converted(to: element)]
  }

  /// Relay's `qnn.leaky_relu`.
  public static var imports: [ImportRule] {
    [
      .relay("qnn.leaky_relu") { node, builder throws(Diagnostic) in
        let op = QuantizedLeakyRelu(
          alpha: try node.float("alpha", default: 0.25),
          x: QuantizedArithmetic.Scale(
            scale: try builder.scale(node, 1, "input scale"),
            zeroPoint: try builder.zeroPoint(node, 2, "input zero point")),
          y: QuantizedArithmetic.Scale(
            scale: try builder.scale(node, 3, "output scale"),
            zeroPoint: try builder.zeroPoint(node, 4, "output zero point")))
        return try builder.add(op, [try node.operand(0, "data")], as: node)
      }
    ]
  }
}
