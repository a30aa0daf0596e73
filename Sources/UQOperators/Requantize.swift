import UQGraph
import UQNumerics
import UQSupport

/// Integers of one scale and zero point brought to another, as `qnn.requantize` defines it.
///
/// `clip(zy + round((x − zx) · sx / sy))`; a result of int32 is not clipped but wraps. Equal scales
/// skip the rounding.
public struct Requantize: Operator {
  /// How the product with the ratio of scales is computed.
  public enum Arithmetic: String, Hashable, Codable, Sendable {
    /// A 31-bit mantissa and a shift, in 64 bits, rounded once.
    case int64
    /// In single precision, the zero point added before rounding.
    case float32
    /// In double precision, the zero point added before rounding.
    case float64
  }

  /// Scales of x: one, or one for each index of ``axis``.
  public var inputScales: [Float]
  /// Zero points of x: one, or one for each index of ``axis``.
  public var inputZeroPoints: [Int]
  /// Axis of more than one scale or zero point.
  public var axis: Int?
  /// Scale of the result.
  public var outputScale: Float
  /// Zero point of the result.
  public var outputZeroPoint: Int
  /// How ties are rounded.
  public var rounding: IntegerRounding
  /// How the product is computed.
  public var arithmetic: Arithmetic
  /// Type of the result.
  public var element: ElementType

  /// Creates the operator.
  public init(
    inputScales: [Float], inputZeroPoints: [Int], axis: Int? = nil, outputScale: Float,
    outputZeroPoint: Int, rounding: IntegerRounding = .upward, arithmetic: Arithmetic = .int64,
    element: ElementType
  ) {
    self.inputScales = inputScales
    self.inputZeroPoints = inputZeroPoints
    self.axis = axis
    self.outputScale = outputScale
    self.outputZeroPoint = outputZeroPoint
    self.rounding = rounding
    self.arithmetic = arithmetic
    self.element = element
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "requantize", "Integers brought from one scale and zero point to another.",
    operands: [OperandSpec("x")])

  /// The operand's shape.
  ///
  /// - Throws: `shape.requantize.axis`, `type.requantize.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let x = try requiredType(operands, 0)
    try checkIntegers(x, "x")
    guard element.isInteger, element.byteCount <= 4, outputScale > 0, outputScale.isFinite,
      inputScales.allSatisfy({ $0 > 0 && $0.isFinite })
    else { throw typeProblem("element", "makes \(element.name) at scale \(outputScale)") }
    try checkPerAxis(inputScales.count, "scales", axis: axis, x.shape)
    try checkPerAxis(inputZeroPoints.count, "zero points", axis: axis, x.shape)
    return [TensorType(element, x.shape)]
  }

  /// The definition.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let x = try requiredValue(operands, 0)
    let centred = x.integers(less: inputZeroPoints, axis: axis)
    let zero = Int32(truncatingIfNeeded: outputZeroPoint)
    let range = element.integerRange
    let low = Int32(clamping: range.lowerBound)
    let high = Int32(clamping: range.upperBound)
    let scaled: Tensor
    if isScaled {
      switch arithmetic {
      case .int64:
        let factors = self.factors
        let rounding = rounding
        scaled = factors.withUnsafeBufferPointer { factors in
          centred.mapped(along: axis, count: factors.count) { (x: Int32, channel) -> Int32 in
            factors[channel].apply(x, rounding) &+ zero
          }
        }
      case .float32: scaled = scaledInFloat(centred)
      case .float64: scaled = scaledInDouble(centred)
      }
    } else {
      scaled = centred.mapped(along: nil, count: 1) { (x: Int32, _) -> Int32 in x &+ zero }
    }
    if element == .int32 { return [scaled] }
    let clipped: Tensor = scaled.mapped(along: nil, count: 1) { (x: Int32, _) -> Int32 in
      min(max(x, low), high)
    }
    return [clipped.converted(to: element)]
  }

  /// Whether scales differ, so that something is rounded.
  public var isScaled: Bool { inputScales.count > 1 || inputScales[0] != outputScale }

  /// The ratios of scales in fixed point.
  public var factors: [FixedPointFactor] {
    isScaled
      ? inputScales.map { FixedPointFactor(Double($0) / Double(outputScale)) }
      : [FixedPointFactor(multiplier: 1 << 30, shift: 1)]
  }

  private func scaledInFloat(_ x: Tensor) -> Tensor {
    let ratios = inputScales.map { Float(Double($0) / Double(outputScale)) }
    let zero = Float(outputZeroPoint)
    let rounding = rounding
    return x.mapped(along: axis, count: ratios.count) { (x: Int32, channel) -> Int32 in
      let value = (Float(x) * ratios[channel] + zero).rounded(rounding)
      return Int32(max(min(value, 0x1.fffffep30), -0x1p31))
    }
  }

  private func scaledInDouble(_ x: Tensor) -> Tensor {
    let ratios = inputScales.map { Double($0) / Double(outputScale) }
    let zero = Double(outputZeroPoint)
    let rounding = rounding
    return x.mapped(along: axis, count: ratios.count) { (x: Int32, channel) -> Int32 in
      let value = (Double(x) * ratios[channel] + zero).rounded(rounding)
      return Int32(max(min(value, 0x1.fffffffcp30), -0x1p31))
    }
  }
}

extension Requantize {
  /// Relay's `qnn.requantize`; attributes that say nothing mean `UPWARD` in `int64`, as TVM's target
  /// `c` has it.
  public static var imports: [ImportRule] {
    [
      .relay("qnn.requantize") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let rank = builder.shape(of: x).rank
        let scales = try builder.scales(node, 1, "input scale")
        let zeroPoints = try builder.zeroPoints(node, 2, "input zero point")
        let isPerAxis = scales.count > 1 || zeroPoints.count > 1
        let op = Requantize(
          inputScales: scales, inputZeroPoints: zeroPoints,
          axis: isPerAxis ? try node.axis(try node.int("axis", default: -1), rank: rank) : nil,
          outputScale: try builder.scale(node, 3, "output scale"),
          outputZeroPoint: try builder.zeroPoint(node, 4, "output zero point"),
          rounding: try rounding(node), arithmetic: try arithmetic(node),
          element: try node.element("out_dtype", default: .int8))
        return try builder.add(op, [x], as: node)
      }
    ]
  }

  private static func rounding(_ node: ForeignNode) throws(Diagnostic) -> IntegerRounding {
    switch try node.string("rounding", default: "None") {
    case "UPWARD", "None", "": return .upward
    case "TONEAREST": return .awayFromZero
    case let other:
      throw Diagnostic(
        id: "import.requantize.rounding",
        "attribute 'rounding' is '\(other)', expected UPWARD, TONEAREST or None", at: node.place)
    }
  }

  private static func arithmetic(_ node: ForeignNode) throws(Diagnostic) -> Arithmetic {
    let name = try node.string("compute_dtype", default: "None")
    if name.isEmpty || name == "None" { return .int64 }
    guard let arithmetic = Arithmetic(rawValue: name) else {
      throw Diagnostic(
        id: "import.requantize.arithmetic",
        "attribute 'compute_dtype' is '\(name)', expected int64, float32, float64 or None",
        at: node.place)
    }
    return arithmetic
  }
}
