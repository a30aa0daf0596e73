import UQGraph
import UQNumerics
import UQSupport

/// A graph under a pass that walks its nodes once, in order, emitting what becomes of each.
///
/// Uses are counted as nodes change and replaced values are followed lazily, so a walk is linear. While
/// a node is visited its own uses are not counted: an operand without uses is used by nothing else.
struct GraphEditor {
  /// The graph; its nodes are those not yet visited.
  private(set) var graph: Graph
  /// Whether anything was emitted that differs from what was visited.
  private(set) var hasChanged = false
  private var emitted: [Node?] = []
  private var producer: [Int?]
  private var uses: [Int]
  private var replacement: [ValueID?]
  private var names: Set<String>

  private init(_ graph: Graph) {
    self.graph = graph
    producer = [Int?](repeating: nil, count: graph.values.count)
    uses = [Int](repeating: 0, count: graph.values.count)
    replacement = [ValueID?](repeating: nil, count: graph.values.count)
    names = Set(graph.values.map(\.name))
    for node in graph.nodes {
      for case let id? in node.operands { uses[id.index] += 1 }
    }
    for id in graph.outputs { uses[id.index] += 1 }
  }

  /// Visits every node in order; `visit` emits or replaces each, `finish` may emit more.
  ///
  /// - Returns: whether the graph changed.
  static func walk(
    _ graph: inout Graph,
    _ visit: (inout GraphEditor, Node) throws(Diagnostic) -> Void,
    finish: (inout GraphEditor) throws(Diagnostic) -> Void = { _ in }
  ) throws(Diagnostic) -> Bool {
    var editor = GraphEditor(graph)
    for original in graph.nodes {
      var node = original
      node.operands = node.operands.map { $0.map(editor.resolved) }
      for case let id? in node.operands { editor.uses[id.index] -= 1 }
      try visit(&editor, node)
    }
    try finish(&editor)
    guard editor.hasChanged else { return false }
    editor.graph.nodes = editor.emitted.compactMap { $0 }
    editor.graph.outputs = editor.graph.outputs.map(editor.resolved)
    graph = editor.graph
    return true
  }

  /// What a value was replaced with, or itself.
  func resolved(_ id: ValueID) -> ValueID {
    var current = id
    while let next = replacement[current.index] { current = next }
    return current
  }

  /// Whether nothing but the node being visited uses a value.
  func isUnusedElsewhere(_ id: ValueID) -> Bool { uses[id.index] == 0 }

  /// Position of the emitted node that makes a value.
  func producerIndex(_ id: ValueID) -> Int? { producer[id.index] }

  /// The emitted node that makes a value.
  func producerNode(_ id: ValueID?) -> Node? {
    id.flatMap { producer[$0.index] }.flatMap { emitted[$0] }
  }

  /// The emitted node that makes a value, and its position, if nothing else uses the value.
  func soleProducer(_ id: ValueID?) -> (index: Int, node: Node)? {
    guard let id, uses[id.index] == 0, let index = producer[id.index], let node = emitted[index]
    else { return nil }
    return (index, node)
  }

  /// The emitted node that makes a value, and its position, if it has one use among emitted nodes.
  func onlyUsedProducer(_ id: ValueID?) -> (index: Int, node: Node)? {
    guard let id, uses[id.index] == 1, let index = producer[id.index], let node = emitted[index]
    else { return nil }
    return (index, node)
  }

  /// The constant behind a value, if it is one.
  func constant(_ id: ValueID?) -> Tensor? { graph.constant(id) }
  /// The constant among a node's two operands, and the other one; `nil` where not exactly one is constant.
  func besideConstant(_ node: Node) -> (operand: ValueID, constant: Tensor)? {
    guard node.operands.count == 2, let a = node.operands[0], let b = node.operands[1] else {
      return nil
    }
    switch (constant(a), constant(b)) {
    case (let tensor?, nil): return (b, tensor)
    case (nil, let tensor?): return (a, tensor)
    default: return nil
    }
  }
  /// The type of a value.
  func type(of id: ValueID) -> TensorType { graph.type(of: id) }
  /// The shape of a value.
  func shape(of id: ValueID) -> Shape { graph.type(of: id).shape }

  /// Emits the node being visited as it is.
  mutating func keep(_ node: Node) { append(node) }

  /// Emits a node.
  mutating func emit(_ node: Node) {
    hasChanged = true
    append(node)
  }

  private mutating func append(_ node: Node) {
    for case let id? in node.operands { uses[id.index] += 1 }
    for id in node.results { producer[id.index] = emitted.count }
    emitted.append(node)
  }

  /// Replaces an emitted node.
  mutating func update(at index: Int, with node: Node) {
    hasChanged = true
    if let old = emitted[index] {
      for case let id? in old.operands { uses[id.index] -= 1 }
      for id in old.results { producer[id.index] = nil }
    }
    for case let id? in node.operands { uses[id.index] += 1 }
    for id in node.results { producer[id.index] = index }
    emitted[index] = node
  }

  /// Removes an emitted node.
  mutating func remove(at index: Int) {
    hasChanged = true
    guard let old = emitted[index] else { return }
    for case let id? in old.operands { uses[id.index] -= 1 }
    for id in old.results { producer[id.index] = nil }
    emitted[index] = nil
  }

  /// Has every later user of `old`, and the outputs, refer to `new`.
  mutating func replace(_ old: ValueID, with new: ValueID) {
    guard old != new else { return }
    hasChanged = true
    replacement[old.index] = new
    uses[new.index] += uses[old.index]
    uses[old.index] = 0
  }

  /// Adds a value under a name of its own made from `name`.
  mutating func addValue(_ name: String, _ type: TensorType, constant: Tensor? = nil) -> ValueID {
    producer.append(nil)
    uses.append(0)
    replacement.append(nil)
    return graph.append(Value(name: uniqueName(name), type: type, constant: constant))
  }

  /// Adds a constant under a name of its own made from `name`.
  mutating func addConstant(_ tensor: Tensor, _ name: String) -> ValueID {
    addValue(name, tensor.type, constant: tensor)
  }

  /// Adds a value that takes the name of another one, which gets `suffix` behind its own.
  mutating func addValue(
    takingNameOf id: ValueID, _ type: TensorType, leaving suffix: String
  ) -> ValueID {
    let name = graph[id].name
    graph[id].name = uniqueName(name + suffix)
    names.remove(name)
    return addValue(name, type)
  }

  /// Turns a value of the graph into a constant, whose node is then not emitted.
  mutating func makeConstant(_ id: ValueID, _ tensor: Tensor) {
    hasChanged = true
    graph[id].constant = tensor
    graph[id].type = tensor.type
  }

  /// A constant in the place of another one, under its name where nothing else uses that.
  mutating func replaceConstant(_ id: ValueID, with tensor: Tensor, uses count: Int = 0) -> ValueID
  {
    hasChanged = true
    if uses[id.index] == count {
      graph[id].constant = tensor
      graph[id].type = tensor.type
      return id
    }
    return addConstant(tensor, graph[id].name)
  }

  /// Changes the shape that a value has.
  mutating func setShape(_ id: ValueID, _ shape: Shape) {
    hasChanged = true
    graph[id].type.shape = shape
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
