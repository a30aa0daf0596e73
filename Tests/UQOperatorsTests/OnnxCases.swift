import Foundation
import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// A node with operands and the results that NumPy or ONNX Runtime computes for them, from
/// `Cases/onnx.json`.
struct OnnxCase: Decodable, Sendable, CustomTestStringConvertible {
  struct Values: Decodable, Sendable {
    var element: String
    var shape: [Int]
    var values: [Double]
    var constant: Bool?

    var tensor: Tensor {
      get throws {
        let type = try #require(ElementType(rawValue: element))
        if type == .int64 {
          // The ends of the range are no exact doubles.
          return Tensor(
            values.map { Int64(exactly: $0) ?? ($0 > 0 ? .max : .min) }, Shape(shape))
        }
        return Tensor(doubles: values, type, Shape(shape))
      }
    }
  }

  struct Attribute: Decodable, Sendable {
    var i: Int?
    var f: Double?
    var s: String?
    var t: Values?
    var `is`: [Int]?
    var fs: [Double]?

    var value: ForeignAttribute {
      get throws {
        if let i { return .int(i) }
        if let f { return .float(Float(f)) }
        if let s { return .string(s) }
        if let t { return .tensor(try t.tensor) }
        if let fs { return .floats(fs.map { Float($0) }) }
        return .ints(try #require(`is`))
      }
    }
  }

  var name: String
  var op: String
  var version: Int
  var attributes: [String: Attribute]
  var operands: [Values?]
  var results: Int
  var expected: [Values]

  var testDescription: String { name }

  static let all: [OnnxCase] = {
    let url = Bundle.module.url(forResource: "onnx", withExtension: "json", subdirectory: "Cases")
    do {
      let data = try Data(contentsOf: url ?? URL(fileURLWithPath: "onnx.json"))
      return try JSONDecoder().decode([OnnxCase].self, from: data)
    } catch {
      Issue.record(error)
      return []
    }
  }()
}

/// A graph of nodes imported by the registry's rules.
struct ImportedNodes {
  var builder = GraphBuilder(name: "test")
  var inputs: [(ValueID, Tensor)] = []

  mutating func input(_ tensor: Tensor) -> ValueID {
    let id = builder.addInput("x\(inputs.count)", tensor.type)
    inputs.append((id, tensor))
    return id
  }

  mutating func constant(_ tensor: Tensor) -> ValueID { builder.addConstant(tensor, name: "c") }

  mutating func node(
    _ op: String, _ version: Int, _ operands: [ValueID?],
    _ attributes: [String: ForeignAttribute] = [:], results: Int = 1
  ) throws -> [ValueID] {
    let node = ForeignNode(
      dialect: .onnx, operatorName: op, version: version, name: "node",
      attributes: attributes, operands: operands, results: (0..<results).map { "y\($0)" },
      place: SourcePlace(file: "m.onnx", node: "node", operatorName: op))
    let rules = allOperators.flatMap { $0.imports }.filter {
      $0.dialect == .onnx && $0.operatorName == op && $0.versions.contains(version)
    }
    try #require(rules.count == 1, "\(rules.count) rules for \(op) \(version)")
    return try rules[0].build(node, &builder)
  }

  /// Evaluates plainly, checking that every result has the type inferred for it.
  func values(_ ids: [ValueID]) throws -> [Tensor] {
    var graph = builder.graph
    graph.outputs = ids
    graph.outputNames = ids.indices.map { "out\($0)" }
    try graph.verify()
    var values: [ValueID: Tensor] = [:]
    for (id, tensor) in inputs { values[id] = tensor }
    let value = { (id: ValueID) in values[id] ?? graph.constant(id) }
    for node in graph.nodes {
      let types = node.results.map { graph.type(of: $0) }
      let results = try node.op.evaluate(node.operands.map { $0.flatMap(value) }, results: types)
      #expect(results.map(\.type) == types)
      for (id, tensor) in zip(node.results, results) { values[id] = tensor }
    }
    return try ids.map { try #require(value($0)) }
  }
}

@Suite struct OnnxImportTests {
  @Test(arguments: OnnxCase.all) func nodeComputesWhatOthersCompute(_ item: OnnxCase) throws {
    var model = ImportedNodes()
    var operands: [ValueID?] = []
    for operand in item.operands {
      guard let operand else {
        operands.append(nil)
        continue
      }
      let tensor = try operand.tensor
      operands.append(operand.constant == true ? model.constant(tensor) : model.input(tensor))
    }
    let results = try model.node(
      item.op, item.version, operands, try item.attributes.mapValues { try $0.value },
      results: item.results)
    try #require(results.count >= item.expected.count)
    let values = try model.values(Array(results.prefix(item.expected.count)))
    for (value, expected) in zip(values, item.expected) {
      let wanted = try expected.tensor
      try #require(value.type == wanted.type)
      let tolerance = value.element == .float16 ? 2e-3 : 2e-5
      let actual = value.converted(to: .float64).elements(Double.self)
      for (a, e) in zip(actual, expected.values) {
        #expect(abs(a - e) <= tolerance * (1 + abs(e)), "\(actual) \(expected.values)")
      }
    }
  }

  @Test func casesWereRead() { #expect(OnnxCase.all.count > 300) }
}
