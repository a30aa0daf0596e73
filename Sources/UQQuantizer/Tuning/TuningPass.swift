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
    let count = count
    let traces = try run(parameters, samples) { rule, trace, elements in
      error.gradient(rule, sample: trace.sample, order: trace.order, elements)
    }
    let parts = try pull(
      traces, parameters, initial: { [Float](repeating: 0, count: 2 * count) }
    ) { sums, _, _, offset, pullBack in
      sums.withUnsafeMutableBufferPointer { sums in
        _ = pullBack(
          UnsafeMutableBufferPointer(rebasing: sums[offset...]),
          UnsafeMutableBufferPointer(rebasing: sums[(count + offset)...]))
      }
    }
    var total = [Double](repeating: 0, count: 2 * count)
    for part in parts { for i in total.indices { total[i] += Double(part[i]) } }
    return total.map { $0 / Double(max(samples.count, 1)) }
  }

  /// Sums of `g · gᵀ` over the patches of the samples, `g` the gradients at each layer's responses that belong
  /// to gradients at the outputs, `[channels, channels]` for each layer of ``gradients``; and `|Σ g|² / n` over
  /// the `n` patches of each sample, which is the trace where all patches have one gradient.
  ///
  /// - Parameter draw: the gradient at a watched value of a sample, given its elements.
  func gradientSquares(
    at parameters: TuningParameters, evaluator: any GraphEvaluator,
    draw:
      @Sendable (_ rule: OutputError.Watched, _ sample: Int, UnsafeBufferPointer<Float>) ->
      [Float]
  ) throws -> [(squares: [Double], common: Double)] {
    struct Squares: Sendable {
      var sums: [[Float]]
      var common: [Double]
      var problem: Diagnostic?
    }
    let layers = gradients.layers
    let traces = try run(parameters, Array(error.samples.indices)) { rule, trace, elements in
      draw(rule, trace.sample, elements)
    }
    let parts = try pull(
      traces, parameters,
      initial: { Squares(sums: layers.map { _ in [] }, common: layers.map { _ in 0 }) }
    ) { squares, _, index, _, pullBack in
      let channels = layers[index].channels
      var unused = [Float](repeating: 0, count: 2 * channels)
      let gradient = unused.withUnsafeMutableBufferPointer { unused in
        pullBack(
          UnsafeMutableBufferPointer(rebasing: unused[..<channels]),
          UnsafeMutableBufferPointer(rebasing: unused[channels...]))
      }
      guard let g = gradient.baseAddress else { return }
      var square = [Float](repeating: 0, count: channels * channels)
      do {
        try square.withUnsafeMutableBufferPointer { square in
          guard let square = square.baseAddress else { return }
          try evaluator.accumulate(
            MatrixProductShape(
              m: channels, n: channels, k: gradient.count / channels, transposesA: true), g, g,
            into: square)
        }
      } catch {
        squares.problem = error as? Diagnostic
      }
      squares.sums[index] = square
      let rows = gradient.count / channels
      var column = [Double](repeating: 0, count: channels)
      column.withUnsafeMutableBufferPointer { column in
        for row in 0..<rows {
          for c in 0..<channels { column[c] += Double(g[row * channels + c]) }
        }
      }
      squares.common[index] = column.reduce(0) { $0 + $1 * $1 } / Double(max(1, rows))
    }
    var total = layers.map {
      (squares: [Double](repeating: 0, count: $0.channels * $0.channels), common: 0.0)
    }
    for part in parts {
      if let problem = part.problem { throw problem }
      for index in layers.indices where !part.sums[index].isEmpty {
        total[index].common += part.common[index]
        part.sums[index].withUnsafeBufferPointer { from in
          total[index].squares.withUnsafeMutableBufferPointer { to in
            for i in from.indices { to[i] += Double(from[i]) }
          }
        }
      }
    }
    return total
  }

  /// The gradients of the samples' mean error at each layer's weights, `[groups, channels, depth]`, and at the
  /// factors and biases.
  ///
  /// - Parameter layers: how the patches of the layers of ``gradients`` lie.
  func weightGradient(
    at parameters: TuningParameters, samples: [Int], layers: [PatchLayout],
    evaluator: any GraphEvaluator
  ) throws -> (weights: [[Float]], parameters: [Double]) {
    struct Sums: Sendable {
      var parameters: [Float]
      var weights: [[Float]]
      var problem: Diagnostic?
    }
    let count = count
    let inputs = layerInputs
    let traces = try run(parameters, samples, keeping: Set(inputs)) { rule, trace, elements in
      error.gradient(rule, sample: trace.sample, order: trace.order, elements)
    }
    let parts = try pull(
      traces, parameters,
      initial: {
        Sums(
          parameters: [Float](repeating: 0, count: 2 * count),
          weights: layers.map {
            [Float](repeating: 0, count: $0.groups * $0.channels * $0.depth)
          })
      }
    ) { sums, trace, index, offset, pullBack in
      let gradient = sums.parameters.withUnsafeMutableBufferPointer { sums in
        pullBack(
          UnsafeMutableBufferPointer(rebasing: sums[offset...]),
          UnsafeMutableBufferPointer(rebasing: sums[(count + offset)...]))
      }
      guard let x = trace.seen[inputs[index]] else { return }
      do {
        try layers[index].accumulateWeightGradient(
          x, UnsafeBufferPointer(gradient), evaluator, into: &sums.weights[index])
      } catch {
        sums.problem = error as? Diagnostic
      }
    }
    let scale = 1 / Float(max(samples.count, 1))
    var weights = layers.map { [Float](repeating: 0, count: $0.groups * $0.channels * $0.depth) }
    var total = [Double](repeating: 0, count: 2 * count)
    for part in parts {
      if let problem = part.problem { throw problem }
      for i in total.indices { total[i] += Double(part.parameters[i] * scale) }
      for index in layers.indices {
        part.weights[index].withUnsafeBufferPointer { from in
          weights[index].withUnsafeMutableBufferPointer { to in
            for i in to.indices { to[i] += from[i] * scale }
          }
        }
      }
    }
    return (weights, total)
  }

  /// The inputs of the tuned layers.
  private var layerInputs: [ValueID] {
    let producers = gradients.forward.producers()
    return gradients.layers.map { layer in
      producers[layer.value.index].flatMap { gradients.forward.nodes[$0].operands[0] }
        ?? layer.value
    }
  }

  /// Runs the graph of gradients for traces; `atLayer` gets the state, the trace, the layer's index, that of its
  /// first parameter, and what turns the gradient at its result into that at its response, which has to be called.
  private func pull<State: Sendable>(
    _ traces: [Trace], _ parameters: TuningParameters, initial: @Sendable () -> State,
    atLayer:
      @Sendable (
        inout State, Trace, Int, Int,
        (UnsafeMutableBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) ->
          UnsafeMutableBufferPointer<Float>
      ) -> Void
  ) throws -> [State] {
    let (gradients, places, slots) = (gradients, places, slots)
    return try backward.run(
      count: traces.count, threads: threads,
      sample: { index in
        let trace = traces[index]
        return
          (gradients.watched.map { ($0, trace.outputs[$0]) }
          + gradients.needed.map { ($0, trace.seen[$0]) })
          .map { Tensor($1 ?? [], gradients.forward.type(of: $0).shape) }
      }, initial: { (index: $0, state: initial()) },
      visit: { state, id, elements in
        guard let value = gradients.roles[id], let slot = slots[value] else { return }
        traces[state.index].kept[slot].withUnsafeBufferPointer { kept in
          if let place = places[value] {
            let layer = gradients.layers[place.layer]
            parameters.withChannels(place.offset, layer.channels) { factors, biases in
              atLayer(&state.state, traces[state.index], place.layer, place.offset) {
                sums, biasSums in
                pullBack(
                  elements, response: kept, factors, biases,
                  range: range(of: value, layer.bounds), sums: sums, biasSums: biasSums)
                return elements
              }
            }
          } else {
            let range = range(of: value, gradients.bounds[value] ?? .none)
            for i in elements.indices
            where !(kept[i] > range.lowerBound && kept[i] < range.upperBound) { elements[i] = 0 }
          }
        }
      }, finish: { _, state in state.state }
    ).compactMap { $0 }
  }

  /// The standard deviation of each channel's response over some samples.
  func deviations(at parameters: TuningParameters) throws -> [Float] {
    let traces = try run(parameters, Array(0..<min(16, error.samples.count))) { _, _, _ in [] }
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

  private func run(
    _ parameters: TuningParameters, _ samples: [Int], keeping: Set<ValueID> = [],
    gradient: @Sendable (OutputError.Watched, Trace, UnsafeBufferPointer<Float>) -> [Float]
  ) throws -> [Trace] {
    let (gradients, places, slots, activations) = (gradients, places, slots, activations)
    let error = error
    let needed = Set(gradients.needed).union(keeping)
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
        state.outputs[id] = gradient(rule, state, UnsafeBufferPointer(elements))
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
