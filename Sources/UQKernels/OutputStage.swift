import UQGraph
import UQNumerics
import UQRuntime

/// The last steps of a requantizing kernel: rounding, zero point, clamp (`uq_output`).
public struct OutputStage: Sendable, Hashable {
  /// Integer of the real value 0.
  public var zeroPoint: Int
  /// Smallest result.
  public var low: Int
  /// Largest result; at least ``low``.
  public var high: Int
  /// How accumulators are rounded.
  public var rounding: Rounding
  /// A rounding that only integer programs ask for, in place of ``rounding``.
  public var exact: ExactRounding?

  /// A rounding that a model spells out itself.
  public enum ExactRounding: Sendable, Hashable {
    /// To nearest, ties away from zero.
    case awayFromZero
    /// Toward zero.
    case towardZero
  }

  /// The stage with the bounds as they are; without bounds the result is taken modulo 2^8.
  public init(
    zeroPoint: Int, bounds: ClosedRange<Int>?, rounding: Rounding, exact: ExactRounding? = nil
  ) {
    self.zeroPoint = zeroPoint
    low = bounds?.lowerBound ?? Int(Int32.min)
    high = bounds?.upperBound ?? Int(Int32.max)
    self.rounding = rounding
    self.exact = exact
  }

  /// The stage that makes integers of `quantization` within the bounds of a fused activation.
  ///
  /// A bound is rounded as a value would be, so the integers in between are exactly those of clamped
  /// real numbers.
  public init(_ quantization: Quantization, _ activation: Clamp = .none, rounding: Rounding) {
    zeroPoint = quantization.zeroPoint
    let bounds = (
      activation.low.isNaN ? quantization.lowest : quantization.quantize(Double(activation.low)),
      activation.high.isNaN ? quantization.highest : quantization.quantize(Double(activation.high))
    )
    // Clamping by crossed bounds always gives the upper one.
    low = min(bounds.0, bounds.1)
    high = bounds.1
    self.rounding = rounding
  }

  /// The stage as the nested structure `output` of a kernel's parameters.
  public var field: CField {
    CField("output", array: [zeroPoint, low, high, Int(code)])
  }

  private var code: Int32 {
    switch exact {
    case .awayFromZero: Int32(UQ_ROUNDING_AWAY)
    case .towardZero: Int32(UQ_ROUNDING_TRUNCATE)
    case nil: rounding.code
    }
  }

  var parameters: uq_output {
    uq_output(
      zero_point: Int32(zeroPoint), min: Int32(low), max: Int32(high), rounding: code)
  }
}

extension Rounding {
  /// The runtime's number for it: `UQ_ROUNDING_SINGLE` and so on.
  public var code: Int32 {
    switch self {
    case .single: Int32(UQ_ROUNDING_SINGLE)
    case .double: Int32(UQ_ROUNDING_DOUBLE)
    case .shift: Int32(UQ_ROUNDING_SHIFT)
    }
  }
}
