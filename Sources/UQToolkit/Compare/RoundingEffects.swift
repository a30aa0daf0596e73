import Foundation
import UQEngine
import UQGraph
import UQNumerics
import UQSupport

/// Measures how much each layer's rounded weights disturb the network's outputs.
///
/// All ratios are `10 · log10(Σ y² / Σ (ŷ − y)²)` decibels over all outputs, `y` being the float network's.
struct RoundingEffects {
  let graph: Graph
  let dequantized: Graph
  let threads: Int

  /// Multiply-accumulates that all trials together may take.
  private static let budget = 40_000_000_000

  /// The ratio where the weights of one layer alone are rounded, by the name of its node: a low number is a
  /// sensitive layer.
  ///
  /// - Complexity: a run of the network for each layer and sample, within a fixed budget of work: fewer
  ///   samples where the network is large, and nothing where not even two are affordable.
  func rounded(_ samples: [[Tensor]]) throws -> [String: Double] {
    let layers = exchanges
    return try measure(
      layers.map { layer in
        Trial(
          name: layer.name, graph: graph, node: layer.node, tensors: [(layer.slot, layer.rounded)])
      }, samples)
  }

  /// The ratio where the weights of all layers but one are rounded, by the name of its node; that one has
  /// its own bias again, not the one that was corrected for its rounding.
  ///
  /// - Complexity: as ``rounded(_:)``.
  func spared(_ samples: [[Tensor]]) throws -> [String: Double] {
    let layers = exchanges
    let positions = Dictionary(
      dequantized.nodes.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    return try measure(
      layers.compactMap { layer in
        positions[layer.name].map { position in
          var tensors = [(layer.slot, layer.original)]
          if let (slot, bias) = graph.nodes[layer.node].bias(in: graph) {
            tensors.append((slot, bias))
          }
          return Trial(name: layer.name, graph: dequantized, node: position, tensors: tensors)
        }
      }, samples)
  }

  /// The ratio where all weights are rounded and no activation is.
  func allRounded(_ samples: [[Tensor]]) throws -> Double? {
    let engine = try FloatEngine()
    let (float, rounded) = (try engine.prepare(graph), try engine.prepare(dequantized))
    return try ratio(rounded, samples, samples.map { try float.outputs(of: $0).map(\.floats) })
  }

  /// A graph in which operands of one node are replaced.
  private struct Trial {
    var name: String
    var graph: Graph
    var node: Int
    var tensors: [(slot: Int, tensor: Tensor)]
  }

  /// The ratio of each trial.
  private func measure(_ trials: [Trial], _ samples: [[Tensor]]) throws -> [String: Double] {
    let affordable = Self.budget / max(1, graph.macs * max(1, trials.count))
    guard affordable >= 2, !trials.isEmpty, !samples.isEmpty else { return [:] }
    let probes = Array(samples.prefix(affordable))
    let engine = try FloatEngine()
    let float = try engine.prepare(graph)
    let references = try probes.map { try float.outputs(of: $0).map(\.floats) }
    let ratios = try parallelMap(count: trials.count, threads: threads, context: { () }) {
      _, index -> Double? in
      let trial = trials[index]
      var changed = trial.graph
      for (slot, tensor) in trial.tensors where slot < changed.nodes[trial.node].operands.count {
        let id = changed.appendConstant(tensor, name: "\(trial.name)/exchanged\(slot)")
        changed.nodes[trial.node].operands[slot] = id
      }
      return try ratio(engine.prepare(changed), probes, references)
    }
    var result: [String: Double] = [:]
    for (trial, ratio) in zip(trials, ratios) { result[trial.name] = ratio }
    return result
  }

  private func ratio(
    _ prepared: any PreparedGraph, _ samples: [[Tensor]], _ references: [[[Float]]]
  ) throws -> Double? {
    var (signal, noise) = (0.0, 0.0)
    for (sample, reference) in zip(samples, references) {
      for (output, wanted) in zip(try prepared.outputs(of: sample), reference) {
        for (x, y) in zip(output.floats, wanted) {
          signal += Double(y) * Double(y)
          noise += (Double(x) - Double(y)) * (Double(x) - Double(y))
        }
      }
    }
    guard signal > 0, signal.isFinite, noise.isFinite else { return nil }
    return noise > 0 ? min(200, 10 * log10(signal / noise)) : 200
  }

  private struct Exchange {
    var name: String
    var node: Int
    var slot: Int
    var original: Tensor
    var rounded: Tensor
  }

  /// The layers whose weights differ, where both graphs have the same layer.
  private var exchanges: [Exchange] {
    let others = Dictionary(
      dequantized.nodes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    return graph.nodes.enumerated().compactMap { position, node in
      guard let slot = node.weightSlot, let other = others[node.name], other.weightSlot == slot,
        let own = graph.constant(node.operands[slot]),
        let theirs = dequantized.constant(other.operands[slot]), own.type == theirs.type,
        own.element == .float32, RoundingEffects.isRounding(theirs, of: own)
      else { return nil }
      return Exchange(
        name: node.name, node: position, slot: slot, original: own, rounded: theirs)
    }
  }

  /// Whether one tensor is the other, rounded: a quantizer that moved scales between layers changed them by
  /// more than that, and exchanging a single layer would say nothing.
  private static func isRounding(_ rounded: Tensor, of original: Tensor) -> Bool {
    var (signal, noise) = (0.0, 0.0)
    for (x, y) in zip(rounded.floats, original.floats) {
      signal += Double(y) * Double(y)
      noise += (Double(x) - Double(y)) * (Double(x) - Double(y))
    }
    return noise <= signal
  }
}

extension Node {
  /// Position of the operand that holds the weights; `nil` for layers without.
  var weightSlot: Int? {
    for (slot, operand) in spec.operands.enumerated() where slot < operands.count {
      if case .weight = operand.role { return operands[slot] == nil ? nil : slot }
    }
    return nil
  }

  /// Position and value of the operand that holds the bias; `nil` for layers without.
  func bias(in graph: Graph) -> (slot: Int, tensor: Tensor)? {
    for (slot, operand) in spec.operands.enumerated() where slot < operands.count {
      if operand.role == .bias, let tensor = graph.constant(operands[slot]) {
        return (slot, tensor)
      }
    }
    return nil
  }
}
