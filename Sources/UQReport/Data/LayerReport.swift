/// Counts of values in bins of equal width.
public struct Histogram: Sendable, Hashable, Codable {
  /// Lower end of the first bin.
  public var low: Double
  /// Upper end of the last bin.
  public var high: Double
  /// Values in each bin.
  public var counts: [Int]

  /// Creates a histogram.
  public init(low: Double, high: Double, counts: [Int]) {
    self.low = low
    self.high = high
    self.counts = counts
  }
}

/// The real numbers that integers can stand for.
public struct ValueRange: Sendable, Hashable, Codable {
  /// Smallest.
  public var low: Double
  /// Largest.
  public var high: Double

  /// Creates a range.
  public init(low: Double, high: Double) {
    self.low = low
    self.high = high
  }
}

/// What the values of a layer look like in float, whatever the variant.
public struct LayerHistograms: Sendable, Hashable, Codable {
  /// Name of the node.
  public var name: String
  /// Operator of the node.
  public var operatorName: String
  /// Its weights; `nil` where it has none.
  public var weights: Histogram?
  /// Its output over the calibration samples; `nil` where calibration does not know it.
  public var activations: Histogram?

  /// Creates an entry.
  public init(
    name: String, operatorName: String, weights: Histogram? = nil, activations: Histogram? = nil
  ) {
    self.name = name
    self.operatorName = operatorName
    self.weights = weights
    self.activations = activations
  }
}

/// One layer of a variant.
public struct LayerReport: Sendable, Hashable, Codable {
  /// Name of the node.
  public var name: String
  /// Operator of the node.
  public var operatorName: String
  /// Bits of its weights; `nil` where it has none.
  public var bits: Int?
  /// Input channels that share a scale of its weights; `nil` where an output channel has one.
  public var groupSize: Int?
  /// Bits of its output where they are fewer than 8.
  public var activationBits: Int?
  /// Signal to quantization noise of its output against the float model, in decibels.
  public var sqnr: Double?
  /// Signal to noise of the network's output where only this layer's weights are rounded, in decibels.
  public var sensitivity: Double?
  /// Bytes of its packed weights, with the factors of groups.
  public var weightBytes: Int
  /// Multiply-accumulates.
  public var macs: Int
  /// Instructions, where measured.
  public var instructions: Int?
  /// What its weights can be, the widest of the channels; `nil` where it has none.
  public var weightRange: ValueRange?
  /// What its output can be.
  public var activationRange: ValueRange?

  /// Creates a layer's entry.
  public init(
    name: String, operatorName: String, bits: Int?, sqnr: Double?, weightBytes: Int, macs: Int = 0
  ) {
    self.name = name
    self.operatorName = operatorName
    self.bits = bits
    self.sqnr = sqnr
    self.weightBytes = weightBytes
    self.macs = macs
  }
}
