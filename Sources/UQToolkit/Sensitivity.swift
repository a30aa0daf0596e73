import Foundation
import UQEngine
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQQuantizer
import UQSupport

/// What the network loses when one layer's weights get few bits and all others keep 8.
public struct LayerSensitivity: Hashable, Sendable {
  /// Name of the layer.
  public var name: String
  /// Loss at the network's output above that of 8 bits everywhere, by bits; at least 0.
  public var losses: [Int: Double]

  /// Creates an entry.
  public init(name: String, losses: [Int: Double]) {
    self.name = name
    self.losses = losses
  }
}

/// The sensitivity of every layer with weights, in order, to widths below 8 bits.
///
/// For an output that is a softmax the loss is the mean divergence `Σ p · ln(p / q)` from the float
/// network, for any other `Σ (y − ŷ)² / Σ (y − mean y)²`, both over kept samples of the calibration,
/// activations quantized as they will be.
///
/// - Throws: `mixed.samples.missing`, `quantize.*`, `engine.*`.
/// - Complexity: O(layers · widths · samples · multiply-accumulates).
func sensitivities(
  _ graph: Graph, _ calibration: CalibrationSummary, options: CompileOptions, widths: [Int]
) throws -> [LayerSensitivity] {
  let layers = graph.weightedLayers
  let trials = max(1, layers.count * widths.count)
  let affordable = 400_000_000_000 / max(1, graph.macs.multipliedReportingOverflow(by: trials).0)
  let samples = Array(calibration.samples.prefix(max(4, min(200, affordable))))
  guard !samples.isEmpty else {
    throw Diagnostic(
      id: "mixed.samples.missing",
      "the calibration keeps no samples to measure layers on: calibrate again, or choose one width "
        + "with --bits and single layers with --layer")
  }
  let eight = try Quantizer(
    options: QuantizationOptions(
      weightBits: 8, method: options.method, powerOfTwoScales: options.rounding == .shift,
      threads: options.threads),
    evaluator: FloatEngine()
  ).quantize(graph, calibration: calibration)
  let trial = SensitivityTrial(
    samples: samples, threads: options.threads, graph: graph,
    quantizations: Dictionary(
      eight.graph.values.filter { $0.constant == nil }
        .compactMap { value in value.type.quantization.map { (value.name, $0) } },
      uniquingKeysWith: { first, _ in first }))
  let reference = try trial.outputs(of: graph, quantized: false)
  let floor = try trial.loss(of: eight.dequantized, from: reference)
  return try layers.map { layer in
    guard
      let position = eight.dequantized.nodes.firstIndex(where: { $0.name == layer.name }),
      let weights = graph.constant(graph.nodes[layer.position].operands[layer.slot])
    else { return LayerSensitivity(name: layer.name, losses: [8: 0]) }
    let floors = [Double](repeating: 0, count: weights.shape[layer.axis])
    var losses = [8: 0.0]
    for bits in widths where bits < 8 {
      let rounded = WeightQuantizer(bits: bits, powerOfTwo: options.rounding == .shift)
        .quantize(weights, axis: layer.axis, floors: floors)
      var changed = eight.dequantized
      changed.nodes[position].operands[layer.slot] = changed.appendConstant(
        rounded.dequantized, name: "\(layer.name)/trial weights")
      losses[bits] = max(0, try trial.loss(of: changed, from: reference) - floor)
    }
    return LayerSensitivity(name: layer.name, losses: losses)
  }
}

/// Runs changed networks on the same samples.
private struct SensitivityTrial {
  let samples: [[Tensor]]
  let threads: Int
  let graph: Graph
  /// Of activations by name.
  let quantizations: [String: Quantization]

  /// The elements of each output for each sample.
  func outputs(of graph: Graph, quantized: Bool) throws -> [[[Float]]] {
    let outputs = graph.outputs
    var chosen: [ValueID: Quantization] = [:]
    if quantized {
      for index in graph.values.indices where !outputs.contains(ValueID(index)) {
        chosen[ValueID(index)] = quantizations[graph.values[index].name]
      }
    }
    let map = chosen
    return try FloatEngine().prepare(graph).run(
      samples, threads: threads, initial: { _ in [[Float]](repeating: [], count: outputs.count) }
    ) { state, id, elements in
      if let quantization = map[id] { quantization.roundElements(elements) }
      for (index, output) in outputs.enumerated() where output == id {
        state[index] = Array(elements)
      }
    }
  }

  func loss(of changed: Graph, from reference: [[[Float]]]) throws -> Double {
    let actual = try outputs(of: changed, quantized: true)
    let producers = graph.producers()
    var total = 0.0
    for (index, output) in graph.outputs.enumerated() {
      let wanted = reference.map { $0[index] }
      let found = actual.map { $0[index] }
      let isSoftmax = producers[output.index].map { graph.nodes[$0].op is Softmax } ?? false
      total += isSoftmax ? divergence(wanted, found) : relativeError(wanted, found)
    }
    return total
  }

  private func divergence(_ wanted: [[Float]], _ found: [[Float]]) -> Double {
    let least = 1e-7
    var sum = 0.0
    for (p, q) in zip(wanted, found) {
      for (a, b) in zip(p, q) where a > 0 {
        sum += Double(a) * log(max(Double(a), least) / max(Double(b), least))
      }
    }
    return sum / Double(max(wanted.count, 1))
  }

  private func relativeError(_ wanted: [[Float]], _ found: [[Float]]) -> Double {
    let count = Double(max(wanted.reduce(0) { $0 + $1.count }, 1))
    let mean = wanted.reduce(0) { $0 + $1.reduce(0) { $0 + Double($1) } } / count
    var (error, energy) = (0.0, 0.0)
    for (y, z) in zip(wanted, found) {
      for (a, b) in zip(y, z) {
        error += (Double(a) - Double(b)) * (Double(a) - Double(b))
        energy += (Double(a) - mean) * (Double(a) - mean)
      }
    }
    return energy > 0 ? error / energy : error
  }
}

extension Quantization {
  /// Replaces each element by the real value of its integer, per tensor.
  fileprivate func roundElements(_ elements: UnsafeMutableBufferPointer<Float>) {
    let (inverse, step) = (Float(1 / scale), Float(scale))
    let (low, high) = (Float(lowest - zeroPoint), Float(highest - zeroPoint))
    for index in elements.indices {
      elements[index] = min(max(elements[index] * inverse, low), high).rounded(.toNearestOrEven) * step
    }
  }
}
