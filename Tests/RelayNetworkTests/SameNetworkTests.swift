import Foundation
import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOnnx
import UQOperators
import UQPasses
import UQRelay
import UQSupport

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

  /// Models that are printed as Relay text and read again: the outputs are the same to the last bit,
  /// and so are the graphs but that of digits_vit, whose products of rank 4 and sums with an epsilon
  /// are written with other operators.
  @Test(arguments: [
    "ad_autoencoder", "digits_vit", "filetype_magika", "ic_resnet8", "kws_dscnn",
    "motion_nicla_cnn", "ocr_direction_ppocr", "sww_1dconv", "vww_mobilenet025",
  ])
  func convertedModelsComputeTheSame(_ name: String) throws {
    let path = TwinNetwork(onnx: name, relay: "").onnxPath
    var model = try OnnxImporter.load(path: path, operators: allOperators).graph
    let text = try RelayPrinter.print(model)
    var back = try RelayImporter.load(text: text, operators: allOperators)
    try LosslessPasses.pipeline.run(on: &model)
    try LosslessPasses.pipeline.run(on: &back)
    var random = SeededGenerator(seed: 5)
    let inputs = model.inputs.map { id in
      let type = model.type(of: id)
      let values = (0..<type.shape.count).map { _ in Float.random(in: 0..<9, using: &random) }
      return Tensor(values, type.shape).converted(to: type.element)
    }
    let engine = try FloatEngine()
    let expected = try engine.prepare(model).outputs(of: inputs)
    #expect(try engine.prepare(back).outputs(of: inputs) == expected)
    #expect(expected.contains { Set($0.converted(to: .float32).floats).count > 1 })
    #expect((back.outline == model.outline) == (name != "digits_vit"))
  }
}
