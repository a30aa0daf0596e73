import Foundation
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Measures how far a changed network's outputs are from the float network's on probe samples.
///
/// For an output that is a softmax the error of a sample is the Kullback-Leibler divergence of the two
/// distributions, computed from the softmax's operands so that saturation hides nothing; for any other
/// output it is `Σ (y − y_ref)²`, relative to the variance of `y_ref` over all samples.
struct OutputError: Sendable {
  private struct Watched: Sendable {
    var isLogits: Bool
    /// Extent of the axis that the softmax normalises.
    var classes: Int
    /// Weight of the squared error.
    var weight: Double
  }

  private let watched: [ValueID: Watched]
  /// For each sample the watched values in the order they are computed.
  private let reference: [[[Float]]]
  let samples: [[Tensor]]
  private let threads: Int

  init(graph: Graph, prepared: any PreparedGraph, samples: [[Tensor]], threads: Int) throws {
    let producers = graph.producers()
    var watched: [ValueID: Watched] = [:]
    for id in graph.outputs {
      guard let position = producers[id.index], let op = graph.nodes[position].op as? Softmax,
        let operand = graph.nodes[position].operands[0],
        op.axis == graph.type(of: id).shape.rank - 1, let classes = graph.type(of: id).shape.last
      else {
        watched[id] = Watched(isLogits: false, classes: 0, weight: 1)
        continue
      }
      watched[operand] = Watched(isLogits: true, classes: classes, weight: 1)
    }
    let keys = Set(watched.keys)
    self.samples = samples
    self.threads = threads
    let states = try prepared.run(
      samples, threads: threads, initial: { _ in [(id: ValueID, values: [Float])]() }
    ) { state, id, elements in
      if keys.contains(id) { state.append((id, Array(elements))) }
    }
    for id in keys where watched[id]?.isLogits == false {
      let values = states.flatMap { $0.filter { $0.id == id }.flatMap(\.values) }.map(Double.init)
      let mean = values.reduce(0, +) / Double(max(values.count, 1))
      let energy = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      watched[id]?.weight = Double(samples.count) / max(energy, .leastNormalMagnitude)
    }
    self.watched = watched
    reference = states.map { $0.map(\.values) }
  }

  /// The mean error of a graph run with some values quantized; `.infinity` where it is not a number.
  func measure(_ prepared: any PreparedGraph, quantizing: [ValueID: Quantization]) throws -> Double {
    struct State: Sendable {
      var sample: Int
      var output = 0
      var error = 0.0
    }
    let reference = self.reference
    let watched = self.watched
    let states = try prepared.run(samples, threads: threads, initial: { State(sample: $0) }) {
      state, id, elements in
      if let quantization = quantizing[id] { quantization.simulate(on: elements) }
      guard let rule = watched[id] else { return }
      reference[state.sample][state.output].withUnsafeBufferPointer { wanted in
        state.error +=
          rule.isLogits
          ? divergence(wanted, UnsafeBufferPointer(elements), classes: rule.classes)
          : rule.weight * squaredError(wanted, UnsafeBufferPointer(elements))
      }
      state.output += 1
    }
    let error = states.reduce(0) { $0 + $1.error } / Double(max(samples.count, 1))
    return error.isFinite ? error : .infinity
  }
}

private func squaredError(_ wanted: UnsafeBufferPointer<Float>, _ actual: UnsafeBufferPointer<Float>)
  -> Double
{
  var sum = 0.0
  for i in wanted.indices {
    let e = Double(actual[i] - wanted[i])
    sum += e * e
  }
  return sum
}

/// `Σ p·(log p − log q)` for each row of logits.
private func divergence(
  _ wanted: UnsafeBufferPointer<Float>, _ actual: UnsafeBufferPointer<Float>, classes: Int
) -> Double {
  var sum = 0.0
  for row in stride(from: 0, to: wanted.count, by: max(classes, 1)) {
    var highest = (Double(wanted[row]), Double(actual[row]))
    for i in row..<row + classes {
      highest = (max(highest.0, Double(wanted[i])), max(highest.1, Double(actual[i])))
    }
    var total = (0.0, 0.0)
    for i in row..<row + classes {
      total.0 += exp(Double(wanted[i]) - highest.0)
      total.1 += exp(Double(actual[i]) - highest.1)
    }
    let offset = (highest.0 + log(total.0), highest.1 + log(total.1))
    for i in row..<row + classes {
      let p = Double(wanted[i]) - offset.0
      let q = Double(actual[i]) - offset.1
      sum += exp(p) * (p - q)
    }
  }
  return sum
}
