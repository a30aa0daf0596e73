import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Measures how far a changed network's outputs are from the float network's on probe samples.
///
/// The error is `Σ (y − y_ref)² / Σ (y_ref − mean y_ref)²` over the outputs; where an output is a
/// softmax, over its operand, in which an error is not hidden by saturation.
struct OutputError: Sendable {
  private let watched: Set<ValueID>
  private let reference: [[[Float]]]
  private let energy: Double
  let samples: [[Tensor]]
  private let threads: Int

  init(graph: Graph, prepared: any PreparedGraph, samples: [[Tensor]], threads: Int) throws {
    let producers = graph.producers()
    let ids = graph.outputs.map { id -> ValueID in
      guard let position = producers[id.index], graph.nodes[position].op is Softmax,
        let operand = graph.nodes[position].operands[0]
      else { return id }
      return operand
    }
    let watched = Set(ids)
    self.watched = watched
    self.samples = samples
    self.threads = threads
    reference = try prepared.run(samples, threads: threads, initial: { _ in [[Float]]() }) {
      state, id, elements in
      if watched.contains(id) { state.append(Array(elements)) }
    }
    var sum = 0.0
    var square = 0.0
    var count = 0.0
    for value in reference.lazy.flatMap({ $0 }).flatMap({ $0 }) {
      sum += Double(value)
      square += Double(value) * Double(value)
      count += 1
    }
    energy = max(square - sum * sum / max(count, 1), .leastNormalMagnitude)
  }

  /// The error of a graph run with some values quantized; `.infinity` where it is not a number.
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
      guard watched.contains(id) else { return }
      reference[state.sample][state.output].withUnsafeBufferPointer { wanted in
        var sum = 0.0
        for i in wanted.indices {
          let e = Double(elements[i] - wanted[i])
          sum += e * e
        }
        state.error += sum
      }
      state.output += 1
    }
    let error = states.reduce(0) { $0 + $1.error } / energy
    return error.isFinite ? error : .infinity
  }
}
