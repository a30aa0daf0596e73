import Foundation
import Testing
import UQNumerics
import UQSupport

@testable import UQOnnx

@Suite(.enabled(if: hasSharedModels)) struct SharedModelTests {
  private static let names = [
    "ad_autoencoder", "digits_vit", "filetype_magika", "ic_resnet8", "kws_dscnn",
    "motion_nicla_cnn", "ocr_direction_ppocr", "sww_1dconv", "tabular_cancer_mlp", "vad_silero",
    "vww_mobilenet025",
  ]

  private func path(_ name: String) -> String {
    sharedModels.appendingPathComponent(name + "/model.onnx").path
  }

  @Test(arguments: names) func modelIsRead(_ name: String) throws {
    let model = try OnnxModelReader.read(path(name))
    #expect(model.nodeCount > 0)
    #expect(!model.graph.inputs.isEmpty)
    for stored in model.graph.initializers {
      let tensor = try stored.tensor()
      let (nan, infinite) = tensor.nonFiniteCounts
      #expect(nan == 0 && (infinite == 0 || tensor.count == 1))
    }
    let shown = try OnnxInspection.read(path: path(name), operators: [])
    #expect(shown.operators.values.reduce(0, +) == model.nodeCount)
    #expect(!shown.unsupported.isEmpty)
    #expect(shown.inputs.allSatisfy { !$0.shape.contains(-1) })
    #expect(shown.info.warnings.isEmpty)
  }

  @Test func histogramAndParameters() throws {
    let shown = try OnnxInspection.read(path: path("kws_dscnn"), operators: [])
    #expect(
      shown.operators == [
        "Reshape": 2, "Conv": 9, "Relu": 9, "AveragePool": 1, "MatMul": 1, "Add": 1, "Softmax": 1,
      ])
    #expect(shown.inputs == [OnnxPort(name: "input", type: "float32", shape: [1, 49, 10, 1])])
    #expect(shown.unsupported.count == 24)
  }
}
