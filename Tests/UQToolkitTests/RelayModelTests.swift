import Foundation
import Testing
import UQBoards
import UQQuantizer
import UQReport
import UQSupport
import UQToolkit

/// A program of the corpus beside the tree, with the samples of the same network.
struct RelayModel: Sendable, CustomTestStringConvertible {
  var program: String
  var network: String
  var testDescription: String { program }

  var path: String { shared("../relay/corpus/\(program)/model.relay") }
  func workspace() throws -> Workspace { try Workspace(model: path, folder: "/nonexistent") }

  /// Those that are present.
  static func present(_ models: [RelayModel]) -> [RelayModel] {
    models.filter { FileManager.default.fileExists(atPath: $0.path) }
  }
}

/// Relay programs through every command.
@Suite struct RelayModelTests {
  /// This machine, and the emulated Cortex-M4 where its tools are installed.
  private static func hostAndM4() throws -> [BuildConfiguration] {
    let board = BuildConfiguration.board(try Board.named("mps2-an386"), "-O2")
    return BuildConfiguration.hostBuilds.prefix(1) + (board.missingTools.isEmpty ? [board] : [])
  }

  @Test(
    arguments: RelayModel.present([
      RelayModel(program: "mlperf_kws_dscnn_f32", network: "kws_dscnn"),
      RelayModel(program: "mlperf_ic_resnet8_f32", network: "ic_resnet8"),
    ]))
  func floatProgramsAreCalibratedExportedAndCompared(_ model: RelayModel) throws {
    let scratch = try Scratch()
    let inspection = try ModelInspection(model.workspace()).json.pretty
    #expect(inspection.contains("\"relay\""))
    let calibration = scratch.file("calibration.uqcal")
    _ = try CalibrateTask(
      workspace: model.workspace(), data: "\(shared(model.network))/calib", limit: 40,
      output: calibration, threads: 2, isQuiet: true
    ).run()
    _ = try ExportTask(
      workspace: model.workspace(), calibrationPath: calibration, name: "net",
      target: Target.named("cortex-m4"), options: CompileOptions(bits: 8, method: .mse, threads: 2),
      output: scratch.file("export")
    ).run()
    let verified = try VerifyTask(
      workspace: model.workspace(), calibrationPath: calibration,
      exportFolder: scratch.file("export"),
      builds: Self.hostAndM4(), inputCount: 20, threads: 2,
      isQuiet: true
    ).run()
    #expect(verified.isIdentical)
    let (report, _) = try CompareTask(
      workspace: model.workspace(), data: "\(shared(model.network))/eval",
      calibrationPath: calibration, variants: ["float", "8"], limit: 60,
      options: CompileOptions(method: .mse, threads: 2), isQuiet: true
    ).run()
    let float = try #require(report.variants[0].accuracy)
    #expect(float > 0.8)
    #expect(try #require(report.variants[1].accuracy) > float - 0.05)
    #expect(report.variants[1].agreement ?? 0 > 0.9)
  }

  /// The C of integer programs is the simulator's, which is TVM's where the corpus has outputs.
  @Test(
    arguments: RelayModel.present([
      RelayModel(program: "mlperf_kws_dscnn_tflite_i8", network: "kws_dscnn"),
      RelayModel(program: "mlperf_ic_resnet8_tflite_i8", network: "ic_resnet8"),
    ]))
  func integerProgramsBecomeVerifiedC(_ model: RelayModel) throws {
    let scratch = try Scratch()
    _ = try ExportTask(
      workspace: model.workspace(), calibrationPath: scratch.file("none.uqcal"), name: "net",
      target: Target.named("cortex-m4"), options: CompileOptions(bits: 8, threads: 2),
      output: scratch.file("export")
    ).run()
    let verified = try VerifyTask(
      workspace: model.workspace(), calibrationPath: scratch.file("none.uqcal"),
      exportFolder: scratch.file("export"),
      builds: Self.hostAndM4(), inputCount: 20, threads: 2,
      isQuiet: true
    ).run()
    #expect(verified.isIdentical)
  }
}
