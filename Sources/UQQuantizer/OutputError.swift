import Foundation
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Measures how far a changed network's outputs are from the float network's on probe samples.
///
/// At the operand `z` of a softmax the error is `KL(softmax(z_ref / T) ‖ softmax(z / T))`, which adds up over
/// independent changes as long as they are small. The temperature `T` brings the mean margin of the samples
/// down to a bound: a network that is sure of everything it was calibrated with still shows what matters. For
/// any other output the error is `Σ (y − y_ref)²`, relative to the variance of `y_ref` over all samples.
struct OutputError: Sendable {
  /// `T`, at least 1.
  let temperature: Double
  struct Watched: Sendable {
    var isLogits: Bool
    /// Extent of the axis that the softmax normalises.
    var classes: Int
    /// Weight of the squared error.
    var weight: Double
  }

  let watched: [ValueID: Watched]
  /// For each sample the watched values in the order they are computed.
  let reference: [[[Float]]]
  let samples: [[Tensor]]
  private let threads: Int

  /// Runs the float network `prepared` on samples for what outputs should be.
  ///
  /// - Parameters:
  ///   - marginAtMost: largest mean distance of the two largest logits, over `T`.
  ///   - changed: what changed networks get in place of each sample.
  init(
    graph: Graph, prepared: any PreparedGraph, samples: [[Tensor]], threads: Int,
    marginAtMost: Double = 3, changed: [[Tensor]]? = nil
  ) throws {
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
    self.samples = changed ?? samples
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
    let margins = states.flatMap { $0 }.flatMap { id, values in
      watched[id]?.isLogits == true ? rowMargins(values, classes: watched[id]?.classes ?? 1) : []
    }
    let mean = margins.reduce(0, +) / Double(max(margins.count, 1))
    temperature = mean.isFinite ? max(1, mean / marginAtMost) : 1
  }

  /// Mean errors over the two halves of the samples, each `.infinity` where it is not a number.
  struct Halves {
    var even: Double
    var odd: Double

    /// The error over all samples.
    var mean: Double { (even + odd) / 2 }

    /// Whether both halves are lower than `factor` of another's: then chance is an unlikely reason.
    func isLower(than other: Halves, by factor: Double) -> Bool {
      even < other.even * factor && odd < other.odd * factor
    }
  }

  /// The errors of a graph run with some values quantized.
  func measure(_ prepared: any PreparedGraph, quantizing: [ValueID: Quantization]) throws -> Halves
  {
    let errors = try errors(prepared, quantizing: quantizing, of: Array(samples.indices))
    func half(_ first: Int) -> Double {
      let half = stride(from: first, to: errors.count, by: 2).map { errors[$0] }
      let mean = half.reduce(0, +) / Double(max(half.count, 1))
      return mean.isFinite ? mean : .infinity
    }
    return Halves(even: half(0), odd: errors.count > 1 ? half(1) : half(0))
  }

  /// The errors of single samples by their positions in ``samples``.
  func errors(
    _ prepared: any PreparedGraph, quantizing: [ValueID: Quantization], of positions: [Int]
  ) throws -> [Double] {
    struct State: Sendable {
      var sample: Int
      var output = 0
      var error = 0.0
    }
    let reference = self.reference
    let watched = self.watched
    let temperature = self.temperature
    let states = try prepared.run(
      positions.map { samples[$0] }, threads: threads, initial: { State(sample: positions[$0]) }
    ) {
      state, id, elements in
      if let quantization = quantizing[id] { quantization.simulate(on: elements) }
      guard let rule = watched[id] else { return }
      reference[state.sample][state.output].withUnsafeBufferPointer { wanted in
        state.error +=
          !rule.isLogits
          ? rule.weight * squaredError(wanted, UnsafeBufferPointer(elements))
          : divergence(
            wanted, UnsafeBufferPointer(elements), classes: rule.classes, temperature: temperature)
      }
      state.output += 1
    }
    return states.map(\.error)
  }
}

private func squaredError(
  _ wanted: UnsafeBufferPointer<Float>, _ actual: UnsafeBufferPointer<Float>
)
  -> Double
{
  var sum = 0.0
  for i in wanted.indices {
    let e = Double(actual[i] - wanted[i])
    sum += e * e
  }
  return sum
}

/// Distance between the two largest logits of each row.
private func rowMargins(_ logits: [Float], classes: Int) -> [Double] {
  guard classes > 1 else { return [] }
  return stride(from: 0, to: logits.count, by: classes).map { row in
    let sorted = logits[row..<row + classes].sorted(by: >)
    return Double(sorted[0] - sorted[1])
  }
}

/// `Σ p · (log p − log p̂)` of the softmaxes at a temperature, summed over the rows of logits.
private func divergence(
  _ wanted: UnsafeBufferPointer<Float>, _ actual: UnsafeBufferPointer<Float>, classes: Int,
  temperature: Double
) -> Double {
  var sum = 0.0
  let cold = 1 / temperature
  for row in stride(from: 0, to: wanted.count, by: max(classes, 1)) {
    var top = -Double.infinity
    var other = -Double.infinity
    for i in row..<row + classes {
      top = max(top, Double(wanted[i]) * cold)
      other = max(other, Double(actual[i]) * cold)
    }
    var total = 0.0
    var otherTotal = 0.0
    for i in row..<row + classes {
      total += exp(Double(wanted[i]) * cold - top)
      otherTotal += exp(Double(actual[i]) * cold - other)
    }
    let offset = top + log(total)
    let otherOffset = other + log(otherTotal)
    for i in row..<row + classes {
      let logit = Double(wanted[i]) * cold - offset
      sum += exp(logit) * (logit - (Double(actual[i]) * cold - otherOffset))
    }
  }
  return sum.isFinite ? max(sum, 0) : .infinity
}
