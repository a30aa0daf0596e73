import UQGraph
import UQNumerics
import UQSupport

/// What the format of a layer's weights costs at the network's output.
public struct LayerSensitivity: Sendable {
  /// Name of the node.
  public var name: String
  /// Number of weights.
  public var weights: Int
  /// For each format of the weights that the layer can have the loss, at least 0.
  public var losses: [WeightFormat: Double]
}

/// Layers rounded at several widths, to be tried one by one and together.
///
/// No sample judges weights that were rounded with it: the samples are dealt into folds, and those of a fold
/// judge roundings that follow from all other folds (cross-fitting). Otherwise layers that a width lets fit
/// the samples, the last ones, would look better than they are.
public struct WidthTrials: Sendable {
  /// The layers in graph order, each by itself.
  public internal(set) var sensitivities: [LayerSensitivity] = []
  fileprivate var folds: [Fold]
  fileprivate let layers: [WeightedLayer]
  fileprivate let graph: Graph
  fileprivate let evaluator: any GraphEvaluator
  fileprivate let meter: OutputError
  fileprivate let activations: [ValueID: Quantization]

  fileprivate struct Fold: Sendable {
    /// Positions of the samples that judge.
    var judges: [Int]
    /// Rounds with the other samples.
    var rounding: DataAwareRounding
    var rounded: [String: [WeightFormat: RoundedLayer]] = [:]
  }

  /// The loss of each sample with widths together, activations quantized, fold after fold.
  ///
  /// Each layer's weights are those that ``sensitivities`` were measured with; layers without a width here
  /// stay float.
  public func losses(of formats: [String: WeightFormat]) throws -> [Double] {
    try folds.flatMap { fold in
      var changed = graph
      for layer in layers {
        guard let format = formats[layer.name], let rounded = fold.rounded[layer.name]?[format]
        else { continue }
        changed.install(rounded, at: layer)
      }
      return try meter.errors(
        evaluator.prepare(changed), quantizing: activations, of: fold.judges)
    }
  }
}

extension Quantizer {
  /// Samples that losses are measured on, at most.
  private static let sensitivitySamples = 500
  /// Folds that the samples are dealt into.
  private static let sensitivityFolds = 4

  /// Rounds layers at widths and measures what each by itself does to the network's outputs.
  ///
  /// Activations and all other weights are float: the noise of quantized activations would hide the small
  /// differences between 4 and 8 bits. The layer's weights are rounded from data as for export; the loss is
  /// the mean divergence `KL(p ‖ p̂)` of the softmax outputs (of other outputs the squared error relative to
  /// their variance).
  ///
  /// - Parameters:
  ///   - formats: formats to try; where a layer cannot have groups, it has one scale for an output channel.
  ///   - names: layers to measure; `nil` measures all.
  ///   - work: multiply-accumulates that may be spent on running the network.
  /// - Returns: `nil` where the calibration keeps no samples.
  /// - Complexity: layers × widths runs over at most 500 samples.
  public func trials(
    formats: [WeightFormat], of names: Set<String>? = nil, work: Int = 60_000_000_000
  ) throws -> WidthTrials? {
    guard error != nil else { return nil }
    let measured = layers.filter { names?.contains($0.name) ?? true }
    let tried = measured.map { layer -> [WeightFormat] in
      var seen: Set<WeightFormat> = []
      return formats.map(layer.groups.format).filter { seen.insert($0).inserted }
    }
    let runs = max(1, tried.reduce(0) { $0 + $1.count })
    let count = max(
      16, min(Self.sensitivitySamples, work / max(1, graph.macs * runs)))
    let probes = Array(samples.prefix(count))
    let meter = try OutputError(
      graph: graph, prepared: evaluator.prepare(graph), samples: probes, threads: options.threads)
    var trials = WidthTrials(
      folds: try folds(of: probes), layers: measured, graph: graph, evaluator: evaluator,
      meter: meter,
      activations: integer.activationQuantizations)
    for (layer, formats) in zip(measured, tried) {
      var sums: [WeightFormat: Double] = [:]
      for index in trials.folds.indices {
        let fold = trials.folds[index]
        let data = try fold.rounding.measure(layer)
        for format in formats {
          let rounded =
            try data.flatMap {
              try fold.rounding.round($0, format: format, powerOfTwo: options.powerOfTwoScales)
            } ?? RoundedLayer(weights: nearest(layer, format), bias: nil)
          var changed = graph
          changed.install(rounded, at: layer)
          let errors = try meter.errors(
            evaluator.prepare(changed), quantizing: [:], of: fold.judges)
          sums[format, default: 0] += errors.reduce(0, +)
          trials.folds[index].rounded[layer.name, default: [:]][format] = rounded
        }
      }
      trials.sensitivities.append(
        LayerSensitivity(
          name: layer.name, weights: layer.count,
          losses: sums.mapValues { $0.isFinite ? $0 / Double(max(probes.count, 1)) : .infinity }))
    }
    return trials
  }

  /// Deals samples out in turn; few samples make one fold that judges itself.
  private func folds(of probes: [[Tensor]]) throws -> [WidthTrials.Fold] {
    let count = probes.count < 2 * Self.sensitivityFolds ? 1 : Self.sensitivityFolds
    return try (0..<count).map { fold in
      let others = probes.indices.filter { count == 1 || $0 % count != fold }
      return WidthTrials.Fold(
        judges: probes.indices.filter { $0 % count == fold },
        rounding: DataAwareRounding(
          graph: graph, evaluator: evaluator, samples: others.map { probes[$0] }, activations: [:],
          threads: options.threads,
          curvature: try OutputCurvature(
            graph, layers: layers, evaluator: evaluator, samples: others.map { probes[$0] },
            draws: 1, threads: options.threads)))
    }
  }
}
