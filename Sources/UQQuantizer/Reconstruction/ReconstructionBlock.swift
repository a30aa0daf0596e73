import UQGraph
import UQNumerics

/// A stretch of a network between two values that everything passes through: a residual block, a pair of a
/// depthwise and a pointwise convolution.
struct ReconstructionBlock: Hashable, Sendable {
  /// Positions of the nodes.
  var nodes: Range<Int>
  /// The only value that is read from before.
  var input: ValueID
  /// The only value that is read afterwards.
  var output: ValueID
}

extension ReconstructionBlock {
  /// Cuts a graph into blocks of at least `leastLayers` layers with weights, as far as it can be cut.
  ///
  /// What stands before the first cut that has a single `float32` value on either side, and what needs several
  /// values, belongs to no block.
  ///
  /// - Parameter layers: positions of the layers with weights.
  /// - Complexity: O(nodes + values).
  static func all(in graph: Graph, layers: Set<Int>, leastLayers: Int = 2) -> [ReconstructionBlock]
  {
    guard graph.inputs.count == 1, graph.outputs.count == 1 else { return [] }
    var lastUse = [Int](repeating: -1, count: graph.values.count)
    for (position, node) in graph.nodes.enumerated() {
      for id in node.operands.compactMap({ $0 }) { lastUse[id.index] = position }
    }
    for id in graph.outputs { lastUse[id.index] = graph.nodes.count }
    var live: Set<ValueID> = Set(graph.inputs.filter { lastUse[$0.index] >= 0 })
    var blocks: [ReconstructionBlock] = []
    var start = 0
    var input = live.count == 1 ? live.first : nil
    var count = 0
    for (position, node) in graph.nodes.enumerated() {
      for id in node.operands.compactMap({ $0 }) where lastUse[id.index] == position {
        live.remove(id)
      }
      for id in node.results where lastUse[id.index] > position { live.insert(id) }
      if layers.contains(position) { count += 1 }
      let isEnd = position == graph.nodes.count - 1
      guard live.count == 1, let output = live.first, count >= leastLayers || isEnd,
        graph[output].type.element == .float32
      else { continue }
      if count > 0, let input {
        blocks.append(
          ReconstructionBlock(nodes: start..<position + 1, input: input, output: output))
      }
      (start, input, count) = (position + 1, output, 0)
    }
    return blocks
  }

  /// The block as a graph of its own; values keep their ids.
  func graph(of network: Graph) -> Graph {
    var part = network
    part.nodes = Array(network.nodes[nodes])
    part.inputs = [input]
    if output != network.outputs.first {
      part.outputs = [output]
      part.outputNames = [network[output].name]
    }
    return part
  }
}
