import Foundation
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// How much the network's outputs mind errors in a layer's responses, and errors of which channels together.
///
/// For each layer the mean over patches of `g · gᵀ`, `g` the gradients at the layer's responses of vectors `v`
/// at the outputs with `E[v · vᵀ]` the curvature of the error there: to second order an error `δ` in the
/// responses costs `½ · δᵀ F δ`. Patches are taken as independent (K-FAC for convolutions, Grosse and Martens
/// 2016; as a rounding objective: Tseng et al. 2025).
struct OutputCurvature: Sendable {
  /// `[channels, channels]` by the layer's position, for layers that gradients reach.
  private(set) var matrices: [Int: [Double]] = [:]
  /// Share of the squared gradients at a layer's responses that all patches of a sample have in common.
  private(set) var coherence: [Int: Double] = [:]

  /// Multiply-accumulates that gradients may take.
  private static let work = 8_000_000_000

  /// Measures the layers of a float graph.
  ///
  /// - Parameter draws: vectors that are drawn for a sample.
  /// - Throws: `engine.*`.
  /// - Complexity: `1 + 2 · draws` runs of the network over at most the samples that 8·10⁹ multiply-accumulates
  ///   allow, 16 at least.
  init(
    _ graph: Graph, layers: [WeightedLayer], evaluator: any GraphEvaluator, samples: [[Tensor]],
    draws: Int = 4, threads: Int
  ) throws {
    let affordable = max(16, Self.work / max(1, graph.macs * (1 + 2 * draws)))
    let error = try OutputError(
      graph: graph, prepared: evaluator.prepare(graph),
      samples: Array(samples.prefix(affordable)), threads: threads)
    let gradients = GradientGraph(graph, layers: layers, watched: Set(error.watched.keys))
    guard !gradients.layers.isEmpty else { return }
    let pass = try TuningPass(
      gradients: gradients, error: error, activations: [:], evaluator: evaluator, threads: threads)
    var parameters = TuningParameters(count: gradients.layers.reduce(0) { $0 + $1.channels })
    var offset = 0
    for layer in gradients.layers {
      for (c, bias) in (layers[layer.index].bias ?? []).prefix(layer.channels).enumerated() {
        parameters.biases[offset + c] = bias
      }
      offset += layer.channels
    }
    for draw in 0..<draws {
      let squares = try pass.gradientSquares(at: parameters, evaluator: evaluator) {
        rule, sample, elements in
        error.curvatureDraw(rule, elements, seed: UInt64(sample * draws + draw))
      }
      for (layer, square) in zip(gradients.layers, squares) {
        let position = layers[layer.index].position
        matrices[position] =
          matrices[position].map { zip($0, square.squares).map { $0 + $1 } } ?? square.squares
        coherence[position, default: 0] += square.common
      }
    }
    for layer in gradients.layers {
      let position = layers[layer.index].position
      guard let matrix = matrices[position] else { continue }
      let n = layer.channels
      let trace = (0..<n).reduce(0) { $0 + matrix[$1 * n + $1] }
      coherence[position] = trace > 0 ? (coherence[position] ?? 0) / trace : 0
    }
  }

  /// The curvature of a layer's channels in one group, `[channels, channels]`; `nil` where it is not known.
  func matrix(of position: Int, group: Int, of layout: PatchLayout) -> [Double]? {
    let n = layout.channels
    let all = layout.groups * n
    guard let matrix = matrices[position], matrix.count == all * all else { return nil }
    return (0..<n).flatMap { row in
      let start = (group * n + row) * all + group * n
      return matrix[start..<start + n]
    }
  }
}

extension OutputError {
  /// A random vector `v` with `E[v · vᵀ]` the second derivative of the error at a watched value.
  ///
  /// For logits `Σ_k ± √p_k (e_k − p) / T` with `p = softmax(z / T)`, whose square has the mean
  /// `(diag(p) − p pᵀ) / T²`; else signs, weighted.
  func curvatureDraw(_ rule: Watched, _ elements: UnsafeBufferPointer<Float>, seed: UInt64)
    -> [Float]
  {
    var random = SeededGenerator(seed: seed)
    func sign() -> Double { random.next() >> 63 == 0 ? 1 : -1 }
    guard rule.isLogits else {
      let weight = (2 * rule.weight).squareRoot()
      return elements.map { _ in Float(sign() * weight) }
    }
    let cold = 1 / temperature
    var result = [Float](repeating: 0, count: elements.count)
    for row in stride(from: 0, to: elements.count, by: max(rule.classes, 1)) {
      let range = row..<row + rule.classes
      let p = softmax(elements, range, cold)
      let weights = p.map { $0.squareRoot() * sign() }
      let total = weights.reduce(0, +)
      for i in range { result[i] = Float((weights[i - row] - p[i - row] * total) * cold) }
    }
    return result
  }
}
