import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Rewrites a graph without the channels that do not live.
struct ChannelPruning {
  private var graph: Graph
  private let original: Graph
  private let ranges: ChannelRanges
  private let live: [[Bool]?]
  private var uses: [Int]
  private var names: Set<String>

  init(_ graph: Graph, _ ranges: ChannelRanges, _ live: [[Bool]?]) {
    self.graph = graph
    original = graph
    self.ranges = ranges
    self.live = live
    uses = [Int](repeating: 0, count: graph.values.count)
    names = Set(graph.values.map(\.name))
    for node in graph.nodes { for case let id? in node.operands { uses[id.index] += 1 } }
  }

  /// The graph with narrower values.
  ///
  /// - Throws: what an operator's type inference throws.
  mutating func pruned() throws(Diagnostic) -> Graph {
    for (index, channels) in live.enumerated() {
      guard let channels, channels.contains(false) else { continue }
      var extents = graph.values[index].type.shape.dimensions
      extents[extents.count - 1] = channels.count { $0 }
      graph.values[index].type.shape = Shape(extents)
    }
    for position in graph.nodes.indices {
      if let layer = ChannelLayer(original.nodes[position], original) {
        prune(layer, at: position)
      } else {
        prune(at: position)
      }
    }
    return graph
  }

  private func kept(_ id: ValueID) -> [Int]? {
    guard let channels = live[id.index], channels.contains(false) else { return nil }
    return channels.indices.filter { channels[$0] }
  }

  private mutating func prune(_ layer: ChannelLayer, at position: Int) {
    let node = graph.nodes[position]
    let inputs = kept(layer.operand)
    let outputs = kept(node.result)
    guard inputs != nil || outputs != nil, let weights = node.operands[1],
      var tensor = original.constant(weights)
    else { return }
    var bias = node.operands.count > 2 ? original.constant(node.operands[2])?.floats : nil
    if case .depthwise = layer.kind {
      if let outputs { tensor = tensor.selecting(outputs, axis: 2) }
    } else {
      if let inputs {
        let absorbed = absorbed(layer, Set(inputs))
        if !absorbed.isEmpty { bias = layer.bias(absorbing: absorbed).map(Float.init) }
        tensor = tensor.selecting(inputs, axis: tensor.shape.rank - 1)
      }
      if let outputs { tensor = tensor.selecting(outputs, axis: 0) }
    }
    if let outputs { bias = bias.map { bias in outputs.map { bias[$0] } } }
    graph.nodes[position].operands[1] = constant(weights, tensor)
    guard let bias else { return }
    let biasTensor = Tensor(bias, [bias.count])
    if node.operands.count > 2, let old = node.operands[2] {
      graph.nodes[position].operands[2] = constant(old, biasTensor)
    } else if bias.contains(where: { $0 != 0 }) {
      let id = graph.appendConstant(biasTensor, name: uniqueName(node.name + ":bias"))
      graph.nodes[position].operands = [node.operands[0], graph.nodes[position].operands[1], id]
    }
  }

  /// The dropped inputs of a layer that are constants other than 0.
  private func absorbed(_ layer: ChannelLayer, _ inputs: Set<Int>) -> [Int: Double] {
    var result: [Int: Double] = [:]
    for (channel, range) in ranges[layer.operand].enumerated() where !inputs.contains(channel) {
      // Padding sees 0; a padded layer that reads another constant keeps it alive.
      if let value = range.constant, value != 0, !layer.isPadded { result[channel] = value }
    }
    return result
  }

  private mutating func prune(at position: Int) {
    let node = graph.nodes[position]
    guard node.results.count == 1, let channels = kept(node.result) else { return }
    switch node.op {
    case var op as Reshape:
      op.shape = graph.type(of: node.result).shape
      graph.nodes[position].op = op
    case var op as Slice:
      op.ends[op.ends.count - 1] = channels.count
      graph.nodes[position].op = op
    case let op where op.isBinaryElementwise:
      let width = original.type(of: node.result).shape.dimensions.last
      for (index, operand) in node.operands.enumerated() {
        guard let id = operand, let tensor = original.constant(id), tensor.shape.rank > 0,
          tensor.shape.dimensions.last == width
        else { continue }
        graph.nodes[position].operands[index] = constant(
          id, tensor.selecting(channels, axis: tensor.shape.rank - 1))
      }
    default: break
    }
  }

  /// A constant in the place of another, under its name where nothing else uses that.
  private mutating func constant(_ id: ValueID, _ tensor: Tensor) -> ValueID {
    guard uses[id.index] > 1 else {
      graph[id].constant = tensor
      graph[id].type = tensor.type
      return id
    }
    return graph.appendConstant(tensor, name: uniqueName(graph[id].name))
  }

  private mutating func uniqueName(_ wanted: String) -> String {
    var candidate = wanted
    var number = 1
    while !names.insert(candidate).inserted {
      candidate = "\(wanted).\(number)"
      number += 1
    }
    return candidate
  }
}

extension Tensor {
  /// The given indices of an axis, in order.
  func selecting(_ indices: [Int], axis: Int) -> Tensor {
    let inner = shape[(axis + 1)...].reduce(1, *) * element.byteCount
    let outer = shape[..<axis].reduce(1, *)
    let extent = shape[axis]
    var extents = shape.dimensions
    extents[axis] = indices.count
    var result = Tensor(zeros: element, Shape(extents))
    withUnsafeBytes { source in
      result.withUnsafeMutableBytes { target in
        var position = 0
        for row in 0..<outer {
          for index in indices {
            let start = (row * extent + index) * inner
            UnsafeMutableRawBufferPointer(rebasing: target[position..<position + inner])
              .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<start + inner]))
            position += inner
          }
        }
      }
    }
    return result
  }
}
