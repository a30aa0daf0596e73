import UQGraph
import UQNumerics
import UQSupport

/// What a layer's width costs at the network's output.
public struct LayerSensitivity: Sendable {
  /// Name of the node.
  public var name: String
  /// Number of weights.
  public var weights: Int
  /// For each width of the weights in bits the loss, at least 0.
  public var losses: [Int: Double]
}

/// Layers rounded at several widths, to be tried one by one and together.
public struct WidthTrials: Sendable {
  /// The layers in graph order, each by itself.
  public internal(set) var sensitivities: [LayerSensitivity] = []
  fileprivate var rounded: [String: [Int: RoundedLayer]] = [:]
  fileprivate var layers: [WeightedLayer]
  fileprivate let graph: Graph
  fileprivate let evaluator: any GraphEvaluator
  fileprivate let meter: OutputError
  fileprivate let activations: [ValueID: Quantization]

  /// The loss of widths together, activations quantized.
  ///
  /// Each layer's weights are those that ``sensitivities`` were measured with; layers without a width here
  /// stay float.
  ///
  /// - Returns: mean divergences over the two halves of the samples.
  /// - Complexity: one run over the samples.
  public func losses(of widths: [String: Int]) throws -> (even: Double, odd: Double) {
    var changed = graph
    for layer in layers {
      guard let bits = widths[layer.name], let rounded = rounded[layer.name]?[bits] else {
        continue
      }
      changed.install(rounded, at: layer)
    }
    let halves = try meter.measure(evaluator.prepare(changed), quantizing: activations)
    return (halves.even, halves.odd)
  }
}

extension Quantizer {
  /// Samples that losses are measured on, at most.
  private static let sensitivitySamples = 200

  /// Rounds layers at widths and measures what each by itself does to the network's outputs.
  ///
  /// Activations and all other weights are float: the noise of quantized activations would hide the small
  /// differences between 4 and 8 bits. The layer's weights are rounded from data as for export; the loss is
  /// the mean divergence `KL(p ‖ p̂)` of the softmax outputs (of other outputs the squared error relative to
  /// their variance).
  ///
  /// - Parameters:
  ///   - widths: bits to try.
  ///   - names: layers to measure; `nil` measures all.
  ///   - work: multiply-accumulates that may be spent on running the network.
  /// - Returns: `nil` where the calibration keeps no samples.
  /// - Complexity: layers × widths runs over at most 200 samples.
  public func trials(
    widths: [Int], of names: Set<String>? = nil, work: Int = 60_000_000_000
  ) throws -> WidthTrials? {
    guard error != nil else { return nil }
    let measured = layers.filter { names?.contains($0.name) ?? true }
    let runs = max(1, measured.count * widths.count)
    let count = max(
      16, min(Self.sensitivitySamples, work / max(1, graph.macs * runs)))
    let probes = Array(samples.prefix(count))
    let meter = try OutputError(
      graph: graph, prepared: evaluator.prepare(graph), samples: probes, threads: options.threads,
      measure: .divergence(marginAtMost: 3))
    let rounding = DataAwareRounding(
      graph: graph, evaluator: evaluator, samples: probes, activations: [:],
      threads: options.threads)
    var trials = WidthTrials(
      layers: measured, graph: graph, evaluator: evaluator, meter: meter,
      activations: integer.activationQuantizations)
    for layer in measured {
      var losses: [Int: Double] = [:]
      let data = try rounding.measure(layer, after: graph)
      for bits in widths {
        let rounded =
          try data.flatMap {
            try rounding.round($0, bits: bits, powerOfTwo: options.powerOfTwoScales)
          } ?? RoundedLayer(weights: nearest(layer, bits: bits), bias: nil)
        var changed = graph
        changed.install(rounded, at: layer)
        losses[bits] = try meter.measure(evaluator.prepare(changed), quantizing: [:]).mean
        trials.rounded[layer.name, default: [:]][bits] = rounded
      }
      trials.sensitivities.append(
        LayerSensitivity(name: layer.name, weights: layer.count, losses: losses))
    }
    return trials
  }
}
