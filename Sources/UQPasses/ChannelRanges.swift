import UQGraph
import UQNumerics
import UQOperators

/// Bounds of every channel (index of the last axis) of every float value, from weights and clamps alone.
///
/// - Complexity: O(elements of constants + channels).
struct ChannelRanges {
  private let graph: Graph
  private var ranges: [[ChannelRange]?]

  init(_ graph: Graph) {
    self.graph = graph
    ranges = [[ChannelRange]?](repeating: nil, count: graph.values.count)
    for (index, value) in graph.values.enumerated() {
      guard let tensor = value.constant, tensor.element == .float32 else { continue }
      ranges[index] = ChannelRanges.ofConstant(tensor)
    }
    for node in graph.nodes where node.results.count == 1 {
      let result = graph.type(of: node.result)
      guard result.element == .float32, let channels = result.shape.dimensions.last else {
        continue
      }
      let computed = compute(node, channels)
      ranges[node.result.index] = computed?.count == channels ? computed : nil
    }
  }

  /// The bounds of a value's channels.
  subscript(id: ValueID) -> [ChannelRange] {
    ranges[id.index]
      ?? [ChannelRange](
        repeating: .unknown, count: graph.type(of: id).shape.dimensions.last ?? 0)
  }

  private static func ofConstant(_ tensor: Tensor) -> [ChannelRange]? {
    guard let channels = tensor.shape.dimensions.last, channels > 0, tensor.count > 0 else {
      return tensor.count == 1 ? [.constant(Double(tensor.floats[0]))] : nil
    }
    return tensor.withElements(Float.self) { values in
      var result = (0..<channels).map { ChannelRange.constant(Double(values[$0])) }
      for row in stride(from: channels, to: values.count, by: channels) {
        for channel in 0..<channels {
          let value = Double(values[row + channel])
          if value < result[channel].low { result[channel].low = value }
          if value > result[channel].high { result[channel].high = value }
          if value.isNaN { result[channel] = .unknown }
        }
      }
      return result
    }
  }

  private func compute(_ node: Node, _ channels: Int) -> [ChannelRange]? {
    if let layer = ChannelLayer(node, graph) { return layer.ranges(of: self[layer.operand]) }
    guard let x = node.operands.first ?? nil else { return nil }
    let input = self[x]
    switch node.op {
    case let op as Clip: return input.map { $0.clamped(op.bounds) }
    case let op as Pointwise:
      return input.map { range in
        range.constant.map { .constant(op.function.definition.evaluate($0)) } ?? .unknown
      }
    case is MaxPool2D, is ResizeNearest: return input
    case let op as AveragePool2D:
      let isPadded = op.includesPadding && op.window.padding != [0, 0, 0, 0]
      // Rounding of a mean stays within the bounds.
      return isPadded ? input.map { $0.hull(.constant(0)) } : input
    case let op as Pad:
      return op.before.last == 0 && op.after.last == 0
        ? input.map { $0.hull(.constant(Double(op.value))) } : nil
    case let op as Reduce:
      let rank = graph.type(of: x).shape.rank
      let keeps = op.kind == .mean || op.kind == .maximum || op.kind == .minimum
      return keeps && !op.axes.contains(rank - 1) ? input : nil
    case is Slice: return input.count == channels ? input : nil
    case let op as Concat: return concat(op, node)
    case is Reshape:
      guard ChannelCoupling.isFlattening(node, graph) else { return nil }
      return (0..<channels).map { input[$0 % input.count] }
    case is Softmax: return [ChannelRange](repeating: .init(low: 0, high: 1), count: channels)
    default: return node.op.isBinaryElementwise ? binary(node, channels) : nil
    }
  }

  private func concat(_ op: Concat, _ node: Node) -> [ChannelRange]? {
    let operands = node.operands.compactMap { $0 }
    let all = operands.map { self[$0] }
    guard let first = all.first else { return nil }
    if op.axis == graph.type(of: node.result).shape.rank - 1 { return all.flatMap { $0 } }
    return all.dropFirst().reduce(first) { sum, next in zip(sum, next).map { $0.hull($1) } }
  }

  private func binary(_ node: Node, _ channels: Int) -> [ChannelRange]? {
    guard node.operands.count == 2, let a = node.operands[0], let b = node.operands[1] else {
      return nil
    }
    let x = self[a].count == channels ? self[a] : spread(a, channels)
    let y = self[b].count == channels ? self[b] : spread(b, channels)
    return zip(x, y).map { x, y in
      let range: ChannelRange
      switch node.op {
      case is Add: range = x + y
      case is Subtract: range = x + -y
      case is Multiply: range = x * y
      case is Divide:
        range = y.constant.flatMap { $0 == 0 ? nil : x.scaled(by: 1 / $0) } ?? .unknown
      case is Minimum: range = ChannelRange(low: min(x.low, y.low), high: min(x.high, y.high))
      case is Maximum: range = ChannelRange(low: max(x.low, y.low), high: max(x.high, y.high))
      default: range = .unknown
      }
      return node.op.resultBounds.map { range.clamped($0) } ?? range
    }
  }

  private func spread(_ id: ValueID, _ channels: Int) -> [ChannelRange] {
    let one = ranges[id.index].flatMap { $0.count == 1 ? $0[0] : nil } ?? .unknown
    return [ChannelRange](repeating: one, count: channels)
  }
}
