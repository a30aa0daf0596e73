import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// The elements rounded to multiples of a step: `y = s · round(x / s)`.
///
/// Quantizing and dequantizing activations, as networks trained for integers have it, without its bounds,
/// which are a `Clip` before it. The result is quantized as training had it, and so is what makes the operand.
public struct RoundToStep: Operator {
  /// The step, greater than 0.
  public var step: Float
  /// Fewest bits, 4 or 8, that have an integer for each step between the bounds; `nil` for more than 256.
  public var bits: Int?
  /// The integer of so many bits that stands for 0 where the smallest stands for the lower bound.
  public var zeroPoint: Int
  /// Whether ties are rounded to even, as ONNX does, instead of away from zero, as Relay does.
  public var tiesToEven: Bool

  /// Creates the operator for integers of a range that `zero` of them is in.
  public init(step: Float, integers: ClosedRange<Int>, zero: Int, tiesToEven: Bool) {
    self.step = step
    bits = [4, 8].first { integers.count <= 1 << $0 }
    zeroPoint = bits.map { zero - integers.lowerBound - (1 << ($0 - 1)) } ?? 0
    self.tiesToEven = tiesToEven
  }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "round_to_step", "Elements rounded to multiples of a step, as trained networks have them.",
    operands: [OperandSpec("x")])

  /// The operand's type; the elements must be floating-point.
  ///
  /// - Throws: `type.round_to_step.<problem>`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard x.valueElement.isFloat else {
      throw typeProblem("element", "operand is \(x), not floating-point")
    }
    guard step > 0, step.isFinite, bits.map({ $0 == 4 || $0 == 8 }) ?? true,
      quantization(bits: 8).map({ ($0.lowest...$0.highest).contains($0.zeroPoint) }) ?? true
    else { throw typeProblem("step", "step \(step) and zero point \(zeroPoint) say no integers") }
    return [TensorType(x.valueElement, x.shape)]
  }

  /// The definition in single precision; NaN becomes 0.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let x = try requiredValue(operands, 0).converted(to: .float32)
    let (step, inverse) = (self.step, 1 / self.step)
    let rule: FloatingPointRoundingRule = tiesToEven ? .toNearestOrEven : .toNearestOrAwayFromZero
    var result = Tensor(zeros: .float32, x.shape)
    x.withElements(Float.self) { x in
      result.withMutableElements(Float.self) { y in
        for i in x.indices where !x[i].isNaN {
          y[i] = (tiesToEven ? x[i] / step : x[i] * inverse).rounded(rule) * step
        }
      }
    }
    return [result.converted(to: results[0].element)]
  }

  /// The step's own integers of 8 bits; where these do not suffice, those of the operand.
  public var quantizationRule: QuantizationRule {
    quantization(bits: 8).map { .fixed($0) } ?? .inherit(0)
  }

  /// The quantization that the results have in integers of 4 or 8 bits, whose smallest stands for the lower
  /// bound; `nil` where these do not suffice.
  public func quantization(bits: Int) -> Quantization? {
    guard let own = self.bits, own <= bits, bits <= 8 else { return nil }
    return Quantization(
      bits: bits, scales: [Double(step)],
      zeroPoint: zeroPoint + (1 << (own - 1)) - (1 << (bits - 1)))
  }
}

extension RoundToStep: LowerableOperator {
  /// Nothing where the operand is so quantized, as what makes it is wherever nothing else reads it; otherwise
  /// a rescaling.
  ///
  /// - Throws: `lower.round_to_step.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    try context.pass(node, try context.activation(node, 0))
  }
}
