import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Runs a network forward and its gradients backward.
struct TuningPass: Sendable {
  let gradients: GradientGraph
  let error: OutputError
  let activations: [ValueID: Quantization]
  let threads: Int
  private let forward: any PreparedGraph
  private let backward: any PreparedGraph
  /// For results of layers: index among the layers and of the first parameter.
  private let places: [ValueID: (layer: Int, offset: Int)]
  /// Where each value's elements are kept that gradients need.
  private let slots: [ValueID: Int]
  private let count: Int

  init(
    gradients: GradientGraph, error: OutputError, activations: [ValueID: Quantization],
    evaluator: any GraphEvaluator, threads: Int
  ) throws {
    self.gradients = gradients
    self.error = error
    self.activations = activations
    self.threads = threads
    forward = try evaluator.prepare(gradients.forward)
    backward = try evaluator.prepare(gradients.backward)
    var places: [ValueID: (layer: Int, offset: Int)] = [:]
    var offset = 0
    for (index, layer) in gradients.layers.enumerated() {
      places[layer.value] = (index, offset)
      offset += layer.channels
    }
    self.places = places
    count = offset
    var slots: [ValueID: Int] = [:]
    for id in gradients.roles.values.sorted() { slots[id] = slots.count }
    self.slots = slots
  }

  /// What is kept of a sample's run.
  private struct Trace: Sendable {
    var sample: Int
    var order = 0
    /// Responses of layers; other values before they are quantized.
    var kept: [[Float]]
    var outputs: [ValueID: [Float]] = [:]
    /// Values that gradients depend on, as what reads them sees them.
    var seen: [ValueID: [Float]] = [:]
  }

  /// The gradient of the samples' mean error, at the factors, then at the biases.
  func gradient(at parameters: TuningParameters, samples: [Int]) throws -> [Double] {
    let traces = try run(parameters, samples)
    let (gradients, places, slots, count) = (gradients, places, slots, count)
    let parts = try backward.run(
      count: traces.count, threads: threads,
      sample: { index in
        let trace = traces[index]
        return
          (gradients.watched.map { ($0, trace.outputs[$0]) }
          + gradients.needed.map { ($0, trace.seen[$0]) })
          .map { Tensor($1 ?? [], gradients.forward.type(of: $0).shape) }
      }, initial: { (index: $0, sums: [Float](repeating: 0, count: 2 * count)) },
      visit: { state, id, elements in
        guard let value = gradients.roles[id], let slot = slots[value] else { return }
        traces[state.index].kept[slot].withUnsafeBufferPointer { kept in
          if let place = places[value] {
            let layer = gradients.layers[place.layer]
            state.sums.withUnsafeMutableBufferPointer { sums in
              parameters.withChannels(place.offset, layer.channels) { factors, biases in
                pullBack(
                  elements, response: kept, factors, biases,
                  range: range(of: value, layer.bounds),
                  sums: UnsafeMutableBufferPointer(rebasing: sums[place.offset...]),
                  biasSums: UnsafeMutableBufferPointer(rebasing: sums[(count + place.offset)...]))
              }
            }
          } else {
            let range = range(of: value, gradients.bounds[value] ?? .none)
            for i in elements.indices
            where !(kept[i] > range.lowerBound && kept[i] < range.upperBound) { elements[i] = 0 }
          }
        }
      }, finish: { _, state in state.sums })
    var total = [Double](repeating: 0, count: 2 * count)
    for part in parts {
      guard let part else { continue }
      for i in total.indices { total[i] += Double(part[i]) }
    }
    return total.map { $0 / Double(max(samples.count, 1)) }
  }

  /// The standard deviation of each channel's response over some samples.
  func deviations(at parameters: TuningParameters) throws -> [Float] {
    let traces = try run(parameters, Array(0..<min(16, error.samples.count)))
    var result = [Float](repeating: 1, count: count)
    for (index, layer) in gradients.layers.enumerated() {
      guard let slot = slots[layer.value], let place = places[layer.value], place.layer == index
      else { continue }
      for c in 0..<layer.channels {
        var (n, sum, squares) = (0.0, 0.0, 0.0)
        for trace in traces {
          for i in stride(from: c, to: trace.kept[slot].count, by: layer.channels) {
            let value = Double(trace.kept[slot][i])
            n += 1
            sum += value
            squares += value * value
          }
        }
        let variance = squares / max(n, 1) - (sum / max(n, 1)) * (sum / max(n, 1))
        result[place.offset + c] = Float(max(variance, 0).squareRoot())
      }
    }
    return result
  }

  private func run(_ parameters: TuningParameters, _ samples: [Int]) throws -> [Trace] {
    let (gradients, places, slots, activations) = (gradients, places, slots, activations)
    let error = error
    let needed = Set(gradients.needed)
    let traces = try forward.run(
      count: samples.count, threads: threads, sample: { error.samples[samples[$0]] },
      initial: { Trace(sample: samples[$0], kept: [[Float]](repeating: [], count: slots.count)) },
      visit: { state, id, elements in
        if let slot = slots[id] { state.kept[slot] = Array(elements) }
        if let place = places[id] {
          let layer = gradients.layers[place.layer]
          parameters.withChannels(place.offset, layer.channels) { factors, biases in
            push(elements, factors, biases, layer.bounds)
          }
        }
        activations[id]?.simulate(on: elements)
        if needed.contains(id) { state.seen[id] = Array(elements) }
        guard let rule = error.watched[id] else { return }
        state.outputs[id] = error.gradient(
          rule, sample: state.sample, order: state.order, UnsafeBufferPointer(elements))
        state.order += 1
      }, finish: { _, state in state })
    return traces.compactMap { $0 }
  }

  /// Between these the value follows its operands.
  private func range(of value: ValueID, _ bounds: Clamp) -> Range<Float> {
    guard let quantization = activations[value] else {
      return bounds.low..<max(bounds.low, bounds.high)
    }
    let ends = [quantization.lowest, quantization.highest].map {
      Float(quantization.dequantize($0))
    }
    let low = max(bounds.low, ends[0] - Float(quantization.scale) / 2)
    return low..<max(low, min(bounds.high, ends[1] + Float(quantization.scale) / 2))
  }
}

extension TuningParameters {
  fileprivate func withChannels(
    _ offset: Int, _ count: Int,
    _ body: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>) -> Void
  ) {
    factors.withUnsafeBufferPointer { factors in
      biases.withUnsafeBufferPointer { biases in
        body(
          UnsafeBufferPointer(rebasing: factors[offset..<offset + count]),
          UnsafeBufferPointer(rebasing: biases[offset..<offset + count]))
      }
    }
  }
}

/// `y = bound(a_c · u + b_c)`, channels last.
private func push(
  _ elements: UnsafeMutableBufferPointer<Float>, _ factors: UnsafeBufferPointer<Float>,
  _ biases: UnsafeBufferPointer<Float>, _ bounds: Clamp
) {
  let channels = factors.count
  for row in stride(from: 0, to: elements.count, by: channels) {
    for c in 0..<channels {
      elements[row + c] = min(
        max(factors[c] * elements[row + c] + biases[c], bounds.low), bounds.high)
    }
  }
}

/// From gradients at `y` to those at `u`, in place; adds those at `a` and `b` to the sums.
private func pullBack(
  _ elements: UnsafeMutableBufferPointer<Float>, response: UnsafeBufferPointer<Float>,
  _ factors: UnsafeBufferPointer<Float>, _ biases: UnsafeBufferPointer<Float>,
  range: Range<Float>, sums: UnsafeMutableBufferPointer<Float>,
  biasSums: UnsafeMutableBufferPointer<Float>
) {
  let channels = factors.count
  let (low, high) = (range.lowerBound, range.upperBound)
  for row in stride(from: 0, to: elements.count, by: channels) {
    for c in 0..<channels {
      let u = response[row + c]
      let y = factors[c] * u + biases[c]
      let g = y > low && y < high ? elements[row + c] : 0
      sums[c] += g * u
      biasSums[c] += g
      elements[row + c] = g * factors[c]
    }
  }
}
