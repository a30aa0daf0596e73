import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Looks for signs that calibration went wrong: wrong preprocessing, too few samples, dead channels.
public enum CalibrationLinter {
  /// Fewer samples than this are reported.
  public static let enoughSamples = 32

  /// Warnings about a calibration of a graph.
  ///
  /// - `calibrate.lint.samples`: fewer than 32 samples.
  /// - `calibrate.lint.constant-input`: an input never changed.
  /// - `calibrate.lint.normalization`: the input's contribution to the first layer is out of all
  ///   proportion to the layer's own biases, as when pictures of 0...255 are fed to a network trained
  ///   on 0...1, or the reverse.
  /// - `calibrate.lint.nonfinite`: NaN or infinite activations.
  /// - `calibrate.lint.dead-channels`: channels that never changed.
  public static func warnings(_ graph: Graph, _ calibration: Calibration) -> [Diagnostic] {
    var result: [Diagnostic] = []
    let statistics = Dictionary(
      calibration.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    if calibration.sampleCount < enoughSamples {
      result.append(
        warning(
          "samples",
          "only \(calibration.sampleCount) samples; ranges are more reliable from \(enoughSamples) on"
        ))
    }
    for id in graph.inputs {
      guard let input = statistics[graph[id].name] else { continue }
      if input.minimum == input.maximum {
        result.append(
          warning(
            "constant-input", "input '\(input.name)' is \(input.minimum) in every sample"))
      } else if let text = normalization(graph, id, input) {
        result.append(warning("normalization", text))
      }
    }
    let inputs = Set(graph.inputs.map { graph[$0].name })
    for tensor in calibration.tensors where tensor.nonFinite > 0 {
      result.append(
        warning(
          "nonfinite",
          "'\(tensor.name)' had \(tensor.nonFinite) NaN or infinite elements"
            + (inputs.contains(tensor.name) ? "; samples with such elements are left out" : "")))
    }
    result += deadChannels(graph, statistics)
    return result
  }

  private static func deadChannels(_ graph: Graph, _ statistics: [String: TensorStatistics])
    -> [Diagnostic]
  {
    graph.nodes.compactMap { node in
      guard node.spec.operands.contains(where: { $0.role == .bias }),
        let tensor = statistics[graph[node.result].name]
      else { return nil }
      let dead = zip(tensor.channelMinimum, tensor.channelMaximum).count { $0 == $1 }
      guard dead > 0 else { return nil }
      return Diagnostic(
        .warning, id: "calibrate.lint.dead-channels",
        "\(dead) of \(tensor.channelMinimum.count) channels never changed over the samples",
        at: SourcePlace(node: node.name, operatorName: node.spec.name))
    }
  }

  /// Compares, over the channels of the first layers, `Σ|w| · max|x|` with the bias.
  private static func normalization(
    _ graph: Graph, _ input: ValueID, _ statistics: TensorStatistics
  )
    -> String?
  {
    let magnitude = Double(max(statistics.minimum.magnitude, statistics.maximum.magnitude))
    for node in graph.nodes where node.operands.first == input {
      guard node.op is Conv2D || node.op is FullyConnected, node.operands.count > 2,
        let weights = graph.constant(node.operands[1]), let bias = graph.constant(node.operands[2]),
        let first = weights.shape.dimensions.first, first > 0
      else { continue }
      let row = weights.count / first
      let w = weights.floats
      let ratios = bias.floats.enumerated().compactMap { channel, b -> Double? in
        let sum = w[channel * row..<(channel + 1) * row].reduce(0) { $0 + Double($1.magnitude) }
        return b == 0 ? nil : sum * magnitude / Double(b.magnitude)
      }.sorted()
      guard ratios.count >= 4 else { continue }
      let median = ratios[ratios.count / 2]
      let range = "\(statistics.minimum)...\(statistics.maximum)"
      if median < 0.2 {
        return "input '\(statistics.name)' ranges over \(range), so small that the first layer "
          + "('\(node.name)') hardly sees it; check scale, mean and std of the preprocessing"
      }
      if median > 2000 {
        return "input '\(statistics.name)' ranges over \(range), so large that the first layer's "
          + "biases ('\(node.name)') do not matter; check scale, mean and std of the preprocessing"
      }
    }
    return nil
  }

  private static func warning(_ id: String, _ message: String) -> Diagnostic {
    Diagnostic(.warning, id: "calibrate.lint.\(id)", message)
  }
}
