import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Drops channels that nothing reads and channels whose value the weights and clamps make the same
/// everywhere; the bias of the layers that read a constant channel takes its part.
///
/// Bounds of every channel are propagated forward by interval arithmetic, without data. From the outputs
/// liveness runs backward: a layer's live output makes those inputs live that it has a weight for and
/// that are not constant. A constant other than 0 is not constant under zero padding, so a padded layer
/// keeps it alive. Channels coupled by additions, depthwise layers, poolings or joins live together.
public struct EliminateDeadChannels: Pass {
  /// Creates the pass.
  public init() {}
  /// `eliminate-dead-channels`.
  public static let name = "eliminate-dead-channels"

  /// Never throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    let ranges = ChannelRanges(graph)
    var liveness = ChannelLiveness(graph, ranges)
    let live = liveness.liveChannels()
    guard live.contains(where: { $0?.contains(false) ?? false }) else { return false }
    var pruning = ChannelPruning(graph, ranges, live)
    graph = try pruning.pruned()
    return true
  }
}

/// Which classes of channels the outputs depend on.
private struct ChannelLiveness {
  private let graph: Graph
  private let ranges: ChannelRanges
  private var coupling: ChannelCoupling
  private var isLive: [Bool]
  private var pending: [Int] = []
  private var layers: [Int?]
  private var members: [[Int]]
  private var readers: [ChannelLayer] = []
  private var firstOutput: [Int] = []
  private var known: [[ChannelRange]] = []

  init(_ graph: Graph, _ ranges: ChannelRanges) {
    self.graph = graph
    self.ranges = ranges
    coupling = ChannelCoupling(graph)
    isLive = [Bool](repeating: false, count: coupling.count)
    layers = [Int?](repeating: nil, count: coupling.count)
    members = [[Int]](repeating: [], count: coupling.count)
    for node in graph.nodes {
      guard let layer = ChannelLayer(node, graph), layer.kind == .dense,
        !coupling.slots(layer.operand).isEmpty
      else { continue }
      let slots = coupling.slots(node.result)
      for slot in slots {
        layers[slot] = readers.count
        members[coupling.find(slot)].append(slot)
      }
      readers.append(layer)
      known.append(ranges[layer.operand])
      firstOutput.append(slots.lowerBound)
    }
  }

  /// For each float activation, which of its channels live; at least one does.
  mutating func liveChannels() -> [[Bool]?] {
    for slot in coupling.pinned { mark(slot) }
    spread()
    for index in graph.values.indices {
      let slots = coupling.slots(ValueID(index))
      guard let one = slots.first, !slots.contains(where: { isLive[coupling.find($0)] }) else {
        continue
      }
      mark(one)
      spread()
    }
    return graph.values.indices.map { index in
      let slots = coupling.slots(ValueID(index))
      return slots.isEmpty ? nil : slots.map { isLive[coupling.find($0)] }
    }
  }

  private mutating func mark(_ slot: Int) {
    let root = coupling.find(slot)
    guard !isLive[root] else { return }
    isLive[root] = true
    pending.append(root)
  }

  private mutating func spread() {
    while let root = pending.popLast() {
      for slot in members[root] {
        guard let index = layers[slot] else { continue }
        let layer = readers[index]
        let bounds = known[index]
        let inputs = layer.inputs(readBy: slot - firstOutput[index]) { input in
          bounds[input].constant.map { !layer.isPadded || $0 == 0 } ?? false
        }
        let first = coupling.slots(layer.operand).lowerBound
        for input in inputs { mark(first + input) }
      }
    }
  }
}
