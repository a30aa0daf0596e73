import UQGraph
import UQNumerics
import UQOperators

/// Channels that can only be dropped together, as classes of slots; a slot is a channel of a value.
struct ChannelCoupling {
  private let graph: Graph
  private let first: [Int]
  private var parent: [Int]
  /// Slots of which something depends on every channel as it is.
  private(set) var pinned: [Int] = []

  /// - Complexity: O(channels of all values).
  init(_ graph: Graph) {
    self.graph = graph
    var starts: [Int] = []
    var count = 0
    for value in graph.values {
      starts.append(count)
      if value.type.element == .float32, value.constant == nil {
        count += value.type.shape.dimensions.last ?? 0
      }
    }
    starts.append(count)
    first = starts
    parent = Array(0..<count)
    for id in graph.inputs + graph.outputs { pin(id) }
    for node in graph.nodes { if !couple(node) { pin(node) } }
  }

  /// Number of slots.
  var count: Int { parent.count }

  /// The slots of a value; empty for constants and other element types.
  func slots(_ id: ValueID) -> Range<Int> { first[id.index]..<first[id.index + 1] }

  /// The class of a slot.
  mutating func find(_ slot: Int) -> Int {
    var root = slot
    while parent[root] != root { root = parent[root] }
    var current = slot
    while parent[current] != root { (parent[current], current) = (root, parent[current]) }
    return root
  }

  private mutating func join(_ a: Int, _ b: Int) {
    let (x, y) = (find(a), find(b))
    if x != y { parent[max(x, y)] = min(x, y) }
  }

  private mutating func pin(_ id: ValueID) { pinned += slots(id) }

  private mutating func pin(_ node: Node) {
    for case let id? in node.operands { pin(id) }
    for id in node.results { pin(id) }
  }

  /// Joins channel `i` of one value with channel `i` of another.
  private mutating func joinAll(_ a: ValueID, _ b: ValueID) -> Bool {
    let (x, y) = (slots(a), slots(b))
    guard x.count == y.count else { return false }
    for (i, j) in zip(x, y) { join(i, j) }
    return true
  }

  private mutating func couple(_ node: Node) -> Bool {
    guard node.results.count == 1, graph.type(of: node.result).element == .float32,
      !slots(node.result).isEmpty
    else { return false }
    if let layer = ChannelLayer(node, graph) {
      switch layer.kind {
      case .dense: return slots(layer.operand).count == layer.inputs
      case .grouped: return false
      case .depthwise(let multiplier):
        let (x, y) = (slots(layer.operand), slots(node.result))
        guard x.count * multiplier == y.count else { return false }
        for (index, slot) in y.enumerated() { join(x.lowerBound + index / multiplier, slot) }
        return true
      }
    }
    guard let x = node.operands.first ?? nil else { return false }
    switch node.op {
    case is Clip, is Pointwise, is MaxPool2D, is AveragePool2D, is ResizeNearest:
      return joinAll(x, node.result)
    case let op as Pad:
      return op.before.last == 0 && op.after.last == 0 && joinAll(x, node.result)
    case let op as Reduce:
      return !op.axes.contains(graph.type(of: x).shape.rank - 1) && joinAll(x, node.result)
    case let op as Slice:
      return op.steps.last == 1 && joinAll(x, node.result)
    case let op as Concat: return couple(op, node)
    case is Reshape:
      guard ChannelCoupling.isFlattening(node, graph) else { return false }
      let (from, to) = (slots(x), slots(node.result))
      guard !from.isEmpty else { return false }
      for (index, slot) in to.enumerated() { join(from.lowerBound + index % from.count, slot) }
      return true
    default:
      return node.op.isBinaryElementwise && coupleBinary(node)
    }
  }

  private mutating func couple(_ op: Concat, _ node: Node) -> Bool {
    let operands = node.operands.compactMap { $0 }
    guard operands.allSatisfy({ graph.constant($0) == nil }) else { return false }
    guard op.axis == graph.type(of: node.result).shape.rank - 1 else {
      return operands.allSatisfy { joinAll($0, node.result) }
    }
    var target = slots(node.result).lowerBound
    for id in operands {
      for slot in slots(id) {
        join(slot, target)
        target += 1
      }
    }
    return true
  }

  private mutating func coupleBinary(_ node: Node) -> Bool {
    let channels = slots(node.result).count
    for case let id? in node.operands where graph.constant(id) == nil {
      // An operand with one channel serves all channels of the result.
      if slots(id).count == channels { _ = joinAll(id, node.result) } else { pin(id) }
    }
    return true
  }

  /// Whether a reshape makes the last axis of whole channels: element `k` of the last axis of the result
  /// is of channel `k mod C`.
  static func isFlattening(_ node: Node, _ graph: Graph) -> Bool {
    guard let x = node.operands.first ?? nil else { return false }
    let (from, to) = (graph.type(of: x).shape, graph.type(of: node.result).shape)
    guard let channels = from.dimensions.last, let wide = to.dimensions.last, channels > 1,
      wide % channels == 0, let group = axisGroups(from: from, to: to)?.last
    else { return false }
    return group.from.last == from.rank - 1 && group.to == [to.rank - 1]
  }
}
