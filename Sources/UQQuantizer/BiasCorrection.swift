import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Moves the mean error that quantization causes before a layer's activation into its bias.
///
/// In the order of the layers, with everything before already quantized and corrected:
/// `b += W · mean(x_float) − Ŵ · mean(x_quantized)`, means over the patches of the probe samples
/// (empirical bias correction, Nagel et al. 2019, in closed form).
struct BiasCorrection {
  /// The float graph and its prepared form.
  let graph: Graph
  let prepared: any PreparedGraph
  let evaluator: any GraphEvaluator
  let samples: [[Tensor]]
  let threads: Int

  /// The graph with corrected biases; `quantized` has dequantized weights in place of the float ones.
  func apply(to quantized: Graph, activations: [ValueID: Quantization]) throws -> Graph {
    var result = quantized
    let layers = graph.nodes.indices.filter { position in
      let node = graph.nodes[position]
      return PatchMeans.length(
        node.op, input: graph.type(of: node.operands[0] ?? node.result).shape)
        != nil && graph.constant(node.operands[1]) != nil
    }
    let wanted = try means(of: layers, in: graph, prepared, quantizing: [:])
    for (index, position) in layers.enumerated() {
      let node = graph.nodes[position]
      guard let weights = graph.constant(node.operands[1]),
        let rounded = result.constant(result.nodes[position].operands[1]), weights != rounded
      else { continue }
      let actual = try means(
        of: [position], in: result, evaluator.prepare(result), quantizing: activations)
      let before = PatchMeans.response(node.op, weights: weights, mean: wanted[index])
      let after = PatchMeans.response(node.op, weights: rounded, mean: actual[0])
      let operands = result.nodes[position].operands
      let old = operands.count > 2 ? result.constant(operands[2])?.floats : nil
      let corrected = zip(before, after).enumerated().map { channel, pair in
        Float(Double(old?[channel] ?? 0) + pair.0 - pair.1)
      }
      guard corrected.allSatisfy(\.isFinite) else { continue }
      result.setBias(Tensor(corrected, [corrected.count]), ofNode: position)
    }
    return result
  }

  private func means(
    of layers: [Int], in graph: Graph, _ prepared: any PreparedGraph,
    quantizing: [ValueID: Quantization]
  ) throws -> [[Double]] {
    var slots: [ValueID: [Int]] = [:]
    var shapes: [Shape] = []
    for (slot, position) in layers.enumerated() {
      guard let input = graph.nodes[position].operands[0] else { continue }
      slots[input, default: []].append(slot)
      shapes.append(graph.type(of: input).shape)
    }
    let ops = layers.map { graph.nodes[$0].op }
    let inputShapes = shapes
    let slotsByValue = slots
    let empty = zip(ops, shapes).map { op, shape in
      [Double](repeating: 0, count: PatchMeans.length(op, input: shape) ?? 0)
    }
    let sums = try prepared.run(
      samples, threads: threads, initial: { _ in (sums: empty, positions: empty.map { _ in 0 }) }
    ) { state, id, elements in
      if let quantization = quantizing[id] { quantization.simulate(on: elements) }
      for slot in slotsByValue[id] ?? [] {
        state.positions[slot] += state.sums[slot].withUnsafeMutableBufferPointer {
          PatchMeans.accumulate(
            ops[slot], input: inputShapes[slot], UnsafeBufferPointer(elements), into: $0)
        }
      }
    }
    return layers.indices.map { slot in
      var total = empty[slot]
      var positions = 0
      for state in sums {
        positions += state.positions[slot]
        for k in total.indices { total[k] += state.sums[slot][k] }
      }
      return total.map { $0 / Double(max(positions, 1)) }
    }
  }
}

extension Graph {
  /// Gives a layer a new bias constant.
  mutating func setBias(_ bias: Tensor, ofNode position: Int) {
    let name = uniqueValueName("\(nodes[position].name)/bias")
    let id = appendConstant(bias, name: name)
    if nodes[position].operands.count > 2 {
      nodes[position].operands[2] = id
    } else {
      nodes[position].operands.append(id)
    }
  }
}
