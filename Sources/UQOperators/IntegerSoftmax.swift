import UQGraph
import UQNumerics
import UQSupport

/// `qnn.softmax`: a softmax of int8 numbers in integers alone, of low accuracy.
///
/// Exponentials are straight lines between powers of two, after the method of I-BERT.
public struct IntegerSoftmax: Operator {
  /// Axis, from 0.
  public var axis: Int
  /// Scale of x, at most 1.
  public var inputScale: Float
  /// Scale and zero point of the result.
  public var y: QuantizedArithmetic.Scale

  /// Creates the operator.
  public init(axis: Int, inputScale: Float, y: QuantizedArithmetic.Scale) {
    self.axis = axis
    self.inputScale = inputScale
    self.y = y
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "integer_softmax", "Softmax of quantized numbers in integers alone (QNN).",
    operands: [OperandSpec("x")])

  /// The operand's type, which is int8.
  ///
  /// - Throws: `type.integer_softmax.element`, `shape.integer_softmax.axis`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let x = try requiredType(operands, 0)
    guard x.element == .int8, inputScale <= 1, inputScale >= 0x1p-20 else {
      throw typeProblem(
        "element", "operand is \(x) of scale \(inputScale); int8 up to 1 is supported")
    }
    guard x.shape.indices.contains(axis) else {
      throw shapeProblem("axis", "x \(x.shape) has no axis \(axis)")
    }
    return [x]
  }

  /// The definition in 32 bits.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let x = try requiredValue(operands, 0).converted(to: .int32)
    let unit = Int32((1 / inputScale).rounded(.toNearestOrAwayFromZero))
    let lines = x.mappedLines(along: axis) {
      (x: UnsafePointer<Int32>, y: UnsafeMutablePointer<Int32>, count, step) in
      var largest = Int32.min
      for i in 0..<count { largest = max(largest, x[i * step]) }
      var highest: Int32 = 0
      for i in 0..<count { highest = max(highest, Self.halvings(x[i * step] &- largest, unit)) }
      var sum: Int32 = 0
      for i in 0..<count {
        let value = x[i * step] &- largest
        let power = value &+ (value >> 1) &- (value >> 4)
        let halvings = Self.halvings(value, unit)
        let rest = power &+ halvings &* unit
        let line = (rest >> 1) &+ unit
        y[i * step] = line << (highest &- halvings)
        sum &+= y[i * step]
      }
      guard sum != 0 else { return }
      for i in 0..<count { y[i * step] = ((1 << 30) / sum &* y[i * step]) >> 23 }
    }
    let op = Requantize(
      inputScales: [0x1p-7], inputZeroPoints: [0], outputScale: y.scale,
      outputZeroPoint: y.zeroPoint, element: .int8)
    return try op.evaluate([lines], results: results)
  }

  /// How often `e^value` is halved from 1: 0...20.
  @inline(__always)
  private static func halvings(_ value: Int32, _ unit: Int32) -> Int32 {
    let power = value &+ (value >> 1) &- (value >> 4)
    return min(max(power / (0 &- unit), 0), 20)
  }

  /// Relay's `qnn.softmax`.
  public static var imports: [ImportRule] {
    [
      .relay("qnn.softmax") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let op = IntegerSoftmax(
          axis: try node.axis(
            try node.int("axis", default: -1), rank: builder.shape(of: x).rank),
          inputScale: try builder.scale(node, 1, "scale"),
          y: QuantizedArithmetic.Scale(
            scale: try builder.scale(node, 3, "output scale"),
            zeroPoint: try builder.zeroPoint(node, 4, "output zero point")))
        return try builder.add(op, [x], as: node)
      }
    ]
  }
}
