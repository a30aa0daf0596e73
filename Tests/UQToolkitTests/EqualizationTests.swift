import Foundation
import Testing
import UQBoards
import UQKernels
import UQQuantizer
import UQSupport

@testable import UQToolkit

@Suite struct EqualizationTests {
  private func export(
    _ calibration: String, equalizes: Bool, threads: Int, in scratch: Scratch, to name: String
  ) throws -> CompiledModel {
    var options = CompileOptions(activationBits: 4, method: .mse, threads: threads)
    options.equalizes = equalizes
    return try ExportTask(
      workspace: workspace(shared("kws_dscnn")), calibrationPath: calibration, name: "kws",
      target: Target.named("generic"), options: options, output: scratch.file(name)
    ).run()
  }

  private func manifest(_ name: String, in scratch: Scratch) throws -> [String: Any] {
    let data = try scratch.contents(name)["manifest.json"] ?? Data()
    return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  /// What the manifest says is made again by `uq verify`, for any number of threads.
  @Test(arguments: present(["kws_dscnn"]))
  func exportsWithScaledChannelsAreVerified(_ model: String) throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(shared(model), "\(shared(model))/calib", in: scratch, limit: 48)
    let scaled = try export(path, equalizes: true, threads: 1, in: scratch, to: "one")
    _ = try export(path, equalizes: true, threads: 2, in: scratch, to: "two")
    #expect(try scratch.contents("one") == scratch.contents("two"))
    let plain = try export(path, equalizes: false, threads: 2, in: scratch, to: "plain")
    #expect(!scaled.quantized.equalized.isEmpty && plain.quantized.equalized.isEmpty)
    let entries = try #require(
      try manifest("one", in: scratch)["equalization"] as? [[String: Any]])
    #expect(
      entries.map { $0["layers"] as? [String] } == scaled.quantized.equalized.map { $0.layers })
    #expect(try manifest("plain", in: scratch)["equalization"] is NSNull)
    let builds = [BuildConfiguration.host(.gcc, ["-O2"])].filter(\.missingTools.isEmpty)
    for name in ["two", "plain"] {
      let result = try VerifyTask(
        workspace: workspace(shared(model)), calibrationPath: path,
        exportFolder: scratch.file(name), builds: builds, inputCount: 20, threads: 2, isQuiet: true
      ).run()
      #expect(result.isIdentical, "\(result.problems)")
    }
  }
}
