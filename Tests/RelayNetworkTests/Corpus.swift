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
    let graph = try RelayImporter.load(path: "\(path)/model.relay", operators: allOperators).graph
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
