import UQNumerics

/// What calibration knows of one activation tensor.
///
/// Bin `i` of the histogram counts elements in `[(first + i) · 2^binExponent, (first + i + 1) · 2^binExponent)`.
/// Power-of-two widths make histograms merge to the same counts in any order.
public struct TensorStatistics: Sendable, Hashable {
  /// Name of the value.
  public var name: String
  /// Smallest finite element seen; 0 where there was none.
  public var minimum: Float
  /// Largest finite element seen; 0 where there was none.
  public var maximum: Float
  /// Elements that were NaN or infinite.
  public var nonFinite: UInt64
  /// Binary logarithm of the bins' width.
  public var binExponent: Int
  /// Number of the first bin.
  public var firstBin: Int
  /// Elements counted in each bin (a fixed sub-sample of all elements).
  public var counts: [UInt64]
  /// Smallest and largest element of each channel (last axis); empty where not kept.
  public var channelMinimum: [Float]
  /// Largest element of each channel (last axis); empty where not kept.
  public var channelMaximum: [Float]

  /// Creates statistics.
  public init(
    name: String, minimum: Float, maximum: Float, nonFinite: UInt64 = 0, binExponent: Int,
    firstBin: Int, counts: [UInt64], channelMinimum: [Float] = [], channelMaximum: [Float] = []
  ) {
    self.name = name
    self.minimum = minimum
    self.maximum = maximum
    self.nonFinite = nonFinite
    self.binExponent = binExponent
    self.firstBin = firstBin
    self.counts = counts
    self.channelMinimum = channelMinimum
    self.channelMaximum = channelMaximum
  }

  /// Width of a bin.
  public var binWidth: Double { Double(sign: .plus, exponent: binExponent, significand: 1) }
}

/// What calibration knows of a network: statistics by value name, and the samples that were kept.
public struct CalibrationSummary: Sendable {
  /// SHA-256 of the model file.
  public var modelDigest: String
  /// Samples that the statistics were made from.
  public var sampleCount: Int
  /// Statistics by name of the value.
  public var tensors: [String: TensorStatistics]
  /// Kept samples, each a tensor for every input in the model's order.
  public var samples: [[Tensor]]

  /// Creates a summary.
  public init(
    modelDigest: String, sampleCount: Int, tensors: [String: TensorStatistics],
    samples: [[Tensor]]
  ) {
    self.modelDigest = modelDigest
    self.sampleCount = sampleCount
    self.tensors = tensors
    self.samples = samples
  }
}
