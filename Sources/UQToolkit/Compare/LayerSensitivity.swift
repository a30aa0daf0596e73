import Foundation
import UQEngine
import UQGraph
import UQNumerics
import UQSupport

/// Measures how much each layer's rounded weights alone disturb the network's outputs.
///
/// The float network runs with the dequantized weights of one layer; the sensitivity of the layer is
/// `10 · log10(Σ y² / Σ (ŷ − y)²)` decibels over all outputs, so a low number is a sensitive layer.
struct LayerSensitivity {
  let graph: Graph
  let dequantized: Graph
  let threads: Int

  /// Multiply-accumulates that all trials together may take.
  private static let budget = 40_000_000_000

  /// The sensitivity of each layer with weights, by the name of its node.
  ///
  /// - Complexity: a run of the network for each layer and sample, within a fixed budget of work: fewer
  ///   samples where the network is large, and nothing where not even two are affordable.
  func measure(_ samples: [[Tensor]]) throws -> [String: Double] {
    let layers = exchanges
    let affordable = Self.budget / max(1, graph.macs * max(1, layers.count))
    guard affordable >= 2, !layers.isEmpty, !samples.isEmpty else { return [:] }
    let probes = Array(samples.prefix(affordable))
    let engine = try FloatEngine()
    let float = try engine.prepare(graph)
    let references = try probes.map { try float.outputs(of: $0).map(\.floats) }
    let ratios = try parallelMap(count: layers.count, threads: threads, context: { () }) {
      _, index -> Double? in
      var changed = graph
      let layer = layers[index]
      let id = changed.appendConstant(layer.weights, name: "\(layer.name)/rounded")
      changed.nodes[layer.node].operands[layer.slot] = id
      let prepared = try engine.prepare(changed)
      var (signal, noise) = (0.0, 0.0)
      for (sample, reference) in zip(probes, references) {
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
    var result: [String: Double] = [:]
    for (layer, ratio) in zip(layers, ratios) { result[layer.name] = ratio }
    return result
  }

  private struct Exchange {
    var name: String
    var node: Int
    var slot: Int
    var weights: Tensor
  }

  /// The layers whose weights differ, where both graphs have the same layer.
  private var exchanges: [Exchange] {
    let rounded = Dictionary(
      dequantized.nodes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    return graph.nodes.enumerated().compactMap { position, node in
      guard let slot = node.weightSlot, let other = rounded[node.name], other.weightSlot == slot,
        let own = graph.constant(node.operands[slot]),
        let theirs = dequantized.constant(other.operands[slot]), own.type == theirs.type,
        own.element == .float32, LayerSensitivity.isRounding(theirs, of: own)
      else { return nil }
      return Exchange(name: node.name, node: position, slot: slot, weights: theirs)
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
}
