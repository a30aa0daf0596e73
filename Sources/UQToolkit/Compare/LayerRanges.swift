import UQCalibration
import UQGraph
import UQKernels
import UQNumerics
import UQReport

/// Histograms of a network's weights and activations, and the ranges that a variant chose for them.
enum LayerRanges {
  /// Bins of a histogram in a report.
  static let bins = 40

  /// Weights and activations of each layer of the float graph.
  static func histograms(_ graph: Graph, _ calibration: Calibration?, layers: [String])
    -> [LayerHistograms]
  {
    let statistics = calibration?.summary.tensors ?? [:]
    let wanted = Set(layers)
    return graph.nodes.filter { wanted.contains($0.name) }.map { node in
      let weights = node.weightSlot.flatMap { graph.constant(node.operands[$0]) }
      return LayerHistograms(
        name: node.name, operatorName: node.spec.name,
        weights: weights.flatMap { $0.element == .float32 ? histogram($0.floats) : nil },
        activations: node.results.first.flatMap { statistics[graph[$0].name] }.flatMap(histogram))
    }
  }

  /// Adds the ranges of a quantized graph to the layers' entries.
  static func fill(_ layers: inout [LayerReport], from graph: Graph) {
    let nodes = Dictionary(
      graph.nodes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for index in layers.indices {
      guard let node = nodes[layers[index].name] else { continue }
      if let slot = node.weightSlot, let id = node.operands[slot] {
        layers[index].weightRange = graph[id].type.quantization.flatMap(range)
      }
      if let result = node.results.first {
        layers[index].activationRange = graph[result].type.quantization.flatMap(range)
      }
    }
  }

  /// The real numbers that integers stand for; of the channel with the widest range.
  private static func range(_ quantization: Quantization) -> ValueRange? {
    guard let scale = quantization.scales.map(\.magnitude).max() else { return nil }
    return ValueRange(
      low: scale * Double(quantization.lowest - quantization.zeroPoint),
      high: scale * Double(quantization.highest - quantization.zeroPoint))
  }

  private static func histogram(_ values: [Float]) -> Histogram? {
    let finite = values.filter(\.isFinite)
    guard let least = finite.min(), let most = finite.max(), least < most else { return nil }
    let (low, high) = (Double(least), Double(most))
    var counts = [Int](repeating: 0, count: bins)
    for value in finite {
      let position = (Double(value) - low) / (high - low) * Double(bins)
      counts[min(bins - 1, Int(position))] += 1
    }
    return Histogram(low: low, high: high, counts: counts)
  }

  /// Calibration's bins, several added to one.
  private static func histogram(_ statistics: TensorStatistics) -> Histogram? {
    let fine = statistics.counts
    guard !fine.isEmpty else { return nil }
    let step = (fine.count + bins - 1) / bins
    let counts = stride(from: 0, to: fine.count, by: step).map { start in
      fine[start..<min(fine.count, start + step)].reduce(0) { $0 + Int(clamping: $1) }
    }
    let low = Double(statistics.firstBin) * statistics.binWidth
    return Histogram(
      low: low, high: low + Double(counts.count * step) * statistics.binWidth, counts: counts)
  }
}
