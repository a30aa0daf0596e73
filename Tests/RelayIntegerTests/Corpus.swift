import Foundation
import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQRelay
import UQSamples
import UQSupport

/// A program of the corpus with the inputs and outputs that TVM computed.
struct CorpusCase {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("shared/relay/corpus").path
  static var isAvailable: Bool { FileManager.default.fileExists(atPath: folder) }

  var graph: Graph
  var inputs: [Tensor]
  var outputs: [Tensor]

  init(_ name: String) throws {
    let path = "\(Self.folder)/\(name)"
    let graph = try RelayImporter.load(path: "\(path)/model.relay", operators: testOperators).graph
    try graph.verify()
    self.graph = graph
    let arrays = try NumPyArchive.read("\(path)/inputs.npz")
    inputs = try graph.inputs.enumerated().map { index, id in
      let named = arrays.first { $0.name == graph[id].name }
      return try #require(named ?? (index < arrays.count ? arrays[index] : nil)).tensor
    }
    outputs = try NumPyArchive.read("\(path)/outputs.npz").map(\.tensor)
  }

  /// Evaluates the graph plainly.
  static func evaluate(_ graph: Graph, _ inputs: [Tensor]) throws -> [Tensor] {
    var values: [ValueID: Tensor] = [:]
    for (id, tensor) in zip(graph.inputs, inputs) { values[id] = tensor }
    let value = { (id: ValueID) in values[id] ?? graph.constant(id) }
    for node in graph.nodes {
      let types = node.results.map { graph.type(of: $0) }
      let results = try node.op.evaluate(
        node.operands.map { $0.flatMap(value) }, results: types)
      for (id, tensor) in zip(node.results, results) { values[id] = tensor }
    }
    return try graph.outputs.map { try #require(value($0)) }
  }

  /// The largest difference of the outputs.
  func difference(_ results: [Tensor]) -> Double {
    guard results.count == outputs.count else { return .infinity }
    return zip(results, outputs).reduce(0) { worst, pair in
      guard pair.0.shape == pair.1.shape, pair.0.element == pair.1.element else { return .infinity }
      let a = pair.0.converted(to: .float64).elements(Double.self)
      let b = pair.1.converted(to: .float64).elements(Double.self)
      return zip(a, b).reduce(worst) { max($0, abs($1.0 - $1.1)) }
    }
  }
}

let testOperators: [any ForeignOperator.Type] = [InterimRules.self] + allOperators

/// Rules that the corpus needs besides those of integers.
enum InterimRules: ForeignOperator {
  static var imports: [ImportRule] {
    [
      .relay("nn.bias_add") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let rank = builder.shape(of: x).rank
        let axis = try node.int("axis", default: 1)
        let at = axis < 0 ? axis + rank : axis
        let bias = try node.operand(1, "bias")
        var extents = [Int](repeating: 1, count: rank - at)
        extents[0] = builder.shape(of: bias)[0]
        let shaped = try builder.add(
          Reshape(shape: Shape(extents)), [bias], name: "\(node.name):b", place: node.place)
        return try builder.add(
          Add(), [x, shaped[0]], name: node.name, results: node.results, place: node.place)
      },
      .relay("clip") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "a")
        let type = builder.type(of: x)
        let bounds = Clamp(low: try node.float("a_min"), high: try node.float("a_max"))
        if type.element.isFloat {
          return try builder.add(Clip(bounds: bounds), [x], name: node.name, results: node.results)
        }
        let low = builder.addConstant(
          Tensor(doubles: [Double(bounds.low)], type.element, []), name: "\(node.name):low")
        let high = builder.addConstant(
          Tensor(doubles: [Double(bounds.high)], type.element, []), name: "\(node.name):high")
        let raised = try builder.add(Maximum(), [x, low], name: "\(node.name):raised")
        return try builder.add(
          Minimum(), [raised[0], high], name: node.name, results: node.results)
      },
      .relay("nn.softmax") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let axis = try node.int("axis", default: -1)
        let rank = builder.shape(of: x).rank
        return try builder.add(
          Softmax(axis: axis < 0 ? axis + rank : axis), [x], name: node.name,
          results: node.results)
      },
      .relay("reshape") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        var shape = try node.ints("newshape") ?? []
        for (index, extent) in shape.enumerated() where extent == 0 {
          shape[index] = builder.shape(of: x)[index]
        }
        if let open = shape.firstIndex(of: -1) {
          shape[open] = 1
          shape[open] = builder.shape(of: x).count / shape.reduce(1, *)
        }
        return try builder.add(
          Reshape(shape: Shape(shape)), [x], name: node.name, results: node.results)
      },
    ]
  }
}
