import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// Sum, difference or product of two quantized tensors as the QNN dialect defines it.
///
/// Operands of sums are each brought to the result's scale with a rounding of their own, without
/// clipping; a product is rounded once. The result is clipped to its type.
public struct QuantizedArithmetic: Operator {
  /// What is computed.
  public enum Kind: String, Hashable, Codable, Sendable {
    case add, subtract, multiply
  }

  /// Scale and zero point of an operand or the result.
  public struct Scale: Hashable, Codable, Sendable {
    /// Real value of a step.
    public var scale: Float
    /// Integer that stands for 0.
    public var zeroPoint: Int

    /// Takes the two numbers.
    public init(scale: Float, zeroPoint: Int) {
      self.scale = scale
      self.zeroPoint = zeroPoint
    }
  }

  /// What is computed.
  public var kind: Kind
  /// Of the first operand.
  public var a: Scale
  /// Of the second operand.
  public var b: Scale
  /// Of the result.
  public var y: Scale

  /// Creates the operator.
  public init(_ kind: Kind, a: Scale, b: Scale, y: Scale) {
    self.kind = kind
    self.a = a
    self.b = b
    self.y = y
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "quantized_arithmetic", "Sum, difference or product of quantized tensors (QNN).",
    operands: [OperandSpec("a"), OperandSpec("b")])

  /// The operands' type, broadcast.
  ///
  /// - Throws: `type.quantized_arithmetic.*`, `shape.quantized_arithmetic.broadcast`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let type = try broadcastType(operands)
    try checkIntegers(type, "a")
    return [type]
  }

  /// The definition.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let shape = results[0].shape
    let element = results[0].element
    let first = try requiredValue(operands, 0)
    let second = try requiredValue(operands, 1)
    let sum: Tensor
    switch kind {
    case .add, .subtract:
      let left = try side(first, a)
      let right = try side(second, b)
      let zero = Int32(truncatingIfNeeded: y.zeroPoint)
      sum =
        kind == .add
        ? broadcastMap(left, right, shape) { (x: Int32, z: Int32) in x &+ z &- zero }
        : broadcastMap(left, right, shape) { (x: Int32, z: Int32) in x &- z &+ zero }
    case .multiply:
      let left = first.integers(less: [a.zeroPoint])
      let right = second.integers(less: [b.zeroPoint])
      let product = broadcastMap(left, right, shape) { (x: Int32, z: Int32) in x &* z }
      sum = try requantized(
        product, from: Scale(scale: a.scale * b.scale, zeroPoint: 0), element: .int32)
    }
    let range = element.integerRange
    let low = Int32(clamping: range.lowerBound)
    let high = Int32(clamping: range.upperBound)
    let clipped: Tensor = sum.mapped(along: nil, count: 1) { (x: Int32, _) -> Int32 in
      min(max(x, low), high)
    }
    return [clipped.converted(to: element)]
  }

  private func side(_ x: Tensor, _ scale: Scale) throws(Diagnostic) -> Tensor {
    if scale == y { return x.converted(to: .int32) }
    return try requantized(x, from: scale, element: .int32)
  }

  private func requantized(_ x: Tensor, from scale: Scale, element: ElementType)
    throws(Diagnostic) -> Tensor
  {
    let op = Requantize(
      inputScales: [scale.scale], inputZeroPoints: [scale.zeroPoint], outputScale: y.scale,
      outputZeroPoint: y.zeroPoint, element: element)
    return try op.evaluate([x], results: [TensorType(element, x.shape)])[0]
  }
}

extension QuantizedArithmetic {
  /// Relay's `qnn.add`, `qnn.subtract` and `qnn.mul`, per tensor.
  public static var imports: [ImportRule] {
    [rule("qnn.add", .add), rule("qnn.subtract", .subtract), rule("qnn.mul", .multiply)]
  }

  private static func rule(_ name: String, _ kind: Kind) -> ImportRule {
    .relay(name) { node, builder throws(Diagnostic) in
      let op = QuantizedArithmetic(
        kind, a: try scale(node, builder, 2, "lhs"), b: try scale(node, builder, 4, "rhs"),
        y: try scale(node, builder, 6, "output"))
      return try builder.add(
        op, [try node.operand(0, "lhs"), try node.operand(1, "rhs")], as: node)
    }
  }

  private static func scale(
    _ node: ForeignNode, _ builder: GraphBuilder, _ index: Int, _ role: String
  ) throws(Diagnostic) -> Scale {
    Scale(
      scale: try builder.scale(node, index, "\(role) scale"),
      zeroPoint: try builder.zeroPoint(node, index + 1, "\(role) zero point"))
  }
}

extension QuantizedArithmetic: LowerableOperator {
  /// One call of `uq_add_rounded_s8` or `uq_mul_s8`.
  ///
  /// - Throws: `lower.quantized_arithmetic.*`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let place = context.place
    let op = self
    try context.lowerPair(node) { left, right, isSwapped, broadcast, result throws(Diagnostic) in
      guard !isSwapped || kind != .subtract else {
        throw Diagnostic(
          id: "lower.quantized_arithmetic.broadcast",
          "the first operand is repeated; no kernel subtracts that way", at: place)
      }
      let (a, b) = isSwapped ? (op.b, op.a) : (op.a, op.b)
      let stage = OutputStage(zeroPoint: y.zeroPoint, bounds: -128...127, rounding: .single)
      if kind == .multiply {
        let product = op.a.scale * op.b.scale
        let factor = try op.factor(product, at: place)
        return MultiplyKernel(
          broadcast: broadcast, zeroA: a.zeroPoint, zeroB: b.zeroPoint,
          scale: KernelScale(
            multiplier: factor.multiplier, shift: factor.shift, rounding: .single),
          output: stage, a: left.source, b: right.source, y: result)
      }
      let first = try op.factor(a.scale, at: place)
      let second = try op.factor(b.scale, at: place)
      return RoundedAddKernel(
        broadcast: broadcast,
        a: RoundedAddKernel.Side(
          source: left.source, zeroPoint: a.zeroPoint, multiplier: first.multiplier,
          shift: first.shift),
        b: RoundedAddKernel.Side(
          source: right.source, zeroPoint: b.zeroPoint, multiplier: second.multiplier,
          shift: second.shift), subtracts: kind == .subtract, output: stage, y: result)
    }
  }

  /// The ratio of a scale to the result's as kernels take it.
  private func factor(
    _ scale: Float, at place: SourcePlace
  ) throws(Diagnostic) -> (multiplier: Int, shift: Int) {
    if scale == y.scale { return (1 << 30, 30) }
    let factor = FixedPointFactor(Double(scale) / Double(y.scale))
    // Below 2^-32 nothing of 17 bits remains; 2^12 times them still fits in 30 bits.
    if factor.multiplier == 0 || 31 - factor.shift > 62 { return (0, 33) }
    guard factor.shift <= 12 else {
      throw Diagnostic(
        id: "lower.quantized_arithmetic.scale",
        "the ratio of scales \(scale) and \(y.scale) is not below 2^12", at: place)
    }
    return (Int(factor.multiplier), 31 - factor.shift)
  }
}
