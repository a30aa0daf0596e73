import Foundation
import Testing
import UQGraph
import UQNumerics
import UQOnnx
import UQOperators
import UQPasses
import UQRelay

/// A network that TVM imported from the ONNX file beside the tree.
struct TwinNetwork: Sendable, CustomTestStringConvertible {
  var onnx: String
  var relay: String
  var testDescription: String { onnx }

  var onnxPath: String {
    URL(fileURLWithPath: CorpusCase.folder)
      .appendingPathComponent("../../models/\(onnx)/model.onnx").standardizedFileURL.path
  }

  static let all = [
    TwinNetwork(onnx: "kws_dscnn", relay: "mlperf_kws_dscnn_f32"),
    TwinNetwork(onnx: "ic_resnet8", relay: "mlperf_ic_resnet8_f32"),
  ]
}

@Suite(.enabled(if: CorpusCase.isAvailable)) struct SameNetworkTests {
  /// Operators, attributes, shapes and the bytes of the constants are equal; names are not compared.
  @Test(arguments: TwinNetwork.all) func onnxAndRelayGiveTheSameGraph(_ twin: TwinNetwork) throws {
    var onnx = try OnnxImporter.load(path: twin.onnxPath, operators: allOperators).graph
    var relay = try RelayImporter.load(
      path: "\(CorpusCase.folder)/\(twin.relay)/model.relay", operators: allOperators
    ).graph
    try LosslessPasses.pipeline.run(on: &onnx)
    try LosslessPasses.pipeline.run(on: &relay)
    #expect(onnx.nodes.count > 8)
    #expect(onnx.outline == relay.outline)
  }
}
