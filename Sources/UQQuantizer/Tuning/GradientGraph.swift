import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// A network whose layers' responses can be seen before bias and bounds, and the graph of gradients that
/// belongs to it.
///
/// Both are run by the same engine. The one that runs them applies biases, bounds and quantization to the
/// values as they are computed, and stops gradients where these let nothing pass.
struct GradientGraph: Sendable {
  /// A layer with a scale and a bias for each output channel, the last axis of its result.
  struct Layer: Sendable {
    /// Index among the network's weighted layers.
    var index: Int
    /// The layer's result in ``forward``.
    var value: ValueID
    /// Bounds that are left to the one who runs.
    var bounds: Clamp
    /// Number of output channels.
    var channels: Int
  }

  /// The network up to the watched values; tuned layers have neither bias nor bounds.
  var forward: Graph
  /// From gradients at the watched values, its first inputs, and from ``needed`` to those at all results of
  /// tuned layers.
  var backward: Graph
  /// The tuned layers in graph order.
  var layers: [Layer] = []
  /// Values of ``forward`` whose gradients are the first inputs of ``backward``, in order.
  var watched: [ValueID] = []
  /// Values of ``forward`` that are the other inputs of ``backward``, in order, quantized.
  var needed: [ValueID] = []
  /// For a value of ``backward`` the value of ``forward`` whose whole gradient it is.
  var roles: [ValueID: ValueID] = [:]
  /// Bounds of values that are no layers' results.
  var bounds: [ValueID: Clamp] = [:]

  /// Takes a network apart; layers that gradients do not reach, for want of an adjoint, are not tuned.
  init(_ graph: Graph, layers: [WeightedLayer], watched: Set<ValueID>) {
    forward = graph
    let positions = Set(layers.map(\.position))
    var builder = AdjointBuilder(graph)
    let totals = GradientGraph.appendGradients(graph, positions, watched.sorted(), &builder)
    var results: Set<ValueID> = []
    for (index, layer) in layers.enumerated() {
      let result = graph.nodes[layer.position].result
      guard let gradient = totals[result], let bounds = forward.stripLayer(layer.position) else {
        continue
      }
      results.insert(gradient)
      self.layers.append(
        Layer(
          index: index, value: result, bounds: bounds,
          channels: graph.type(of: result).shape.dimensions.last ?? 1))
    }
    builder.keep(results.union(watched.compactMap { totals[$0] }))
    backward = builder.graph
    needed = builder.needed.map(\.value)
    self.watched = watched.sorted().filter { totals[$0] != nil }
    let present = Set(backward.inputs + backward.nodes.map(\.result))
    for (value, gradient) in totals where present.contains(gradient) { roles[gradient] = value }
    for node in graph.nodes { bounds[node.result] = node.op.fusedBounds }
  }

  /// The gradients of the values that depend on layers, where every path to a watched value has adjoints.
  private static func appendGradients(
    _ graph: Graph, _ layers: Set<Int>, _ watched: [ValueID], _ builder: inout AdjointBuilder
  ) -> [ValueID: ValueID] {
    var depends = [Bool](repeating: false, count: graph.values.count)
    for (position, node) in graph.nodes.enumerated() {
      let reads = node.operands.contains { $0.map { depends[$0.index] } ?? false }
      for id in node.results { depends[id.index] = reads || layers.contains(position) }
    }
    var isBlocked = [Bool](repeating: false, count: graph.values.count)
    var totals: [ValueID: ValueID] = [:]
    for id in watched where depends[id.index] {
      totals[id] = builder.appendInput(graph[id].name, graph.type(of: id).shape)
    }
    for node in graph.nodes.reversed() {
      let passes = !node.results.contains { isBlocked[$0.index] }
      guard !passes || node.results.contains(where: { totals[$0] != nil }) else { continue }
      for (slot, operand) in node.operands.enumerated() {
        guard let operand, depends[operand.index] else { continue }
        guard passes, node.results.count == 1, let gradient = totals[node.result],
          let op = node.op as? any DifferentiableOperator,
          graph.type(of: operand).element == .float32,
          let part = op.appendAdjoint(of: node, slot: slot, gradient: gradient, to: &builder)
        else {
          isBlocked[operand.index] = true
          continue
        }
        totals[operand] = totals[operand].map { builder.appendSum($0, part) } ?? part
      }
    }
    return totals.filter { !isBlocked[$0.key.index] }
  }
}

extension Operator {
  /// The bounds of the result that an operator other than a layer has.
  fileprivate var fusedBounds: Clamp? {
    switch self {
    case let op as Add: op.activation
    case let op as Subtract: op.activation
    case let op as Multiply: op.activation
    case let op as Divide: op.activation
    case let op as Clip: op.bounds
    default: nil
    }
  }
}

extension Graph {
  /// Takes bias and bounds off a layer and returns the bounds.
  fileprivate mutating func stripLayer(_ position: Int) -> Clamp? {
    let op = nodes[position].op
    guard op is Conv2D || op is DepthwiseConv2D || op is FullyConnected,
      let bounds = op.resultBounds
    else { return nil }
    nodes[position].op = op.bounded(by: .none)
    nodes[position].operands = Array(nodes[position].operands.prefix(2))
    return bounds
  }
}
