import Foundation
import Testing
import UQBoards
import UQGraph
import UQKernels
import UQNumerics
import UQQuantizer
import UQReport
import UQSamples
import UQSupport
import UQToolkit

@Suite struct PathTests {
  private func export(
    _ model: String, _ calibration: String, _ options: CompileOptions, in scratch: Scratch,
    to name: String, layouts: PortLayouts = PortLayouts(), disabling: Set<String> = []
  ) throws -> CompiledModel {
    try ExportTask(
      workspace: workspace(model), calibrationPath: calibration, name: "net",
      target: Target.named("generic"), options: options, layouts: layouts,
      disabledPasses: disabling, output: scratch.file(name)
    ).run()
  }

  private func compile(_ folder: String, _ compiler: String) throws -> FinishedProcess {
    try ProcessRunner.run(
      "/bin/sh",
      [
        "-c",
        "\(compiler) -std=c99 -Wall -Wextra -Wconversion -Wshadow -pedantic -Werror *.c "
          + "-o \(compiler).out && ./\(compiler).out",
      ], in: folder, timeLimit: 120)
  }

  @Test func digitsExportsAreDeterministicAndPassTheirSelfTest() throws {
    let scratch = try Scratch()
    let (calibration, warnings) = try calibrated(digits, "\(digits)/samples/calib", in: scratch)
    #expect(warnings.isEmpty)
    let first = try export(
      digits, calibration, CompileOptions(bits: 4, threads: 1), in: scratch, to: "a")
    for threads in [1, 2] {
      _ = try export(
        digits, calibration, CompileOptions(bits: 4, threads: threads), in: scratch, to: "b")
      #expect(try scratch.contents("a") == scratch.contents("b"))
    }
    #expect(first.plan.byteCount > 0)
    for compiler in ["gcc", "clang"] {
      let result = try compile(scratch.file("a"), compiler)
      #expect(result.succeeded, "\(result.tail())")
    }
  }

  @Test(arguments: [8, 4, 3, 2, 1]) func digitsAccuracyIsSane(bits: Int) throws {
    let scratch = try Scratch()
    let (calibration, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch)
    let (report, _) = try CompareTask(
      workspace: workspace(digits), data: "\(digits)/samples/eval", calibrationPath: calibration,
      variants: ["float", "\(bits)"],
      options: CompileOptions(method: bits == 8 ? .auto : .mse, threads: 2), isQuiet: true
    ).run()
    let float = try #require(report.variants[0].accuracy)
    let quantized = try #require(report.variants[1].accuracy)
    #expect((float - 359.0 / 360).magnitude < 1e-9)
    #expect(quantized >= [8: 0.992, 4: 0.98, 3: 0.96, 2: 0.8, 1: 0.05][bits] ?? 1)
  }

  @Test(arguments: [Rounding.single, .double, .shift])
  func roundingsEqualTheSimulatorOnTheHost(_ rounding: Rounding) throws {
    let scratch = try Scratch()
    let (calibration, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 60)
    let compiled = try export(
      digits, calibration, CompileOptions(bits: 8, method: .mse, rounding: rounding, threads: 2),
      in: scratch, to: "e")
    if rounding == .shift {
      for id in compiled.quantized.graph.values.indices {
        for scale in compiled.quantized.graph.values[id].type.quantization?.scales ?? [] {
          #expect(scale.magnitude.significand == 1)
        }
      }
    }
    let result = try VerifyTask(
      workspace: workspace(digits), calibrationPath: calibration, exportFolder: scratch.file("e"),
      builds: Array(BuildConfiguration.hostBuilds.prefix(1)), inputCount: 60, threads: 2,
      isQuiet: true
    ).run()
    #expect(result.isIdentical)
  }

  /// The manifest says that activations have 16 bits, so the same program is made again and compared.
  @Test(arguments: [8, 3]) func sixteenBitActivationsEqualTheSimulator(bits: Int) throws {
    let scratch = try Scratch()
    let (calibration, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 60)
    let options = CompileOptions(bits: bits, activationBits: 16, method: .minmax, threads: 2)
    let compiled = try export(digits, calibration, options, in: scratch, to: "e")
    #expect(compiled.program.inputs.allSatisfy { $0.type.element == .int16 })
    let result = try VerifyTask(
      workspace: workspace(digits), calibrationPath: calibration, exportFolder: scratch.file("e"),
      builds: Array(BuildConfiguration.hostBuilds.prefix(1)), inputCount: 60, threads: 2,
      isQuiet: true
    ).run()
    #expect(result.isIdentical)
  }

  /// The digits network takes NCHW; an export that takes NHWC computes the same from the same picture.
  @Test func layoutsOfPortsChangeNothingElse() throws {
    let scratch = try Scratch()
    let (calibration, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 60)
    let options = CompileOptions(bits: 8, method: .minmax)
    let plain = try export(digits, calibration, options, in: scratch, to: "a")
    let last = try export(
      digits, calibration, options, in: scratch, to: "b", layouts: PortLayouts(input: .nhwc))
    let same = try export(
      digits, calibration, options, in: scratch, to: "c", layouts: PortLayouts(input: .nchw))
    var generator = SeededGenerator(seed: 1)
    let inputs = (0..<20).map { _ in
      (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
    // One channel: the bytes of both layouts are the same, the types are not.
    let wanted = try QuantizedRunner(plain).outputBytes(of: inputs, threads: 2)
    #expect(try QuantizedRunner(last).outputBytes(of: inputs, threads: 2) == wanted)
    #expect(try QuantizedRunner(same).outputBytes(of: inputs, threads: 2) == wanted)
    #expect(plain.program.inputs[0].type.shape == [1, 1, 8, 8])
    #expect(last.program.inputs[0].type.shape == [1, 8, 8, 1])
    #expect(same.program.inputs[0].type.shape == [1, 1, 8, 8])
    #expect(try compile(scratch.file("b"), "gcc").succeeded)
  }

  @Test(.enabled(if: !present(["vww_mobilenet025"]).isEmpty))
  func disablingDeadChannelsChangesNoOutput() throws {
    let model = shared("vww_mobilenet025")
    let scratch = try Scratch()
    let (calibration, _) = try calibrated(model, "\(model)/calib", in: scratch, limit: 12)
    let options = CompileOptions(bits: 8, method: .minmax, threads: 2)
    let lean = try export(model, calibration, options, in: scratch, to: "a")
    let full = try export(
      model, calibration, options, in: scratch, to: "b", disabling: ["eliminate-dead-channels"])
    let weights = { (model: CompiledModel) in
      model.program.constants.reduce(0) { $0 + ($1.role == .weights ? $1.bytes.count : 0) }
    }
    #expect(weights(lean) <= 33_000)
    #expect(weights(full) > 4 * weights(lean))
    let folder = try SampleFolder(
      path: "\(model)/eval", inputs: LoadedModel(workspace(model)).inputs)
    let samples = try stride(from: 0, to: folder.count, by: 25).map { index in
      try folder.tensors(
        for: folder.sample(at: index), inputs: LoadedModel(workspace(model)).inputs)
    }
    let a = try QuantizedRunner(lean).outputs(of: samples, threads: 2)
    let b = try QuantizedRunner(full).outputs(of: samples, threads: 2)
    #expect(a == b)
  }
}
