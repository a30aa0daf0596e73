import Foundation
import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOnnx
import UQOperators
import UQPasses
import UQSupport

/// The models beside the tree, where they are present.
private let modelFolder = URL(filePath: #filePath)
  .appending(path: "../../../../shared/models").standardized

private func modelPath(_ name: String) -> String {
  modelFolder.appending(path: "\(name)/model.onnx").path(percentEncoded: false)
}

private func isPresent(_ name: String) -> Bool {
  FileManager.default.fileExists(atPath: modelPath(name))
}

/// What is expected of a model after the passes.
struct ModelExpectation: Sendable, CustomTestStringConvertible {
  var name: String
  var transposes = 0
  var reshapes = 0
  var weights: ClosedRange<Int>?

  var testDescription: String { name }
}

@Suite struct SharedModelTests {
  @Test(
    arguments: [
      ModelExpectation(name: "ad_autoencoder"),
      ModelExpectation(name: "ic_resnet8", reshapes: 1),
      ModelExpectation(name: "kws_dscnn", reshapes: 1),
      ModelExpectation(name: "motion_nicla_cnn", transposes: 1, reshapes: 2),
      ModelExpectation(name: "ocr_direction_ppocr", transposes: 1, reshapes: 2),
      ModelExpectation(name: "sww_1dconv", reshapes: 1),
      ModelExpectation(name: "vww_mobilenet025", reshapes: 1, weights: 28_000...35_000),
    ].filter { isPresent($0.name) })
  func passesKeepOutputsOf(_ model: ModelExpectation) throws {
    let (original, _) = try OnnxImporter.load(
      path: modelPath(model.name), operators: allOperators)
    var graph = original
    try LosslessPasses.pipeline.run(on: &graph)
    let transposes = graph.nodes.count { $0.op is Transpose }
    let reshapes = graph.nodes.count { $0.op is Reshape }
    #expect(transposes <= model.transposes)
    #expect(reshapes <= model.reshapes)
    if let weights = model.weights { #expect(weights.contains(graph.parameters)) }
    #expect(graph.outputNames == original.outputNames)
    try expectSameOutputs(original, graph, seeds: 0..<2)

    var again = graph
    let once = again.nodes.count
    try LosslessPasses.pipeline.run(on: &again)
    #expect(again.nodes.count == once)
  }
}
