import UQGraph
import UQNumerics
import UQOperators

/// Chains of a graph with the factors that their channels are divided by.
struct ChainScaling {
  /// The graph as it was.
  let graph: Graph
  /// How many operands and outputs name each value.
  private let uses: [Int]

  init(_ graph: Graph) {
    self.graph = graph
    var uses = [Int](repeating: 0, count: graph.values.count)
    for node in graph.nodes { for case let id? in node.operands { uses[id.index] += 1 } }
    for id in graph.outputs { uses[id.index] += 1 }
    self.uses = uses
  }

  /// The graph with channel `c` of every value of the chains divided by `factors[c]`.
  ///
  /// Makers: `w / S_o`, `b / S_o`; readers: `w · S_i`; bounds that were never reached go. Nodes, values and
  /// their ids stay.
  func apply(_ scaled: [(chain: EqualizationChain, factors: [Float])]) -> Graph {
    var result = graph
    for (chain, factors) in scaled {
      let inverse = factors.map { 1 / $0 }
      for position in chain.makers {
        scaleWeights(of: position, by: inverse, byInput: false, in: &result)
        scaleBias(of: position, by: inverse, in: &result)
      }
      for position in chain.readers {
        scaleWeights(of: position, by: factors, byInput: true, in: &result)
      }
      for (position, bounds) in chain.relaxed {
        result.nodes[position].op = result.nodes[position].op.bounded(by: bounds)
      }
    }
    return result
  }

  private func scaleWeights(
    of position: Int, by factors: [Float], byInput: Bool, in target: inout Graph
  ) {
    let node = target.nodes[position]
    guard let weights = target.constant(node.operands[1]),
      let order = ChannelOrder(node.op, weights: weights.shape)
    else { return }
    replace(1, of: position, by: order.scaled(weights, by: factors, byInput: byInput), in: &target)
  }

  private func scaleBias(of position: Int, by factors: [Float], in target: inout Graph) {
    guard target.nodes[position].operands.count > 2,
      var bias = target.constant(target.nodes[position].operands[2])
    else { return }
    bias.withMutableElements(Float.self) { values in
      factors.withUnsafeBufferPointer { factors in
        for i in values.indices { values[i] *= factors[i % factors.count] }
      }
    }
    replace(2, of: position, by: bias, in: &target)
  }

  /// Under the constant's name where nothing else uses it.
  private func replace(
    _ slot: Int, of position: Int, by tensor: Tensor, in target: inout Graph
  ) {
    guard let id = target.nodes[position].operands[slot] else { return }
    // A constant that was appended here is the node's own.
    if id.index >= uses.count || uses[id.index] == 1 {
      target[id].constant = tensor
    } else {
      target.nodes[position].operands[slot] = target.appendConstant(
        tensor, name: target.uniqueValueName(target[id].name))
    }
  }
}
