import Foundation
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Tunes the scale and the bias of every output channel so that the network's outputs, not each layer's,
/// come close to the float network's.
///
/// The integers stay. With `u` a channel's response, the quantized layer gives `a·u + b`; `a` and `b` follow
/// the gradient of the divergence at the outputs (Adam with decaying steps; quantizers pass gradients inside
/// their ranges, Bengio et al. 2013). A fifth of the samples is held out; what lowers the divergence there is
/// kept.
struct ScaleTuning: Sendable {
  /// The float graph.
  let graph: Graph
  /// Runs graphs.
  let evaluator: any GraphEvaluator
  /// Samples to look at.
  let samples: [[Tensor]]
  /// Quantization of every activation.
  let activations: [ValueID: Quantization]
  /// Whether scales stay as they are: powers of two.
  let keepsScales: Bool
  /// Threads; results do not depend on them.
  let threads: Int

  /// Fewest samples to learn from.
  private static let leastSamples = 40
  /// Divergence on the held-out samples below which nothing is tuned: what is left is noise of the samples.
  private static let leastDivergence = 0.02
  /// Runs over the samples, and how they go.
  ///
  /// Of rates from 1e-4 to 4e-3, compared on the networks of `Benchmarks/`, larger ones fit the samples and not
  /// the data.
  private static let (epochs, batch, rate): (Int, Int, Float) = (8, 32, 5e-4)
  /// Multiply-accumulates that a run over the samples may take.
  private static let work = 20_000_000_000

  /// The rounded layers with tuned scales and biases; as they are where that does not help.
  ///
  /// - Throws: `engine.*`.
  /// - Complexity: about 25 runs of the network over the samples.
  func tune(_ rounded: [RoundedLayer], of layers: [WeightedLayer]) throws -> [RoundedLayer] {
    let used = samples.prefix(max(Self.leastSamples, Self.work / max(1, 3 * graph.macs)))
    guard used.count >= Self.leastSamples else { return rounded }
    let judge = try error(used.enumerated().filter { $0.offset % 5 == 4 }.map(\.element))
    var quantized = graph
    for (layer, rounded) in zip(layers, rounded) { quantized.install(rounded, at: layer) }
    let before = try judge.measure(evaluator.prepare(quantized), quantizing: activations)
    guard before.mean > Self.leastDivergence else { return rounded }
    let training = try error(used.enumerated().filter { $0.offset % 5 != 4 }.map(\.element))
    let gradients = GradientGraph(quantized, layers: layers, watched: Set(training.watched.keys))
    guard !gradients.layers.isEmpty else { return rounded }
    let pass = try TuningPass(
      gradients: gradients, error: training, activations: activations, evaluator: evaluator,
      threads: threads)
    var parameters = try initial(gradients, rounded, layers, pass)
    var (best, least) = (rounded, before.mean)
    var random = SeededGenerator(seed: 1)
    for epoch in 0..<Self.epochs {
      try run(epoch, pass, &parameters, &random)
      let candidate = apply(parameters, gradients, rounded, layers)
      for (layer, rounded) in zip(layers, candidate) { quantized.install(rounded, at: layer) }
      let after = try judge.measure(evaluator.prepare(quantized), quantizing: activations).mean
      if after < least { (best, least) = (candidate, after) }
    }
    return best
  }

  private func error(_ samples: [[Tensor]]) throws -> OutputError {
    try OutputError(
      graph: graph, prepared: evaluator.prepare(graph), samples: samples, threads: threads,
      marginAtMost: 5)
  }

  /// One run over the samples, in an order of its own, with rates that fall as half a cosine.
  private func run(
    _ epoch: Int, _ pass: TuningPass, _ parameters: inout TuningParameters,
    _ random: inout SeededGenerator
  ) throws {
    let order = Array(pass.error.samples.indices).shuffled(using: &random)
    for start in stride(from: 0, to: order.count, by: Self.batch) {
      let gradient = try pass.gradient(
        at: parameters, samples: Array(order[start..<min(start + Self.batch, order.count)]))
      let share = (Float(epoch) + Float(start) / Float(order.count)) / Float(Self.epochs)
      parameters.descend(
        gradient, rate: Self.rate * 0.5 * (1 + cos(Float.pi * share)), keepsScales: keepsScales)
    }
  }

  private func initial(
    _ gradients: GradientGraph, _ rounded: [RoundedLayer], _ layers: [WeightedLayer],
    _ pass: TuningPass
  ) throws -> TuningParameters {
    var parameters = TuningParameters(count: gradients.layers.reduce(0) { $0 + $1.channels })
    var offset = 0
    for layer in gradients.layers {
      let bias = rounded[layer.index].bias?.floats ?? layers[layer.index].bias
      if let bias {
        for c in 0..<layer.channels { parameters.biases[offset + c] = bias[c] }
      }
      offset += layer.channels
    }
    parameters.units = try pass.deviations(at: parameters)
    return parameters
  }

  private func apply(
    _ parameters: TuningParameters, _ gradients: GradientGraph, _ rounded: [RoundedLayer],
    _ layers: [WeightedLayer]
  ) -> [RoundedLayer] {
    var result = rounded
    var offset = 0
    for layer in gradients.layers {
      let factors = Array(parameters.factors[offset..<offset + layer.channels])
      let biases = Array(parameters.biases[offset..<offset + layer.channels])
      offset += layer.channels
      let (old, own) = (rounded[layer.index].weights, layers[layer.index])
      let format = WeightFormat(
        bits: old.quantization.bits, groupSize: old.quantization.groupSize)
      guard
        let tuned = old.scaled(by: factors.map(Double.init), floors: own.floors(format)),
        tuned.quantization.scales.allSatisfy(\.isFinite), biases.allSatisfy(\.isFinite)
      else { continue }
      result[layer.index].weights = tuned
      result[layer.index].bias = Tensor(biases, [biases.count])
    }
    return result
  }
}

/// Factors and biases of all tuned channels, layer after layer, with the state of Adam.
struct TuningParameters: Sendable {
  /// Factors of the responses, at first 1.
  var factors: [Float]
  /// Biases.
  var biases: [Float]
  /// Standard deviation of each channel's response: what a bias is measured in.
  var units: [Float]
  private var mean: [Float]
  private var square: [Float]
  private var steps = 0

  init(count: Int) {
    factors = [Float](repeating: 1, count: count)
    biases = [Float](repeating: 0, count: count)
    units = [Float](repeating: 1, count: count)
    mean = [Float](repeating: 0, count: 2 * count)
    square = mean
  }

  /// A step of Adam (Kingma and Ba 2015).
  ///
  /// - Parameter gradient: at the factors, then at the biases.
  mutating func descend(_ gradient: [Double], rate: Float, keepsScales: Bool) {
    let (slow, fast): (Float, Float) = (0.99, 0.9)
    steps += 1
    let correction = (1 - pow(slow, Float(steps))).squareRoot() / (1 - pow(fast, Float(steps)))
    let count = factors.count
    for i in 0..<2 * count {
      let unit = i < count ? 1 : units[i - count]
      let g = Float(gradient[i]) * unit
      mean[i] = fast * mean[i] + (1 - fast) * g
      square[i] = slow * square[i] + (1 - slow) * g * g
      let step = rate * correction * mean[i] / (square[i].squareRoot() + 1e-12) * unit
      if i >= count {
        biases[i - count] -= step
      } else if !keepsScales {
        factors[i] = min(max(factors[i] - step, 0.5), 2)
      }
    }
  }
}
