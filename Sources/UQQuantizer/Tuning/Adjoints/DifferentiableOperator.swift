import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// An operator that gradients pass from the result to operands.
///
/// Conformances stand in this folder, one file for each family; there is no other place to register one.
protocol DifferentiableOperator: Operator {
  /// Appends what turns the gradient at the node's result into that at an operand.
  ///
  /// Bounds are no part of it: whoever runs the graph of gradients stops what does not pass them.
  ///
  /// - Parameters:
  ///   - node: the node, of one result.
  ///   - slot: index of a `float32` operand that is no constant.
  ///   - gradient: of the shape of the result.
  /// - Returns: a value of the operand's shape, never `gradient` itself; `nil` where no gradient is known.
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID?
}

/// Builds a graph of gradients beside the graph that they belong to.
struct AdjointBuilder {
  /// The network.
  let source: Graph
  /// The graph of gradients.
  private(set) var graph: Graph
  /// Values of the network that gradients depend on, and the inputs of ``graph`` that they are.
  private(set) var needed: [(value: ValueID, input: ValueID)] = []
  private var known: [ValueID: ValueID] = [:]

  init(_ source: Graph) {
    self.source = source
    graph = Graph(name: source.name)
  }

  /// The shape of a node's operand.
  func shape(_ node: Node, _ slot: Int) -> Shape {
    node.operands[slot].map { source.type(of: $0).shape } ?? []
  }

  /// A value of the network in the graph of gradients: a constant, or an input of that name.
  mutating func value(_ id: ValueID) -> ValueID {
    if let found = known[id] { return found }
    let result: ValueID
    if let constant = source.constant(id) {
      result = append(constant, name: source[id].name)
    } else {
      result = appendInput(source[id].name, source.type(of: id).shape)
      needed.append((id, result))
    }
    known[id] = result
    return result
  }

  /// Appends an input.
  mutating func appendInput(_ name: String, _ shape: Shape) -> ValueID {
    let input = graph.append(
      Value(name: graph.uniqueValueName(name), type: TensorType(.float32, shape)))
    graph.inputs.append(input)
    return input
  }

  /// Appends a constant.
  mutating func append(_ constant: Tensor, name: String) -> ValueID {
    graph.appendConstant(constant, name: graph.uniqueValueName(name))
  }

  /// Appends a node.
  mutating func append(
    _ op: any Operator, _ operands: [ValueID?], _ shape: Shape, name: String,
    element: ElementType = .float32
  ) -> ValueID {
    let result = graph.append(
      Value(name: graph.uniqueValueName(name), type: TensorType(element, shape)))
    graph.nodes.append(Node(name: name, op: op, operands: operands, results: [result]))
    return result
  }

  /// The sum of two gradients of one shape.
  mutating func appendSum(_ a: ValueID, _ b: ValueID) -> ValueID {
    append(Add(), [a, b], graph.type(of: a).shape, name: "sum")
  }

  /// The gradient at what was broadcast from `shape`: sums along the axes that repeat it.
  mutating func appendSum(_ gradient: ValueID, to shape: Shape, name: String) -> ValueID {
    let wide = graph.type(of: gradient).shape
    let lead = wide.rank - shape.rank
    let axes = (0..<wide.rank).filter { $0 < lead || shape[$0 - lead] == 1 && wide[$0] != 1 }
    guard !axes.isEmpty else {
      return append(Reshape(shape: shape), [gradient], shape, name: name)
    }
    let narrow = Shape((0..<wide.rank).map { axes.contains($0) ? 1 : wide[$0] })
    let sum = append(
      Reduce(kind: .sum, axes: axes, keepsDimensions: true), [gradient], narrow, name: name)
    return append(Reshape(shape: shape), [sum], shape, name: name)
  }

  /// Leaves out nodes and inputs that none of `results` depends on.
  mutating func keep(_ results: Set<ValueID>) {
    var isUsed = [Bool](repeating: false, count: graph.values.count)
    for id in results { isUsed[id.index] = true }
    var kept: [Node] = []
    for node in graph.nodes.reversed() where isUsed[node.result.index] {
      kept.append(node)
      for id in node.operands.compactMap({ $0 }) { isUsed[id.index] = true }
    }
    graph.nodes = kept.reversed()
    graph.inputs.removeAll { !isUsed[$0.index] }
    needed.removeAll { !isUsed[$0.input.index] }
  }
}
