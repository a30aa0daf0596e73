import Foundation
import UQNumerics

/// A function of one real number.
public enum PointwiseFunction: Hashable, Codable, Sendable {
  case abs
  case acos
  case acosh
  case affine(scale: Float, offset: Float)
  case asin
  case asinh
  case atan
  case atanh
  case binarize(zeroIsPositive: Bool)
  case ceil
  case celu(alpha: Float)
  case cos
  case cosh
  case elu(alpha: Float)
  case erf
  case exp
  case floor
  case gelu(tanh: Bool)
  case hardSigmoid(alpha: Float, beta: Float)
  case hardSwish
  case leakyRelu(alpha: Float)
  case log
  case log10
  case log2
  case mish
  case negate
  case power(exponent: Float)
  case reciprocal
  case round
  case roundAway
  case selu(alpha: Float, gamma: Float)
  case sigmoid
  case sign
  case silu
  case sin
  case sinh
  case softplus
  case softsign
  case sqrt
  case tan
  case tanh
  case thresholdedRelu(alpha: Float)
  case truncate
}

/// What a pointwise function computes.
public struct PointwiseDefinition: Sendable {
  /// Name in the `.uqir` text form, snake case.
  public var name: String
  /// The formula.
  public var formula: String
  /// The quantization of 8 bits that holds every result whatever the operand; `nil` where there is none.
  public var quantization: Quantization?
  /// The value at a point.
  public var evaluate: @Sendable (Double) -> Double

  init(
    _ name: String, _ formula: String, _ quantization: Quantization? = nil,
    _ evaluate: @escaping @Sendable (Double) -> Double
  ) {
    self.name = name
    self.formula = formula
    self.quantization = quantization
    self.evaluate = evaluate
  }
}

/// `[0, 1]` in 256 steps, and `[−1, 1]`; the upper end saturates by half a step or one; ±1 exactly.
private let unit = Quantization(bits: 8, scales: [1 / 256], zeroPoint: -128)
private let signs = Quantization(bits: 8, scales: [1], zeroPoint: 0)
private let signedUnit = Quantization(bits: 8, scales: [1 / 128], zeroPoint: 0)

extension PointwiseFunction {
  /// The table of the functions.
  public var definition: PointwiseDefinition {
    switch self {
    case .abs: .init("abs", "|x|") { $0.magnitude }
    case .acos: .init("acos", "arccos x") { Foundation.acos($0) }
    case .acosh: .init("acosh", "arcosh x") { Foundation.acosh($0) }
    case .affine(let scale, let offset):
      .init("affine", "scale · x + offset") { Double(scale) * $0 + Double(offset) }
    case .asin: .init("asin", "arcsin x") { Foundation.asin($0) }
    case .asinh: .init("asinh", "arsinh x") { Foundation.asinh($0) }
    case .atan: .init("atan", "arctan x") { Foundation.atan($0) }
    case .atanh: .init("atanh", "artanh x") { Foundation.atanh($0) }
    case .binarize(let zeroIsPositive):
      .init("binarize", zeroIsPositive ? "x ≥ 0 ? 1 : −1" : "x > 0 ? 1 : −1", signs) {
        $0 > 0 || zeroIsPositive && $0 == 0 ? 1 : -1
      }
    case .ceil: .init("ceil", "⌈x⌉") { $0.rounded(.up) }
    case .celu(let alpha):
      .init("celu", "max(0, x) + min(0, α · (e^(x/α) − 1))") {
        $0 >= 0 ? $0 : Double(alpha) * expm1($0 / Double(alpha))
      }
    case .cos: .init("cos", "cos x") { Foundation.cos($0) }
    case .cosh: .init("cosh", "cosh x") { Foundation.cosh($0) }
    case .elu(let alpha):
      .init("elu", "x < 0 ? α · (e^x − 1) : x") { $0 < 0 ? Double(alpha) * expm1($0) : $0 }
    case .erf: .init("erf", "erf x", signedUnit) { Foundation.erf($0) }
    case .exp: .init("exp", "e^x") { Foundation.exp($0) }
    case .floor: .init("floor", "⌊x⌋") { $0.rounded(.down) }
    case .gelu(tanh: false):
      .init("gelu", "x/2 · (1 + erf(x/√2))") {
        0.5 * $0 * (1 + Foundation.erf($0 * 0.5.squareRoot()))
      }
    case .gelu(tanh: true):
      .init("gelu_tanh", "x/2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))") {
        0.5 * $0
          * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
      }
    case .hardSigmoid(let alpha, let beta):
      .init("hard_sigmoid", "max(0, min(1, α · x + β))", unit) {
        Swift.max(Swift.min(Double(alpha) * $0 + Double(beta), 1), 0)
      }
    case .hardSwish:
      .init("hard_swish", "x · max(0, min(1, x/6 + 1/2))") {
        $0 * Swift.max(Swift.min($0 / 6 + 0.5, 1), 0)
      }
    case .leakyRelu(let alpha):
      .init("leaky_relu", "x < 0 ? α · x : x") { $0 < 0 ? Double(alpha) * $0 : $0 }
    case .log: .init("log", "ln x") { Foundation.log($0) }
    case .log10: .init("log10", "log₁₀ x") { Foundation.log10($0) }
    case .log2: .init("log2", "log₂ x") { Foundation.log2($0) }
    case .mish: .init("mish", "x · tanh(ln(1 + e^x))") { $0 * Foundation.tanh(logOnePlusExp($0)) }
    case .negate: .init("negate", "−x") { -$0 }
    case .power(let exponent): .init("power", "x^exponent") { pow($0, Double(exponent)) }
    case .reciprocal: .init("reciprocal", "1 / x") { 1 / $0 }
    case .round:
      .init("round", "x to the nearest integer, ties to even") { $0.rounded(.toNearestOrEven) }
    case .roundAway:
      .init("round_away", "x to the nearest integer, ties away from zero") {
        $0.rounded(.toNearestOrAwayFromZero)
      }
    case .selu(let alpha, let gamma):
      .init("selu", "γ · (x ≤ 0 ? α · (e^x − 1) : x)") {
        Double(gamma) * ($0 <= 0 ? Double(alpha) * expm1($0) : $0)
      }
    case .sigmoid: .init("sigmoid", "1 / (1 + e^−x)", unit) { logistic($0) }
    case .sign: .init("sign", "−1, 0 or 1") { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 }
    case .silu: .init("silu", "x / (1 + e^−x)") { $0 * logistic($0) }
    case .sin: .init("sin", "sin x") { Foundation.sin($0) }
    case .sinh: .init("sinh", "sinh x") { Foundation.sinh($0) }
    case .softplus: .init("softplus", "ln(1 + e^x)") { logOnePlusExp($0) }
    case .softsign: .init("softsign", "x / (1 + |x|)", signedUnit) { $0 / (1 + $0.magnitude) }
    case .sqrt: .init("sqrt", "√x") { $0.squareRoot() }
    case .tan: .init("tan", "tan x") { Foundation.tan($0) }
    case .tanh: .init("tanh", "tanh x", signedUnit) { Foundation.tanh($0) }
    case .thresholdedRelu(let alpha):
      .init("thresholded_relu", "x > α ? x : 0") { $0 > Double(alpha) ? $0 : 0 }
    case .truncate:
      .init("truncate", "x without its fraction") { $0.rounded(.towardZero) }
    }
  }
}

/// Neither branch overflows.
private func logistic(_ x: Double) -> Double {
  if x >= 0 { return 1 / (1 + exp(-x)) }
  let e = exp(x)
  return e / (1 + e)
}

/// `ln(1 + e^x)` without overflow.
private func logOnePlusExp(_ x: Double) -> Double { Swift.max(x, 0) + log1p(exp(-x.magnitude)) }
