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

extension Quantizer {
  /// Multiply-accumulates that one call may spend on measuring losses.
  private static let sensitivityWork = 60_000_000_000
  /// Samples that losses are measured on, at most.
  private static let sensitivitySamples = 200

  /// Measures layer by layer what rounding its weights alone does to the network's outputs.
  ///
  /// Activations and all other weights are float: the noise of quantized activations would hide the small
  /// differences between 4 and 8 bits. The layer's weights are rounded from data as for export; the loss is
  /// the mean divergence `KL(p ‖ p̂)` of the softmax outputs (of other outputs the squared error relative to
  /// their variance).
  ///
  /// - Parameters:
  ///   - widths: bits to try.
  ///   - names: layers to measure; `nil` measures all.
  /// - Returns: the layers in graph order; empty where the calibration keeps no samples.
  /// - Complexity: layers × widths runs over at most 200 samples.
  public func sensitivities(widths: [Int], of names: Set<String>? = nil) throws
    -> [LayerSensitivity]
  {
    guard error != nil else { return [] }
    let measured = layers.filter { names?.contains($0.name) ?? true }
    let runs = max(1, measured.count * widths.count)
    let count = max(
      16, min(Self.sensitivitySamples, Self.sensitivityWork / max(1, graph.macs * runs)))
    let probes = Array(samples.prefix(count))
    let prepared = try evaluator.prepare(graph)
    let meter = try OutputError(
      graph: graph, prepared: prepared, samples: probes, threads: options.threads,
      measure: .divergence(marginAtMost: 3))
    let rounding = DataAwareRounding(
      graph: graph, evaluator: evaluator, samples: probes, activations: [:],
      threads: options.threads)
    return try measured.map { layer in
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
      }
      return LayerSensitivity(name: layer.name, weights: layer.count, losses: losses)
    }
  }
}
