import UQGraph
import UQNumerics
import UQSupport

/// int32 times fixed-point factors, rounded once to nearest, ties toward +∞, modulo 2^32.
public struct FixedPointMultiply: Operator {
  /// Factors: one, or one for each index of ``axis``.
  public var factors: [FixedPointFactor]
  /// Axis of more than one factor.
  public var axis: Int?
  /// Whether a factor of a power of two is a shift in 32 bits, as `fixed_point_multiply` has it.
  public var shiftsIn32Bits: Bool

  /// Creates the operator.
  public init(factors: [FixedPointFactor], axis: Int? = nil, shiftsIn32Bits: Bool = false) {
    self.factors = factors
    self.axis = axis
    self.shiftsIn32Bits = shiftsIn32Bits
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "fixed_point_multiply", "Product of integers with fixed-point factors, rounded once.",
    operands: [OperandSpec("x")])

  /// The operand's type.
  ///
  /// - Throws: `shape.fixed_point_multiply.axis`, `type.fixed_point_multiply.*`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let x = try requiredType(operands, 0)
    guard x.element == .int32 else {
      throw typeProblem("element", "operand is \(x), not int32")
    }
    guard factors.allSatisfy({ (-31...31).contains($0.shift) || $0.multiplier == 0 }) else {
      throw typeProblem("shift", "shifts by more than 31 bits")
    }
    try checkPerAxis(factors.count, "factors", axis: axis, x.shape)
    return [x]
  }

  /// The definition.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let x = try requiredValue(operands, 0)
    if shiftsIn32Bits, factors.count == 1, factors[0].multiplier == 1 << 30 {
      let exponent = factors[0].shift - 1
      return [
        x.mapped(along: nil, count: 1) { (x: Int32, _) -> Int32 in
          if exponent >= 0 { return x << Int32(exponent) }
          return (x &+ (1 << Int32(-exponent - 1))) >> Int32(-exponent)
        }
      ]
    }
    return [
      factors.withUnsafeBufferPointer { factors in
        x.mapped(along: axis, count: factors.count) { (x: Int32, channel) -> Int32 in
          factors[channel].apply(x, .upward)
        }
      }
    ]
  }
}

extension FixedPointMultiply {
  /// Relay's `fixed_point_multiply` and `fixed_point_multiply_per_axis`.
  public static var imports: [ImportRule] {
    [
      .relay("fixed_point_multiply") { node, builder throws(Diagnostic) in
        let factor = try factor(
          try node.int("multiplier"), left: try node.int("shift"), right: 0, node)
        return try builder.add(
          FixedPointMultiply(factors: [factor], shiftsIn32Bits: true),
          [try node.operand(0, "data")], as: node)
      },
      .relay("fixed_point_multiply_per_axis") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let multipliers = try builder.integers(node, 1, "multipliers")
        let left = try builder.integers(node, 2, "left shifts")
        let right = try builder.integers(node, 3, "right shifts")
        let axes = try node.ints("axes") ?? []
        guard axes.count == 1, !multipliers.isEmpty, left.count == multipliers.count,
          right.count == multipliers.count
        else {
          throw Diagnostic(
            id: "import.operand.type",
            "\(multipliers.count) multipliers, \(left.count) left and \(right.count) right shifts "
              + "along axes \(axes): one axis is supported", at: node.place)
        }
        let usesLeft = try node.int("is_lshift_required", default: 0) != 0
        let usesRight = try node.int("is_rshift_required", default: 0) != 0
        var factors: [FixedPointFactor] = []
        for (index, multiplier) in multipliers.enumerated() {
          factors.append(
            try factor(
              multiplier, left: usesLeft ? left[index] : 0, right: usesRight ? right[index] : 0,
              node))
        }
        let op = FixedPointMultiply(
          factors: factors, axis: try node.axis(axes[0], rank: builder.shape(of: x).rank))
        return try builder.add(op, [x], as: node)
      },
    ]
  }

  private static func factor(
    _ multiplier: Int, left: Int, right: Int, _ node: ForeignNode
  ) throws(Diagnostic) -> FixedPointFactor {
    guard let mantissa = Int32(exactly: multiplier), (-31...31).contains(left),
      (0...31).contains(right), left == 0 || right == 0
    else {
      throw Diagnostic(
        id: "import.factor.range",
        "multiplier \(multiplier), shifts \(left) and \(right): at most 32 bits and shifts of 31 to "
          + "one side are supported", at: node.place)
    }
    return FixedPointFactor(multiplier: mantissa, shift: left - right)
  }
}
