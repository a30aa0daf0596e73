import Foundation
import Testing
import UQBoards
import UQKernels
import UQNumerics
import UQQuantizer
import UQSupport

@testable import UQToolkit

/// The digits network with activations of 4 bits: all, some, and as many as a budget of RAM needs.
@Suite(.serialized) struct NarrowActivationTests {
  private func export(
    _ calibration: String, _ options: CompileOptions, in scratch: Scratch, to name: String = "e"
  ) throws -> CompiledModel {
    try ExportTask(
      workspace: workspace(digits), calibrationPath: calibration, name: "net",
      target: Target.named("generic"), options: options,
      output: scratch.file(name)
    ).run()
  }

  private func calibration(in scratch: Scratch) throws -> String {
    try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 60).path
  }

  /// Compares on this machine and, where it can be emulated, on a Cortex-M4.
  private func verify(_ calibration: String, in scratch: Scratch) throws -> Bool {
    var builds = Array(BuildConfiguration.hostBuilds.prefix(3).suffix(2))
    let board = BuildConfiguration.board(try Board.named("mps2-an386"), "-O2")
    if board.missingTools.isEmpty { builds.append(board) }
    return try VerifyTask(
      workspace: workspace(digits), calibrationPath: calibration, exportFolder: scratch.file("e"),
      builds: builds, inputCount: 60, threads: 2, isQuiet: true
    ).run().isIdentical
  }

  @Test(arguments: [8, 4, 3, 1]) func allInnerActivationsHaveFourBits(bits: Int) throws {
    let scratch = try Scratch()
    let path = try calibration(in: scratch)
    let options = CompileOptions(
      bits: bits, layers: bits == 3 ? [LayerRule("*", bits: 3)] : [], activationBits: 4,
      method: .mse, threads: 2)
    let compiled = try export(path, options, in: scratch)
    let choices = try #require(compiled.activations)
    #expect(choices.layers.filter { $0.bits == 8 }.allSatisfy { $0.obstacle != nil })
    #expect(choices.layers.first?.obstacle == "an input of the network")
    #expect(compiled.plan.byteCount == 1600)
    #expect(compiled.program.packedBufferCount == choices.layers.count { $0.bits == 4 })
    #expect(compiled.program.inputs.allSatisfy { $0.type.element == .int8 })
    #expect(try verify(path, in: scratch))
  }

  /// Edges from 8 to 4 and from 4 to 8 bits, into convolutions, sums and pools.
  @Test func someActivationsHaveFourBits() throws {
    let scratch = try Scratch()
    let path = try calibration(in: scratch)
    let narrow = [
      "/blocks/blocks.0/depthwise/Conv", "/blocks/blocks.0/Add", "/blocks/blocks.2/pointwise/Conv",
      "/blocks/blocks.4/Add",
    ]
    let options = CompileOptions(
      bits: 4, layers: narrow.map { LayerRule($0, activationBits: 4) }, method: .mse, threads: 2)
    let compiled = try export(path, options, in: scratch)
    #expect(compiled.activations?.layers.filter { $0.bits == 4 }.map(\.name) == narrow)
    #expect(try verify(path, in: scratch))
  }

  @Test func rulesKeepActivationsWide() throws {
    let scratch = try Scratch()
    let path = try calibration(in: scratch)
    var options = CompileOptions(
      layers: [LayerRule("*", activationBits: 8)], activationBits: 4, method: .minmax, threads: 2)
    #expect(try export(path, options, in: scratch).activations?.isNarrow == false)
    options.layers = [LayerRule("/classifier/Gemm", activationBits: 4)]
    #expect(
      problems { _ = try export(path, options, in: scratch) } == ["layer.activation.closed"])
    options.layers = [LayerRule("nothing", activationBits: 4)]
    #expect(problems { _ = try export(path, options, in: scratch) } == ["layer.name.unknown"])
  }

  @Test(arguments: [3071, 2600, 2150, 1600]) func theArenaKeepsToItsBudget(ram: Int) throws {
    let scratch = try Scratch()
    let path = try calibration(in: scratch)
    var options = CompileOptions(method: .mse, threads: 2)
    options.ram = ram
    let compiled = try export(path, options, in: scratch)
    let search = try #require(compiled.activations?.searched)
    #expect(compiled.plan.byteCount <= ram)
    #expect(search.arena == compiled.plan.byteCount && search.arenaOf8 == 3072)
    let chosen = compiled.activations?.layers.filter { $0.bits == 4 } ?? []
    #expect(!chosen.isEmpty && chosen.allSatisfy { $0.loss != nil })
    let manifest = try #require(
      JSONSerialization.jsonObject(with: scratch.contents("e")["manifest.json"] ?? Data())
        as? [String: Any])
    #expect(manifest["arena_bytes"] as? Int == search.arena)
    #expect(manifest["narrow_layers"] as? [String] == chosen.map(\.name))
    // Each of them is needed.
    for layer in chosen {
      options.layers = [LayerRule(layer.name, activationBits: 8)]
      options.layers += chosen.filter { $0.name != layer.name }.map {
        LayerRule($0.name, activationBits: 4)
      }
      var without = options
      without.ram = nil
      #expect(try export(path, without, in: scratch, to: "w").plan.byteCount > ram)
    }
  }

  @Test func aBudgetThatIsKeptChangesNothing() throws {
    let scratch = try Scratch()
    let path = try calibration(in: scratch)
    var options = CompileOptions(method: .minmax, threads: 2)
    options.ram = 3072
    #expect(try export(path, options, in: scratch).activations?.isNarrow == false)
    options.ram = 3071
    options.keepsActivations = true
    #expect(problems { _ = try export(path, options, in: scratch) } == ["export.budget.ram"])
    options.keepsActivations = false
    options.ram = 1599
    do {
      _ = try export(path, options, in: scratch)
      Issue.record("accepted")
    } catch {
      let found = diagnostics(of: error)
      #expect(found.map(\.id) == ["export.budget.ram"])
      #expect(found[0].message.contains("raise --ram by 1"))
      #expect(found[0].message.contains("even with 14 activations in 4 bits"))
    }
  }
}
