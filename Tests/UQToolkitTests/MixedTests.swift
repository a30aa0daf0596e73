import Foundation
import Testing
import UQBoards
import UQKernels
import UQNumerics
import UQQuantizer
import UQReport
import UQSupport

@testable import UQToolkit

@Suite struct MixedTests {
  private func export(
    _ options: CompileOptions, _ calibration: String, in scratch: Scratch, to name: String,
    target: Target, flash: Int? = nil
  ) throws -> CompiledModel {
    var options = options
    options.flash = flash
    return try ExportTask(
      workspace: workspace(digits), calibrationPath: calibration, name: "digits", target: target,
      options: options, output: scratch.file(name)
    ).run()
  }

  private func options(
    _ width: WidthRequest, layers: [LayerRule] = [], target: Target? = nil, threads: Int = 2
  ) -> CompileOptions {
    var options = CompileOptions(
      layers: layers, target: target, method: .minmax, threads: threads)
    options.width = width
    return options
  }

  @Test func widthsKeepTheBytesOfFourBits() throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch)
    let generic = try Target.named("generic")
    let four = try export(options(.uniform(4)), path, in: scratch, to: "4", target: generic)
    let budget = MixedBudget(bytesOf: 4, flash: 64 << 10)
    let mixed = try export(
      options(.mixed(budget), threads: 1), path, in: scratch, to: "a", target: generic)
    _ = try export(options(.mixed(budget)), path, in: scratch, to: "b", target: generic)
    #expect(mixed.program.weightBytes <= four.program.weightBytes)
    #expect(mixed.program.weightBytes == mixed.choices?.weightBytes)
    #expect(Set(mixed.layerBits.values).count > 1)
    #expect(mixed.choices?.gap ?? 1 <= 0.001)
    #expect(try scratch.contents("a") == scratch.contents("b"))
  }

  /// Its standardised input takes weight bytes that no choice changes.
  @Test(.enabled(if: !present(["motion_nicla_cnn"]).isEmpty))
  func weightsOutsideOfLayersCount() throws {
    let scratch = try Scratch()
    let model = shared("motion_nicla_cnn")
    let (path, _) = try calibrated(model, "\(model)/calib", in: scratch, limit: 40)
    let compiled = try ExportTask(
      workspace: workspace(model), calibrationPath: path, name: "motion",
      target: Target.named("generic"),
      options: options(.mixed(MixedBudget(weightBytes: 2084))), output: scratch.file("a")
    ).run()
    #expect(compiled.program.weightBytes <= 2084)
    #expect(compiled.program.weightBytes == compiled.choices?.weightBytes)
  }

  @Test(.enabled(if: !present(["kws_dscnn"]).isEmpty))
  func smallLayersMayHaveMoreThanFourBits() throws {
    let scratch = try Scratch()
    let model = shared("kws_dscnn")
    let (path, _) = try calibrated(model, "\(model)/calib", in: scratch, limit: 40)
    let chip = try Target.named("cortex-m4")
    func export(_ layers: [LayerRule] = [], flash: Int? = nil) throws -> CompiledModel {
      var options = options(.uniform(4), layers: layers, target: chip)
      options.flash = flash
      return try ExportTask(
        workspace: workspace(model), calibrationPath: path, name: "kws", target: chip,
        options: options, output: scratch.file("a")
      ).run()
    }
    let uniform = try export([LayerRule("*", bits: 4)])
    #expect(Set(uniform.layerBits.values) == [4])
    let raised = try export()
    #expect(Set(raised.layerBits.values) == [8, 4])
    let more = raised.program.weightBytes - uniform.program.weightBytes
    #expect(more > 0 && more <= 2 * uniform.program.weightBytes / 25)
    // The budget has no room for the code of a second width.
    let flash = ProgramCost(program: uniform.program, target: chip).flashBytes
    let tight = try export(flash: flash)
    #expect(ProgramCost(program: tight.program, target: chip).flashBytes <= flash)
    #expect(throws: Diagnostics.self) { try export(flash: flash - 1) }
  }

  /// Wider layers of a small network give back at most a third of the flash that a width saves, their kernels' code
  /// included, and take no more than the next width everywhere.
  @Test(arguments: ["cortex-m4", "avr", "generic"], [4, 3, 2])
  func codeOfFurtherWidthsCounts(_ chip: String, _ bits: Int) throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 40)
    let target = try Target.named(chip)
    func flash(_ bits: Int, layers: [LayerRule] = []) throws -> Int {
      let made = try export(
        options(.uniform(bits), layers: layers, target: target), path, in: scratch, to: "a",
        target: target)
      return ProgramCost(program: made.program, target: target.withCode).flashBytes
    }
    let (eight, uniform) = (try flash(8), try flash(bits, layers: [LayerRule("*", bits: bits)]))
    #expect(uniform < eight)
    let wider = bits == 4 ? uniform : try flash(bits + 1, layers: [LayerRule("*", bits: bits + 1)])
    let chosen = try flash(bits)
    #expect(chosen <= uniform + (eight - uniform) / 3 && chosen <= max(uniform, wider))
  }

  /// Nor do mixed widths give back more, where no other budget is given.
  @Test(arguments: ["cortex-m4", "avr", "generic"])
  func mixedWidthsOfSmallNetworksTakeLittleCode(_ chip: String) throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 40)
    let target = try Target.named(chip)
    func export(_ width: WidthRequest, _ layers: [LayerRule] = []) throws -> CompiledModel {
      try self.export(
        options(width, layers: layers, target: target), path, in: scratch, to: "a", target: target)
    }
    func flash(_ made: CompiledModel) -> Int {
      ProgramCost(program: made.program, target: target.withCode).flashBytes
    }
    let eight = try flash(export(.uniform(8)))
    let uniform = try flash(export(.uniform(4), [LayerRule("*", bits: 4)]))
    let mixed = try export(.mixed(MixedBudget()))
    #expect(flash(mixed) <= uniform + (eight - uniform) / 3)
    let own = ProgramCost(program: mixed.program, target: target).flashBytes
    #expect(mixed.choices?.flashBytes == own)
    // Asked for by its bytes it may have many widths.
    let more = try export(.mixed(MixedBudget(bytesOf: 4, flash: 64 << 10)))
    #expect(Set(more.layerBits.values).count > 1)
  }

  /// Widths that are given may take more than 8 bits would: a limit that nobody gave refuses nothing.
  @Test func givenWidthsAreNotRefused() throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 40)
    let chip = try Target.named("avr")
    func flash(_ width: WidthRequest, _ layers: [LayerRule]) throws -> Int {
      let made = try export(
        options(width, layers: layers, target: chip), path, in: scratch, to: "a", target: chip)
      return ProgramCost(program: made.program, target: chip).flashBytes
    }
    let rules = [
      LayerRule("@first", bits: 8), LayerRule("@last", bits: 3), LayerRule("*blocks.1*", bits: 2),
    ]
    #expect(try flash(.mixed(MixedBudget()), rules) > flash(.uniform(8), []))
  }

  @Test func exportsOfMixedWidthsAreMadeAgain() throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch)
    let generic = try Target.named("generic")
    let made = try export(
      options(.mixed(MixedBudget(averageBits: 3)), layers: [LayerRule("@last", bits: 8)]), path,
      in: scratch, to: "a", target: generic)
    #expect(made.averageBits ?? 9 <= 3.1)
    let recipe = try ExportRecipe(folder: scratch.file("a"))
    #expect(recipe.layerFormats == made.layerFormats)
    let result = try VerifyTask(
      workspace: workspace(digits), calibrationPath: path, exportFolder: scratch.file("a"),
      builds: [BuildConfiguration.hostBuilds[0]], inputCount: 20, threads: 2, isQuiet: true
    ).run()
    #expect(result.isIdentical && result.outputs > 0)
  }

  /// What the linker keeps is what was foreseen, within 1 %.
  @Test(
    arguments: ["cortex-m4", "cortex-m0", "rv32imc", "avr"],
    [.uniform(8), .uniform(2), .mixed(MixedBudget(averageBits: 3.5))] as [WidthRequest])
  func flashIsForeseen(_ chip: String, _ width: WidthRequest) throws {
    let target = try Target.named(chip)
    let board = try #require(target.board)
    let code = try #require(target.code)
    guard board.missingTools.isEmpty else {
      print("skipped: no compiler for \(board.core)")
      return
    }
    let version =
      try ProcessRunner.run(
        board.compiler.locate(), ["-dumpfullversion", "-dumpversion"], in: "/", timeLimit: 60
      ).output.split(separator: "\n").first ?? ""
    guard code.compiler.contains(" \(version) ") else {
      print("skipped: the target was measured with \(code.compiler), this is \(version)")
      return
    }
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch)
    let made = try export(
      options(width, target: target), path, in: scratch, to: "a", target: target)
    let foreseen = ProgramCost(program: made.program, target: target).flashBytes
    if let choices = made.choices { #expect(choices.flashBytes == foreseen) }
    let linked = try Footprint.measure(Export(folder: scratch.file("a")), on: board).flashBytes
    #expect(abs(foreseen - linked) * 100 <= linked)
  }

  @Test func flashBudgetsAreKept() throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch)
    let target = try Target.named("cortex-m4")
    let eight = try export(
      options(.uniform(8), target: target), path, in: scratch, to: "8", target: target)
    let most = ProgramCost(program: eight.program, target: target).flashBytes
    let budget = most - 900
    let made = try export(
      options(.mixed(MixedBudget(flash: budget)), target: target), path, in: scratch, to: "a",
      target: target, flash: budget)
    let taken = ProgramCost(program: made.program, target: target).flashBytes
    #expect(taken <= budget && taken > budget / 2)
  }

  @Test func withoutSamplesNothingIsMeasured() throws {
    let scratch = try Scratch()
    let path = scratch.file("none.uqcal")
    _ = try CalibrateTask(
      workspace: workspace(digits), data: "\(digits)/samples/calib", sampleLimit: 0, output: path,
      threads: 2, isQuiet: true
    ).run()
    let found = problems {
      _ = try export(
        options(.mixed(MixedBudget())), path, in: scratch, to: "a", target: .named("generic"))
    }
    #expect(found == ["mixed.samples.missing"])
  }

  @Test func frontiersGoFromTwoToEightBits() throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch)
    var task = CompareTask(
      workspace: try workspace(digits), data: "\(digits)/samples/eval", calibrationPath: path,
      variants: ["float"], limit: 40, options: CompileOptions(method: .minmax, threads: 2),
      isQuiet: true)
    task.frontierPoints = 4
    let points = try task.run().report.variants.dropFirst()
    #expect(points.count == 4)
    #expect(points.first?.bits == 2 && points.last?.bits == 8)
    task.variants.append("8")
    #expect(try task.run().report.variants.count == 5, "8 bits are there already")
    for (a, b) in zip(points, points.dropFirst()) { #expect(a.weightBytes < b.weightBytes) }
    for point in points {
      #expect(point.name == "mixed:\(point.weightBytes)" && point.accuracy != nil)
    }
  }
}
