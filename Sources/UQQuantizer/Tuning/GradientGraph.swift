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
  /// From gradients at the watched values, its inputs, to those at all results of tuned layers.
  var backward: Graph
  /// The tuned layers in graph order.
  var layers: [Layer] = []
  /// Values of ``forward`` whose gradients are inputs of ``backward``, in order.
  var watched: [ValueID] = []
  /// For a value of ``backward`` the value of ``forward`` whose whole gradient it is.
  var roles: [ValueID: ValueID] = [:]
  /// Bounds of values that are no layers' results.
  var bounds: [ValueID: Clamp] = [:]

  /// Takes a network apart; layers that gradients do not reach, for want of an adjoint, are not tuned.
  init(_ graph: Graph, layers: [WeightedLayer], watched: Set<ValueID>) {
    forward = graph
    backward = Graph(name: graph.name)
    let tunable = GradientGraph.reached(graph, layers, from: watched)
    for (index, layer) in layers.enumerated() where tunable.contains(layer.position) {
      guard let bounds = forward.stripLayer(layer.position) else { continue }
      let result = graph.nodes[layer.position].result
      self.layers.append(
        Layer(
          index: index, value: result, bounds: bounds,
          channels: graph.type(of: result).shape.dimensions.last ?? 1))
    }
    for node in graph.nodes {
      switch node.op {
      case let op as Add where !op.activation.isNone: bounds[node.result] = op.activation
      case let op as Clip: bounds[node.result] = op.bounds
      default: break
      }
    }
    appendGradients(graph, watched)
  }

  /// Positions of the layers from whose results every path to a watched value has adjoints.
  private static func reached(
    _ graph: Graph, _ layers: [WeightedLayer], from watched: Set<ValueID>
  ) -> Set<Int> {
    var isBlocked = [Bool](repeating: false, count: graph.values.count)
    var isUseful = [Bool](repeating: false, count: graph.values.count)
    for id in watched { isUseful[id.index] = true }
    for node in graph.nodes.reversed() {
      let useful = node.results.contains { isUseful[$0.index] }
      guard useful else { continue }
      for (slot, operand) in node.operands.enumerated() {
        guard let operand, graph.constant(operand) == nil else { continue }
        isUseful[operand.index] = true
        if node.results.contains(where: { isBlocked[$0.index] })
          || !graph.hasAdjoint(node, slot: slot)
        {
          isBlocked[operand.index] = true
        }
      }
    }
    return Set(
      layers.map(\.position).filter { position in
        let result = graph.nodes[position].result
        return isUseful[result.index] && !isBlocked[result.index]
      })
  }

  private mutating func appendGradients(_ graph: Graph, _ watched: Set<ValueID>) {
    var depends = [Bool](repeating: false, count: graph.values.count)
    let results = Set(layers.map(\.value))
    for node in graph.nodes {
      let reads = node.operands.contains { $0.map { depends[$0.index] } ?? false }
      for id in node.results { depends[id.index] = reads || results.contains(id) }
    }
    var totals = [ValueID?](repeating: nil, count: graph.values.count)
    for id in watched.sorted() where depends[id.index] {
      let input = backward.append(
        Value(name: graph[id].name, type: TensorType(.float32, graph.type(of: id).shape)))
      backward.inputs.append(input)
      self.watched.append(id)
      totals[id.index] = input
    }
    for node in graph.nodes.reversed() {
      guard let gradient = totals[node.result.index] else { continue }
      roles[gradient] = node.result
      for (slot, operand) in node.operands.enumerated() {
        guard let operand, depends[operand.index],
          let part = backward.appendAdjoint(of: node, slot: slot, in: graph, gradient: gradient)
        else { continue }
        totals[operand.index] = totals[operand.index].map { backward.appendSum($0, part) } ?? part
      }
    }
  }
}

extension Graph {
  /// Takes bias and bounds off a layer and returns the bounds.
  fileprivate mutating func stripLayer(_ position: Int) -> Clamp? {
    let bounds: Clamp
    switch nodes[position].op {
    case var op as Conv2D:
      bounds = op.activation
      op.activation = .none
      nodes[position].op = op
    case var op as DepthwiseConv2D:
      bounds = op.activation
      op.activation = .none
      nodes[position].op = op
    case var op as FullyConnected:
      bounds = op.activation
      op.activation = .none
      nodes[position].op = op
    default: return nil
    }
    nodes[position].operands = Array(nodes[position].operands.prefix(2))
    return bounds
  }
}
