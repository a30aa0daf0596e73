import UQGraph
import UQNumerics
import UQOperators

/// Activations whose channels can be scaled together without changing what the network computes.
///
/// Between the layers that make them and the layers that read them, every operator is homogeneous:
/// `f(s · x) = s · f(x)` for `s > 0`. Dividing channel `c` of all values by `S_c` in the makers' weights and
/// biases and multiplying the readers' weights of input channel `c` by `S_c` therefore cancels.
struct EqualizationChain: Sendable {
  /// Number of channels; element `i` of a last axis is of channel `i mod channels`.
  let channels: Int
  /// The values in graph order.
  let values: [ValueID]
  /// Positions of the layers that make them, in order.
  let makers: [Int]
  /// Positions of the layers that read them, in order.
  let readers: [Int]
  /// Bounds by the node's position that go once the values are scaled, since calibration never reached them.
  let relaxed: [Int: Clamp]

  /// All chains of a graph in its order; no value is in two.
  ///
  /// A chain has no input, no output and no integer, and ends nowhere but in layers with constant weights; not in
  /// those whose weights were trained for few levels (``WeightGrid``).
  ///
  /// - Complexity: O(values + operands).
  static func all(in graph: Graph, statistics: [String: TensorStatistics]) -> [EqualizationChain] {
    let users = graph.users()
    let producers = graph.producers()
    var seen: Set<ValueID> = []
    var chains: [EqualizationChain] = []
    for node in graph.nodes where graph.isScalableLayer(node) && !seen.contains(node.result) {
      var search = ChainSearch(
        graph: graph, users: users, producers: producers, statistics: statistics,
        start: node.result)
      let found = search.run()
      seen.formUnion(search.values)
      if let found { chains.append(found) }
    }
    return chains
  }
}

/// Collects what has to be scaled together with a layer's result.
private struct ChainSearch {
  let graph: Graph
  let users: [[Int]]
  let producers: [Int?]
  let statistics: [String: TensorStatistics]
  private let channels: Int
  private var open: [ValueID]
  private(set) var values: Set<ValueID>
  private var makers: Set<Int> = []
  private var readers: Set<Int> = []
  private var relaxed: [Int: Clamp] = [:]

  init(
    graph: Graph, users: [[Int]], producers: [Int?], statistics: [String: TensorStatistics],
    start: ValueID
  ) {
    self.graph = graph
    self.users = users
    self.producers = producers
    self.statistics = statistics
    channels = graph.type(of: start).shape.dimensions.last ?? 0
    open = [start]
    values = [start]
  }

  /// The chain; `nil` where something in it cannot be scaled.
  mutating func run() -> EqualizationChain? {
    // What hangs together is seen to the end, so that no later search begins inside of it.
    var isSound = channels > 1
    while let id = open.popLast() {
      let type = graph.type(of: id)
      isSound =
        isSound && type.element == .float32 && type.shape.count > 0
        && (type.shape.dimensions.last ?? 0) % max(channels, 1) == 0
        && !graph.outputs.contains(id)
      isSound = follow(id) && isSound
    }
    guard isSound, !readers.isEmpty else { return nil }
    return EqualizationChain(
      channels: channels, values: values.sorted(), makers: makers.sorted(),
      readers: readers.sorted(), relaxed: relaxed)
  }

  private mutating func follow(_ id: ValueID) -> Bool {
    guard let position = producers[id.index] else { return false }
    var isSound = true
    if graph.isScalableLayer(graph.nodes[position]) {
      makers.insert(position)
      isSound = relax(position)
    } else {
      isSound = pass(position)
    }
    for user in users[id.index] {
      let node = graph.nodes[user]
      if graph.isScalableLayer(node), node.operands.count(where: { $0 == id }) == 1,
        node.operands[0] == id
      {
        readers.insert(user)
        // A depthwise channel has one scale for its one input channel.
        isSound = isSound && (node.op is DepthwiseConv2D || graph.trainedBits(of: node) == nil)
      } else {
        isSound = pass(user) && isSound
      }
    }
    return isSound
  }

  /// Adds what a homogeneous node reads and makes.
  private mutating func pass(_ position: Int) -> Bool {
    let node = graph.nodes[position]
    guard let operands = graph.scaledOperands(of: node) else { return false }
    for id in operands + node.results where values.insert(id).inserted { open.append(id) }
    return relax(position)
  }

  /// Whether the bounds of a node's result are homogeneous, or become so.
  private mutating func relax(_ position: Int) -> Bool {
    let node = graph.nodes[position]
    guard let bounds = node.op.resultBounds, !bounds.isHomogeneous else { return true }
    guard let found = statistics[graph[node.result].name] else { return false }
    let wider = bounds.relaxed(for: found)
    relaxed[position] = wider
    return wider.isHomogeneous
  }
}

extension Graph {
  /// Whether a node is a layer whose weights and bias can be scaled: float constants.
  func isScalableLayer(_ node: Node) -> Bool {
    guard node.op is Conv2D || node.op is DepthwiseConv2D || node.op is FullyConnected,
      node.operands.count > 1, constant(node.operands[1])?.element == .float32
    else { return false }
    guard node.operands.count > 2, let bias = node.operands[2] else { return true }
    return constant(bias)?.element == .float32
  }
}
