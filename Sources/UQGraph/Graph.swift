import UQNumerics
import UQSupport

/// Names a value of a graph.
public struct ValueID: Hashable, Comparable, Sendable {
  /// Position in ``Graph/values``.
  public let index: Int

  /// Names the value at a position.
  public init(_ index: Int) { self.index = index }

  /// Orders by position.
  public static func < (a: ValueID, b: ValueID) -> Bool { a.index < b.index }
}

/// A tensor of the graph: an input, a constant, or a result of one node.
public struct Value: Sendable {
  /// Unique name, the model's own where it has one; calibration data refers to it.
  public var name: String
  /// Element type, shape, quantization.
  public var type: TensorType
  /// The value where it is constant.
  public var constant: Tensor?

  /// Creates a value.
  public init(name: String, type: TensorType, constant: Tensor? = nil) {
    self.name = name
    self.type = type
    self.constant = constant
  }
}

/// An application of an operator.
public struct Node: Sendable {
  /// Name for people; the model's own where it has one.
  public var name: String
  /// Operator and attributes.
  public var op: any Operator
  /// Operands; `nil` where an optional one is absent.
  public var operands: [ValueID?]
  /// Results; at least one.
  public var results: [ValueID]
  /// Where the model says so.
  public var place: SourcePlace

  /// Creates a node.
  public init(
    name: String, op: any Operator, operands: [ValueID?], results: [ValueID],
    place: SourcePlace = SourcePlace()
  ) {
    self.name = name
    self.op = op
    self.operands = operands
    self.results = results
    self.place = place
  }

  /// The first result.
  public var result: ValueID { results[0] }
  /// The spec of the operator.
  public var spec: OperatorSpec { Swift.type(of: op).spec }
}

/// A network in static single assignment: values, and nodes in an order of execution.
///
/// Activations are NHWC inside; a model's other layouts appear as explicit transposes. All shapes
/// are static, the batch is 1 (an engine may widen it).
public struct Graph: Sendable {
  /// Name of the model.
  public var name: String
  /// All values; positions never change, unused ones may remain until ``compact()``.
  public var values: [Value]
  /// The nodes, operands before users.
  public var nodes: [Node]
  /// Inputs in the model's order.
  public var inputs: [ValueID]
  /// Outputs in the model's order.
  public var outputs: [ValueID]
  /// The model's names of the outputs, which passes cannot change.
  public var outputNames: [String]

  /// An empty graph.
  public init(name: String) {
    self.name = name
    values = []
    nodes = []
    inputs = []
    outputs = []
    outputNames = []
  }

  /// The value with an id.
  public subscript(id: ValueID) -> Value {
    get { values[id.index] }
    set { values[id.index] = newValue }
  }

  /// The type of a value.
  public func type(of id: ValueID) -> TensorType { values[id.index].type }
  /// The types of operands.
  public func types(of ids: [ValueID?]) -> [TensorType?] { ids.map { $0.map { type(of: $0) } } }
  /// The constant behind a value, if it is one.
  public func constant(_ id: ValueID?) -> Tensor? { id.flatMap { values[$0.index].constant } }

  /// Appends a value and returns its id.
  public mutating func append(_ value: Value) -> ValueID {
    values.append(value)
    return ValueID(values.count - 1)
  }

  /// Appends a constant.
  public mutating func appendConstant(_ tensor: Tensor, name: String) -> ValueID {
    append(Value(name: name, type: tensor.type, constant: tensor))
  }

  /// For each value, the positions in ``nodes`` of the nodes that use it, in order.
  ///
  /// - Complexity: O(values + operands).
  public func users() -> [[Int]] {
    var result = [[Int]](repeating: [], count: values.count)
    for (position, node) in nodes.enumerated() {
      for operand in Set(node.operands.compactMap { $0 }) { result[operand.index].append(position) }
    }
    return result
  }

  /// For each value, the position in ``nodes`` of the node that makes it.
  public func producers() -> [Int?] {
    var result = [Int?](repeating: nil, count: values.count)
    for (position, node) in nodes.enumerated() {
      for id in node.results { result[id.index] = position }
    }
    return result
  }

  /// A name that no value of the graph has: `wanted`, or `wanted` with a number.
  ///
  /// - Complexity: O(values).
  public func uniqueValueName(_ wanted: String) -> String {
    let taken = Set(values.map(\.name))
    var candidate = wanted
    var number = 1
    while taken.contains(candidate) {
      candidate = "\(wanted).\(number)"
      number += 1
    }
    return candidate
  }

  /// Has every user of `old`, and the outputs, refer to `new`.
  public mutating func replaceUses(of old: ValueID, with new: ValueID) {
    for position in nodes.indices {
      for (index, operand) in nodes[position].operands.enumerated() where operand == old {
        nodes[position].operands[index] = new
      }
    }
    outputs = outputs.map { $0 == old ? new : $0 }
  }

  /// Removes the nodes whose results nothing uses and the values that nothing refers to; renumbers.
  public mutating func compact() {
    var live = Set(outputs)
    var kept: [Node] = []
    for node in nodes.reversed() where node.results.contains(where: live.contains) {
      kept.append(node)
      live.formUnion(node.operands.compactMap { $0 })
    }
    live.formUnion(inputs)
    for node in kept { live.formUnion(node.results) }
    var renumbered = [ValueID?](repeating: nil, count: values.count)
    var fresh: [Value] = []
    for (index, value) in values.enumerated() where live.contains(ValueID(index)) {
      renumbered[index] = ValueID(fresh.count)
      fresh.append(value)
    }
    let map = { (id: ValueID) -> ValueID in renumbered[id.index] ?? id }
    nodes = kept.reversed().map { node in
      var copy = node
      copy.operands = node.operands.map { $0.map(map) }
      copy.results = node.results.map(map)
      return copy
    }
    inputs = inputs.map(map)
    outputs = outputs.map(map)
    values = fresh
  }

  /// Multiply-accumulates of one inference; saturated.
  public var macs: Int {
    nodes.reduce(0) { sum, node in
      let macs = node.op.macs(types(of: node.operands), node.results.map { type(of: $0) })
      let (total, overflow) = sum.addingReportingOverflow(macs)
      return overflow ? .max : total
    }
  }

  /// Elements of the float constants that nodes use.
  public var parameters: Int {
    let used = Set(nodes.flatMap { $0.operands.compactMap { $0 } })
    return used.sorted().reduce(0) { sum, id in
      guard let constant = values[id.index].constant, constant.element.isFloat else { return sum }
      return sum + constant.count
    }
  }
}
