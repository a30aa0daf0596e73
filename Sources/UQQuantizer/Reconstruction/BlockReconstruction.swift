import Foundation
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Learns the integers, scales and biases of a block's layers together.
///
/// The block, fed with what the quantized network before it gives, is to come close to its float outputs
/// (AdaRound, Nagel and others 2020, over blocks as in BRECQ, Li and others 2021). It starts where rounding layer by layer ended, and only for blocks whose error on held-out samples is still
/// large; what it learns is kept only where that error falls.
struct BlockReconstruction: Sendable {
  /// The float graph.
  let graph: Graph
  /// Runs graphs.
  let evaluator: any GraphEvaluator
  /// Samples to look at.
  let samples: [[Tensor]]
  /// Quantization of every activation.
  let activations: [ValueID: Quantization]
  /// Threads; results do not depend on them.
  let threads: Int

  /// Fewest samples to learn from.
  private static let leastSamples = 40
  /// Error on held-out samples, relative to the variance of the block's outputs, below which a block stays.
  private static let threshold = 0.25
  private static let batch = 16
  /// Steps of Adam at most, and how far they go.
  private static let steps = 60
  private static let (rate, scaleRate): (Float, Float) = (0.1, 2e-3)
  /// Weight of the penalty against the first loss, over all weights.
  private static let penalty = 0.5
  /// Multiply-accumulates that a block's steps may take.
  private static let work = 12_000_000_000
  /// Bytes of block inputs that are held at once.
  private static let memory = 256 << 20

  /// A block's error before and after learning, on held-out samples.
  struct Outcome: Sendable {
    /// Relative to the variance of the block's outputs.
    var before: Double
    /// `nil` where the error was small enough.
    var after: Double?
  }

  /// The block's layers, better together where that can be had.
  ///
  /// - Parameters:
  ///   - rounded: the network's layers as rounded so far, those before and of the block at least.
  ///   - quantized: the graph with their weights and biases.
  /// - Throws: `engine.*`.
  /// - Complexity: about four runs of the block over the samples for each step of Adam over all of them.
  func reconstruct(
    _ block: ReconstructionBlock, _ layers: [WeightedLayer], _ rounded: [RoundedLayer],
    after quantized: Graph
  ) throws -> (layers: [Int: RoundedLayer], outcome: Outcome)? {
    let inside = layers.indices.filter { block.nodes.contains(layers[$0].position) }
    let elements = graph.type(of: block.input).shape.count
    let count = min(samples.count, Self.memory / max(1, 8 * elements))
    guard count >= Self.leastSamples, !inside.isEmpty else { return nil }
    let used = Array(samples.prefix(count))
    let part = block.graph(of: graph)
    let x = try values(of: block.input, in: graph, before: block.nodes.lowerBound, used, [:])
    let given = try values(
      of: block.input, in: quantized, before: block.nodes.lowerBound, used, activations)
    func error(_ isHeldOut: Bool) throws -> OutputError {
      let chosen = used.indices.filter { ($0 % 5 == 4) == isHeldOut }
      return try OutputError(
        graph: part, prepared: evaluator.prepare(part), samples: chosen.map { x[$0] },
        threads: threads, marginAtMost: 5, changed: chosen.map { given[$0] })
    }
    let judge = try error(true)
    let start = block.graph(of: quantized)
    let before = try judge.measure(evaluator.prepare(start), quantizing: activations).mean
    guard before > Self.threshold, before.isFinite else {
      return ([:], Outcome(before: before))
    }
    let training = try error(false)
    let own = inside.map { index -> WeightedLayer in
      var layer = layers[index]
      layer.position -= block.nodes.lowerBound
      return layer
    }
    var learned = try SoftLayers(
      part, own, inside.map { rounded[$0] }, watched: Set(training.watched.keys))
    guard !learned.isEmpty else { return ([:], Outcome(before: before)) }
    var random = SeededGenerator(seed: 1)
    var order: [Int] = []
    let perStep = max(1, 4 * part.macs * min(Self.batch, training.samples.count))
    let steps = max(30, min(Self.steps, Self.work / perStep))
    for step in 0..<steps {
      if order.count < Self.batch { order += training.samples.indices.shuffled(using: &random) }
      let batch = Array(order.prefix(Self.batch))
      order.removeFirst(min(Self.batch, order.count))
      let share = Double(step) / Double(steps)
      let pass = try TuningPass(
        gradients: learned.gradients(in: start, watched: Set(training.watched.keys)),
        error: training, activations: activations, evaluator: evaluator, threads: threads)
      if step == 0 { learned.parameters.units = try pass.deviations(at: learned.parameters) }
      let gradient = try pass.weightGradient(
        at: learned.parameters, samples: batch, layers: learned.places, evaluator: evaluator)
      learned.descend(
        gradient, rate: Self.rate * Float(0.5 * (1 + cos(Double.pi * share))),
        scaleRate: Self.scaleRate * Float(0.5 * (1 + cos(Double.pi * share))),
        penalty: share < 0.2 ? 0 : Self.penalty * before / Double(learned.count),
        exponent: 20 - 18 * max(0, share - 0.2) / 0.8)
    }
    let found = learned.rounded()
    var changed = start
    for (layer, rounded) in zip(own, found) { changed.install(rounded, at: layer) }
    let after = try judge.measure(evaluator.prepare(changed), quantizing: activations).mean
    let outcome = Outcome(before: before, after: after)
    guard after < before else { return ([:], outcome) }
    return (Dictionary(uniqueKeysWithValues: zip(inside, found)), outcome)
  }

  /// A value of each sample, as the only input of a block.
  private func values(
    of id: ValueID, in graph: Graph, before position: Int, _ samples: [[Tensor]],
    _ quantizing: [ValueID: Quantization]
  ) throws -> [[Tensor]] {
    if graph.inputs.contains(id) { return samples }
    var prefix = graph
    prefix.nodes.removeSubrange(position...)
    prefix.outputs = [id]
    prefix.outputNames = [graph[id].name]
    let shape = graph.type(of: id).shape
    return try evaluator.prepare(prefix).run(
      samples, threads: threads, initial: { _ in [Tensor]() }
    ) { state, value, elements in
      quantizing[value]?.simulate(on: elements)
      if value == id { state = [Tensor(Array(elements), shape)] }
    }
  }
}
