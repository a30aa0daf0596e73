import Foundation
import Testing
import UQKernels
import UQNumerics
import UQQuantizer
import UQReport
import UQSamples
import UQSupport
import UQToolkit

@Suite struct SharedModelTests {
  /// Samples of a model in the order of `expected_float.npy`.
  private func samples(_ name: String, _ model: LoadedModel, limit: Int) throws -> [[Tensor]] {
    let path =
      ["eval", "calib", "example_inputs.npy"].map { "\(shared(name))/\($0)" }
      .first { FileManager.default.fileExists(atPath: $0) } ?? ""
    let folder = try SampleFolder(path: path, inputs: model.inputs)
    return try (0..<min(limit, folder.count)).map {
      try folder.tensors(for: folder.sample(at: $0), inputs: model.inputs)
    }
  }

  @Test(
    arguments: present([
      "kws_dscnn", "ic_resnet8", "vww_mobilenet025", "ad_autoencoder", "motion_nicla_cnn",
      "ocr_direction_ppocr", "sww_1dconv",
    ]))
  func floatEqualsTheExpectedOutputs(_ name: String) throws {
    let model = try LoadedModel(workspace(shared(name)))
    let samples = try samples(name, model, limit: 12)
    let outputs = try FloatRunner(model.optimized).outputs(of: samples, threads: 2).map {
      $0[0].floats
    }
    let expected = try NumPyFile.read("\(shared(name))/expected_float.npy").floats
    let width = outputs[0].count
    for (index, output) in outputs.enumerated() {
      let wanted = expected[index * width..<(index + 1) * width]
      let largest = wanted.reduce(0) { max($0, $1.magnitude) }
      for (x, y) in zip(output, wanted) { #expect((x - y).magnitude <= 1e-4 * largest) }
    }
  }

  struct Goal: Sendable, CustomTestStringConvertible {
    var name: String
    var float: Double
    var agreement: Double
    var eight: Double
    var four: Double
    var arena: Int
    var testDescription: String { name }
  }

  /// Kept short: the whole of kws, a part of the others with room for the noise of few samples.
  @Test(
    arguments: [
      Goal(
        name: "kws_dscnn", float: 0.9133, agreement: 0.98, eight: 0.9053, four: 0.89, arena: 17_000),
      Goal(
        name: "ic_resnet8", float: 0.8682, agreement: 0.96, eight: 0.82, four: 0.6, arena: 50_000),
    ].filter { !present([$0.name]).isEmpty })
  func accuracyAfterQuantization(_ goal: Goal) throws {
    let scratch = try Scratch()
    let folder = shared(goal.name)
    let (calibration, warnings) = try calibrated(folder, "\(folder)/calib", in: scratch, limit: 100)
    #expect(warnings.map(\.id).filter { $0 != "calibrate.lint.dead-channels" }.isEmpty)
    let isWhole = goal.name == "kws_dscnn"
    let (report, _) = try CompareTask(
      workspace: workspace(folder), data: "\(folder)/eval", calibrationPath: calibration,
      variants: ["float", "8", "4"], limit: isWhole ? nil : 60,
      options: CompileOptions(method: isWhole ? .auto : .mse, threads: 2), isQuiet: true
    ).run()
    let float = try #require(report.variants[0].accuracy)
    if isWhole { #expect((float - goal.float).magnitude < 0.0005) }
    #expect(report.variants[1].agreement ?? 0 >= goal.agreement)
    #expect(report.variants[1].accuracy ?? 0 >= goal.eight)
    #expect(report.variants[2].accuracy ?? 0 >= goal.four)
    #expect(report.variants[1].ramBytes <= goal.arena)
    let eight = report.variants[1].weightBytes
    #expect(Double(report.variants[2].weightBytes) <= 0.62 * Double(eight))
  }

  @Test(
    arguments: present(["digits_vit", "filetype_magika", "vad_silero", "tabular_cancer_mlp"]))
  func inspectsWhatIsNotSupported(_ name: String) throws {
    let inspection = try ModelInspection(workspace(shared(name)))
    #expect(inspection.json.pretty.contains("\"unsupported\""))
  }
}
