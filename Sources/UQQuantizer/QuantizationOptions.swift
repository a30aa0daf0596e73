import UQGraph
import UQNumerics
import UQSupport

/// What the quantizer is asked for.
public struct QuantizationOptions: Sendable {
  /// Bits of the weights where no layer says otherwise: 8, 4, 3, 2 or 1.
  public var weightBits: Int
  /// Bits of a layer's weights by the name of its node.
  public var layerBits: [String: Int]
  /// Input channels that share a scale in layers that have more of them and kernels for it; `nil` gives
  /// every output channel one scale.
  public var groupSize: Int?
  /// Bits of the activations: 8, or 16 with zero points of 0.
  public var activationBits: Int
  /// Names of the values that have 4 bits; what inherits from one has to be among them.
  public var narrowValues: Set<String>
  /// How activation ranges are chosen.
  public var method: RangeMethod
  /// Whether activations keep the steps that training rounded them to.
  public var keepsTrainedSteps: Bool { activationBits == 8 && !powerOfTwoScales }
  /// Whether all scales are powers of two, as shift-only rounding needs.
  public var powerOfTwoScales: Bool
  /// Whether biases absorb the mean error of quantized weights, where that lowers the output's error.
  public var correctsBiases: Bool
  /// Whether weights below 8 bits are rounded so that layers reproduce their outputs on the kept samples.
  public var roundsFromData: Bool
  /// Whether channels of activations are scaled where that lowers the output's error.
  public var equalizes: Bool
  /// Samples that `auto` and bias correction look at.
  public var probeSamples: Int
  /// Threads; results do not depend on them.
  public var threads: Int

  /// Creates options.
  public init(
    weightBits: Int = 8, layerBits: [String: Int] = [:], groupSize: Int? = nil,
    activationBits: Int = 8,
    narrowValues: Set<String> = [], method: RangeMethod = .auto, powerOfTwoScales: Bool = false,
    correctsBiases: Bool = true,
    roundsFromData: Bool = true, equalizes: Bool = true, probeSamples: Int = 256,
    threads: Int = 1
  ) {
    self.weightBits = weightBits
    self.layerBits = layerBits
    self.groupSize = groupSize
    self.activationBits = activationBits
    self.narrowValues = narrowValues
    self.method = method
    self.powerOfTwoScales = powerOfTwoScales
    self.correctsBiases = correctsBiases
    self.roundsFromData = roundsFromData
    self.equalizes = equalizes
    self.probeSamples = probeSamples
    self.threads = threads
  }
}
