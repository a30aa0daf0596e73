import Foundation
import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQOnnx

/// The shared models whose operators are supported, with the real operators.
@Suite(.enabled(if: hasSharedModels)) struct PlainModelTests {
  private static let names = [
    "ad_autoencoder", "ic_resnet8", "kws_dscnn", "motion_nicla_cnn", "ocr_direction_ppocr",
    "sww_1dconv", "vww_mobilenet025",
  ]

  @Test(arguments: names) func modelIsImported(_ name: String) throws {
    let path = sharedModels.appendingPathComponent(name + "/model.onnx").path
    let (graph, info) = try OnnxImporter.load(path: path, operators: allOperators)
    try graph.verify()
    #expect(graph.inputs.count == 1)
    #expect(graph.outputs.count == 1)
    #expect(graph.macs > 10_000)
    #expect(info.warnings.isEmpty)
    let shown = try OnnxInspection.read(path: path, operators: allOperators)
    #expect(shown.unsupported.isEmpty)
    #expect(shown.macs == graph.macs)
    #expect(shown.parameters >= graph.parameters)
  }
}
