/// How an output compares with real-valued targets: sums over the output's elements.
public struct RegressionSums: Sendable, Hashable, Codable {
  /// Number of elements.
  public var count: Double
  /// `Σ |output − target|`.
  public var absolute: Double
  /// `Σ (output − target)²`.
  public var squared: Double
  /// `Σ target`.
  public var target: Double
  /// `Σ target²`.
  public var targetSquared: Double

  /// Adds up an output and its target.
  public init(output: [Float], target: [Float]) {
    count = 0
    absolute = 0
    squared = 0
    self.target = 0
    targetSquared = 0
    for (x, y) in zip(output, target) {
      let (value, wanted) = (Double(x), Double(y))
      count += 1
      absolute += (value - wanted).magnitude
      squared += (value - wanted) * (value - wanted)
      self.target += wanted
      targetSquared += wanted * wanted
    }
  }
}

/// What a variant made of one sample: all that metrics need.
public struct SampleOutcome: Sendable, Hashable, Codable {
  /// The class: index of the largest output, or what the clip or word rule says.
  public var best: Int
  /// The last output.
  public var score: Double
  /// Number of outputs above the label's, very many where there is no such output; `nil` without a label.
  public var rank: Int?
  /// `Σ y²` of the float outputs.
  public var signal: Double
  /// `Σ (ŷ − y)²` of the outputs.
  public var noise: Double
  /// Sums against real-valued targets, where there are some.
  public var regression: RegressionSums?

  /// Judges the outputs of one sample.
  ///
  /// - Parameters:
  ///   - outputs: elements of each output.
  ///   - frames: number of frames of the first output, for the word rule.
  ///   - reference: the float model's outputs.
  public init(
    outputs: [[Float]], frames: Int, reference: [[Float]], label: Int?, target: [Float]?,
    metric: Metric
  ) {
    let values = outputs.first ?? []
    let top = SampleOutcome.largest(values)
    score = Double(values.last ?? 0)
    switch metric {
    case .clip(let threshold):
      let peak = values.max() ?? 0
      best = Double(peak) > threshold ? 1 : 0
      score = Double(peak)
    case .word: best = top % max(1, values.count / max(1, frames))
    default: best = top
    }
    rank = label.map { label in
      guard values.indices.contains(label) else { return 1 << 30 }
      return values.indices.count { index in
        values[index] > values[label] || values[index] == values[label] && index < label
      }
    }
    signal = 0
    noise = 0
    for (output, wanted) in zip(outputs, reference) {
      for (x, y) in zip(output, wanted) where y.isFinite {
        signal += Double(y) * Double(y)
        noise += (Double(x) - Double(y)) * (Double(x) - Double(y))
      }
    }
    regression = target.map { RegressionSums(output: values, target: $0) }
  }

  private static func largest(_ values: [Float]) -> Int {
    var best = 0
    for (index, value) in values.enumerated() where value > values[best] { best = index }
    return best
  }
}
