import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// A graph from one foreign node, imported by the registry's rules.
struct ForeignModel {
  var graph: Graph
  private(set) var inputs: [Tensor] = []

  /// Imports a node.
  ///
  /// - Parameters:
  ///   - operands: each an input of the graph, or a constant, or absent.
  init(
    _ operatorName: String, version: Int, attributes: [String: ForeignAttribute] = [:],
    _ operands: [Operand], results: [String] = ["y"], dialect: Dialect = .onnx
  ) throws {
    var builder = GraphBuilder(name: "test")
    var ids: [ValueID?] = []
    for (index, operand) in operands.enumerated() {
      switch operand {
      case .input(let tensor):
        ids.append(builder.addInput("x\(index)", tensor.type))
        inputs.append(tensor)
      case .constant(let tensor): ids.append(builder.addConstant(tensor, name: "c\(index)"))
      case .absent: ids.append(nil)
      }
    }
    let node = ForeignNode(
      dialect: dialect, operatorName: operatorName, version: version, name: "node",
      attributes: attributes, operands: ids, results: results,
      place: SourcePlace(file: "m.onnx", node: "node", operatorName: operatorName))
    let rules = allOperators.flatMap { $0.imports }.filter {
      $0.dialect == dialect && $0.domain.isEmpty && $0.operatorName == operatorName
        && $0.versions.contains(version)
    }
    let rule = try #require(rules.first, "no rule for \(operatorName) \(version)")
    #expect(rules.count == 1, "\(rules.count) rules for \(operatorName) \(version)")
    for (name, id) in zip(results, try rule.build(node, &builder)) {
      builder.addOutput(name, id)
    }
    graph = builder.graph
    try graph.verify()
  }

  enum Operand {
    case input(Tensor)
    case constant(Tensor)
    case absent
  }

  /// The kinds of the nodes in order.
  var operators: [String] { graph.nodes.map(\.spec.name) }

  /// Whether all kinds are there.
  func has(_ name: String) -> Bool { operators.contains(name) }

  /// Evaluates the graph on its inputs; every result has the type that was inferred for it.
  func evaluate() throws -> [Tensor] {
    var values: [ValueID: Tensor] = [:]
    for (id, tensor) in zip(graph.inputs, inputs) { values[id] = tensor }
    let value = { (id: ValueID) in values[id] ?? graph.constant(id) }
    for node in graph.nodes {
      let types = node.results.map { graph.type(of: $0) }
      let results = try node.op.evaluate(
        node.operands.map { $0.flatMap(value) }, results: types)
      for (id, tensor) in zip(node.results, results) {
        #expect(tensor.type == graph.type(of: id), "\(node.spec.name)")
        values[id] = tensor
      }
    }
    return try graph.outputs.map { try #require(value($0)) }
  }
}

extension Tensor {
  /// A float tensor that counts from `first`.
  static func counting(_ shape: Shape, from first: Float = 0, by step: Float = 1) -> Tensor {
    Tensor((0..<shape.count).map { first + Float($0) * step }, shape)
  }
}
