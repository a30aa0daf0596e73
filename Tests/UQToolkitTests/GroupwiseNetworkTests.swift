import Foundation
import Testing
import UQBoards
import UQCalibration
import UQKernels
import UQNumerics
import UQQuantizer
import UQReport
import UQSupport

@testable import UQToolkit

/// The digits network with scales for groups of input channels, from the request to the compiled C.
@Suite struct GroupwiseNetworkTests {
  private func options(
    _ width: WidthRequest, groupSize: Int? = nil, layers: [LayerRule] = [],
    activationBits: Int = 8, rounding: Rounding = .single, threads: Int = 2
  ) throws -> CompileOptions {
    var options = CompileOptions(
      layers: layers, target: try Target.named("cortex-m4"), activationBits: activationBits,
      method: .minmax, rounding: rounding, threads: threads)
    options.width = width
    options.groupSize = groupSize
    return options
  }

  private func export(
    _ options: CompileOptions, _ calibration: String, in scratch: Scratch, to name: String = "e"
  ) throws -> CompiledModel {
    try ExportTask(
      workspace: workspace(digits), calibrationPath: calibration, name: "digits",
      target: Target.named("cortex-m4"), options: options, output: scratch.file(name)
    ).run()
  }

  /// Compares on this machine and, where it can be emulated, on a Cortex-M4.
  private func verify(_ calibration: String, in scratch: Scratch) throws -> VerificationResult {
    var builds = Array(BuildConfiguration.hostBuilds.prefix(3).suffix(2))
    let board = BuildConfiguration.board(try Board.named("mps2-an386"), "-O2")
    if board.missingTools.isEmpty { builds.append(board) }
    return try VerifyTask(
      workspace: workspace(digits), calibrationPath: calibration, exportFolder: scratch.file("e"),
      builds: builds, inputCount: 40, threads: 2, isQuiet: true
    ).run()
  }

  /// With shifts alone 2 bits of a depthwise layer need a factor above 1, whatever the others have.
  @Test(
    arguments: [
      (4, .single), (3, .single), (2, .single), (4, .shift), (3, .shift), (4, .double),
    ] as [(Int, Rounding)])
  func everyWidthIsTheSimulatorsOnHostAndBoard(_ bits: Int, _ rounding: Rounding) throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 40)
    let rules = [LayerRule("*", bits: bits)]
    let made = try export(
      options(.uniform(bits), groupSize: 16, layers: rules, rounding: rounding), path, in: scratch)
    let grouped = made.program.calls.filter { $0.kernel.symbol.contains("groupwise") }
    #expect(!grouped.isEmpty && grouped.allSatisfy { $0.kernel.groupSize == 16 })
    #expect(grouped.allSatisfy { $0.kernel.symbol.hasSuffix("_w\(bits)") })
    #expect(made.layerFormats.values.contains(WeightFormat(bits: bits, groupSize: 16)))
    #expect(made.layerFormats.values.contains(WeightFormat(bits: bits)), "none is depthwise")
    #expect(made.quantized.warnings.allSatisfy { $0.id != "groups.layers.none" })
    let result = try verify(path, in: scratch)
    #expect(result.isIdentical && result.outputs > 0, "\(result.problems)")
  }

  /// A factor of 8 bits for 16 weights is half a bit for each.
  @Test func factorsCountAsWeights() throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 20)
    let plain = try export(options(.uniform(4)), path, in: scratch, to: "plain")
    let grouped = try export(options(.uniform(4), groupSize: 16), path, in: scratch)
    let factors = grouped.program.constants.filter { $0.role == .groupScales }
    let bytes = factors.reduce(0) { $0 + $1.bytes.count }
    #expect(bytes > 0)
    #expect(grouped.program.weightBytes == plain.program.weightBytes + bytes)
    let recipe = try ExportRecipe(folder: scratch.file("e"))
    #expect(recipe.layerFormats == grouped.layerFormats && recipe.bits == 4)
    let data = try #require(FileManager.default.contents(atPath: scratch.file("e/manifest.json")))
    let manifest = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(manifest["weight_bytes"] as? Int == grouped.program.weightBytes)
    let layers = try #require(manifest["layers"] as? [[String: Any]])
    let told = layers.reduce(0) { $0 + ($1["weight_bytes"] as? Int ?? 0) }
    #expect(told == grouped.program.weightBytes)
    #expect(layers.contains { $0["group_size"] as? Int == 16 })
    let reports = grouped.layerReports(layers.map { _ in nil })
    #expect(reports.reduce(0) { $0 + $1.weightBytes } == grouped.program.weightBytes)
    #expect(reports.contains { $0.groupSize == 16 && $0.bits == 4 })
    #expect((grouped.averageBits ?? 0) > 4 && plain.averageBits == 4)
    let target = try Target.named("cortex-m4")
    let foreseen = ProgramCost(program: grouped.program, target: target)
    #expect(foreseen.flashBytes > ProgramCost(program: plain.program, target: target).flashBytes)
    for call in grouped.program.calls where call.kernel.groupSize != nil {
      #expect(foreseen.instructions(call) > 0, "\(call.kernel.symbol) was not measured")
      #expect(foreseen.code(call).contains(call.kernel.symbol))
    }
  }

  /// Kernels that were not measured are not taken for free.
  @Test func unmeasuredKernelsHaveNoInstructions() throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 20)
    let chip = try Target(
      text: #"""
        {"name": "chip", "summary": "", "weight_bits": [8, 4], "weight_groups": [16],
         "instructions": {"board": "mps2-an386", "kernels": {"uq_conv2d_s8": {"mac": 2, "output": 9}}}}
        """#, path: "chip")
    let plain = try export(options(.uniform(8)), path, in: scratch, to: "plain")
    let grouped = try export(options(.uniform(4), groupSize: 16), path, in: scratch)
    #expect(plain.instructions(on: chip) ?? 0 > 0 && grouped.instructions(on: chip) == nil)
    var limited = try options(
      .mixed(MixedBudget(weightBytes: 4400, instructions: 1 << 40)), groupSize: 16)
    limited.target = chip
    let made = try export(limited, path, in: scratch, to: "mixed")
    let choices = try #require(made.choices)
    #expect(choices.layers.allSatisfy { $0.options.allSatisfy { $0.groupSize == nil } })
  }

  @Test func threadsDoNotMatter() throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 40)
    for threads in [1, 3] {
      _ = try export(
        options(.uniform(3), groupSize: 16, threads: threads), path, in: scratch, to: "\(threads)")
    }
    #expect(try scratch.contents("1") == scratch.contents("3"))
  }

  /// Without samples weights are rounded to nearest, in groups all the same.
  @Test func calibrationsWithoutSamplesHaveGroups() throws {
    let scratch = try Scratch()
    let path = scratch.file("none.uqcal")
    _ = try CalibrateTask(
      workspace: workspace(digits), data: "\(digits)/samples/calib", sampleLimit: 0, output: path,
      threads: 2, isQuiet: true
    ).run()
    let made = try export(
      options(.uniform(4), groupSize: 16), path, in: scratch)
    #expect(made.program.constants.contains { $0.role == .groupScales })
    #expect(try verify(path, in: scratch).isIdentical)
  }

  @Test func mixedNetworksHaveGroupsWhereTheyPay() throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch)
    let request = WidthRequest.mixed(MixedBudget(weightBytes: 4400, flash: 64 << 10))
    let plain = try export(options(request), path, in: scratch, to: "plain")
    let made = try export(options(request, groupSize: 16), path, in: scratch)
    let choices = try #require(made.choices)
    #expect(choices.weightBytes == made.program.weightBytes)
    #expect(choices.flashBytes == made.flashBytes(on: try Target.named("cortex-m4")))
    #expect(choices.layers.contains { $0.format.groupSize == 16 })
    #expect(choices.loss <= plain.choices?.loss ?? 0)
    for layer in choices.layers {
      let grouped = layer.options.filter { $0.groupSize != nil }
      for option in grouped {
        let same = try #require(
          layer.options.first { $0.bits == option.bits && $0.groupSize == nil })
        #expect(option.loss <= same.loss && option.weightBytes > same.weightBytes)
      }
    }
    #expect(choices.table.contains("g16"))
    let recipe = try ExportRecipe(folder: scratch.file("e"))
    #expect(recipe.layerFormats == made.layerFormats)
    let told = try #require(recipe.allocation)
    #expect(told.layers.map(\.groupSize) == choices.layers.map(\.format.groupSize))
    let result = try verify(path, in: scratch)
    #expect(result.isIdentical && result.outputs > 0, "\(result.problems)")
  }

  @Test func namedLayersThatCannotAreRefused() throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 10)
    let depthwise = "/blocks/blocks.0/depthwise/Conv"
    let wide = "/blocks/blocks.2/pointwise/Conv"
    func attempt(_ rules: [LayerRule], activationBits: Int = 8) -> [String] {
      problems {
        _ = try export(
          options(.uniform(8), layers: rules, activationBits: activationBits), path, in: scratch)
      }
    }
    #expect(
      attempt([LayerRule(depthwise, bits: 4, groupSize: 16)]) == ["layer.groups.closed"])
    #expect(
      attempt([LayerRule(wide, bits: 4, groupSize: 16)], activationBits: 4)
        == ["layer.groups.closed"])
    #expect(attempt([LayerRule(wide, bits: 4, groupSize: 24)]) == ["target.groups.closed"])
    let passed = try export(
      options(.uniform(8), layers: [LayerRule("*", bits: 4, groupSize: 16)]), path, in: scratch)
    #expect(passed.layerFormats[depthwise] == 4)
    #expect(passed.layerFormats[wide] == WeightFormat(bits: 4, groupSize: 16))
    // As many channels as a group has are one scale.
    let whole = try export(
      options(.uniform(8), layers: [LayerRule(wide, bits: 4, groupSize: 64)]), path, in: scratch)
    #expect(whole.layerFormats[wide] == 4)
    let without = try export(options(.uniform(8), groupSize: 16), path, in: scratch)
    #expect(without.quantized.warnings.map(\.id).contains("groups.layers.none"))
    let single = try export(
      options(.uniform(4), groupSize: 16, layers: [LayerRule(wide, bits: 4, groupSize: 0)]), path,
      in: scratch)
    #expect(single.layerFormats[wide] == 4 && Set(single.layerFormats.values).count == 2)
  }
}
