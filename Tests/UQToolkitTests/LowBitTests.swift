import Foundation
import Testing
import UQBoards
import UQKernels
import UQQuantizer
import UQSupport

@testable import UQToolkit

/// An emulated board as a build; empty, said aloud, where its tools are missing.
private func emulated(_ name: String) throws -> [BuildConfiguration] {
  let board = try Board.named(name)
  if let missing = board.missingTools.first {
    print("skipped: \(missing)")
    return []
  }
  return [.board(board, "-O2")]
}

@Suite struct LowBitTests {
  static let widths: [WidthRequest] =
    [8, 4, 3, 2, 1].map { .uniform($0) } + [.mixed(MixedBudget(averageBits: 3))]

  private func export(
    _ width: WidthRequest, _ calibration: String, in scratch: Scratch, to name: String,
    threads: Int = 2, target: Target? = nil
  ) throws -> CompiledModel {
    var options = CompileOptions(target: target, method: .minmax, threads: threads)
    options.width = width
    return try ExportTask(
      workspace: workspace(digits), calibrationPath: calibration, name: "digits",
      target: target ?? Target.named("generic"), options: options, output: scratch.file(name)
    ).run()
  }

  @Test(arguments: widths)
  func everyWidthIsTheSimulatorsOnHostAndBoard(_ width: WidthRequest) throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 40)
    let made = try export(width, path, in: scratch, to: "e")
    if case .mixed = width { #expect(Set(made.layerBits.values).count > 1) }
    let boards = try emulated("mps2-an386") + emulated("riscv32")
    let builds = [.host(.gcc, ["-O2"])].filter(\.missingTools.isEmpty) + boards
    let result = try VerifyTask(
      workspace: workspace(digits), calibrationPath: path, exportFolder: scratch.file("e"),
      builds: builds, inputCount: 20, threads: 2, isQuiet: true
    ).run()
    #expect(result.isIdentical, "\(result.problems)")
    #expect(result.builds.count == builds.count && result.outputs > 0)
  }

  /// 18 KB of flash and 3 KB of RAM are within what an AVR128DA48 has.
  @Test(
    arguments: [.uniform(8), .uniform(4), .mixed(MixedBudget(averageBits: 3))] as [WidthRequest])
  func digitsRunOnAnAvr(_ width: WidthRequest) throws {
    let builds = try emulated("avr128da48")
    guard !builds.isEmpty else { return }
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 40)
    _ = try export(width, path, in: scratch, to: "e", target: Target.named("avr"))
    let result = try VerifyTask(
      workspace: workspace(digits), calibrationPath: path, exportFolder: scratch.file("e"),
      builds: builds, inputCount: 3, threads: 2, isQuiet: true
    ).run()
    #expect(result.isIdentical, "\(result.problems)")
    #expect(result.builds.map(\.samples) == [3])
  }

  /// Samples come in another order, in parts, by another number of threads: the same bytes.
  @Test(arguments: [.uniform(3), .mixed(MixedBudget(averageBits: 3))] as [WidthRequest])
  func orderAndThreadsChangeNoByte(_ width: WidthRequest) throws {
    let scratch = try Scratch()
    let data = "\(digits)/samples/calib"
    let (whole, _) = try calibrated(digits, data, in: scratch, limit: 48, threads: 1)
    let parts = try (1...3).map { index -> String in
      let path = scratch.file("part\(index)")
      _ = try CalibrateTask(
        workspace: workspace(digits), data: data, limit: 48, shard: (index, 3), output: path,
        threads: 2, isQuiet: true
      ).run()
      return path
    }
    let merged = scratch.file("merged.uqcal")
    _ = try CalibrateTask.merge(
      [parts[2], parts[0], parts[1]], workspace: workspace(digits), output: merged)
    _ = try export(width, whole, in: scratch, to: "a", threads: 1)
    _ = try export(width, merged, in: scratch, to: "b", threads: 2)
    _ = try export(width, whole, in: scratch, to: "c", threads: 3)
    #expect(try scratch.contents("a") == scratch.contents("b"))
    #expect(try scratch.contents("a") == scratch.contents("c"))
  }

  /// A chip whose file leaves 3 bits out gets none, however they are asked for.
  @Test func targetsCloseWidths() throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 40)
    func chip(_ bits: String) throws -> Target {
      try Target(
        text: #"{"name": "chip", "summary": "a chip", "weight_bits": [\#(bits)]}"#, path: "chip")
    }
    let mixed = WidthRequest.mixed(MixedBudget(averageBits: 3))
    let open = try export(mixed, path, in: scratch, to: "a", target: chip("8, 4, 3, 2"))
    #expect(open.layerBits.values.contains(3))
    let closed = try export(mixed, path, in: scratch, to: "b", target: chip("8, 4, 2"))
    #expect(!closed.layerBits.values.contains(3) && closed.layerBits.values.contains(2))
    #expect(
      problems { _ = try export(.uniform(3), path, in: scratch, to: "c", target: chip("8, 4, 2")) }
        == ["target.bits.closed"])
    // Layers that small networks keep wider stay within what is open, too.
    let two = try export(.uniform(2), path, in: scratch, to: "d", target: chip("4, 2"))
    #expect(Set(two.layerBits.values).isSubset(of: [4, 2]))
  }
}

@Suite struct BudgetTests {
  private func mixed(
    _ budget: MixedBudget, _ path: String, in scratch: Scratch, keepsActivations: Bool = true
  ) throws -> CompiledModel {
    let target = try Target.named("cortex-m4")
    var options = CompileOptions(target: target, method: .minmax, threads: 2)
    options.width = .mixed(MixedBudget(bytesOf: budget.bytesOf))
    (options.flash, options.ram) = (budget.flash, budget.ram)
    options.instructions = budget.instructions
    options.keepsActivations = keepsActivations
    return try ExportTask(
      workspace: workspace(digits), calibrationPath: path, name: "digits", target: target,
      options: options, output: scratch.file("budget")
    ).run()
  }

  @Test func flashRamAndInstructionsAreKeptTogether() throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 40)
    let target = try Target.named("cortex-m4")
    let free = try mixed(MixedBudget(bytesOf: 8), path, in: scratch)
    let cost = ProgramCost(program: free.program, target: target)
    let (arena, flash) = (free.plan.byteCount, cost.flashBytes)
    let work = try #require(cost.instructions)
    let budget = MixedBudget(flash: flash - 1500, instructions: work * 11 / 10, ram: arena)
    let made = try mixed(budget, path, in: scratch)
    let kept = ProgramCost(program: made.program, target: target)
    #expect(kept.flashBytes <= flash - 1500 && kept.flashBytes == made.choices?.flashBytes)
    #expect(kept.instructions ?? .max <= work * 11 / 10)
    #expect(made.plan.byteCount == arena && Set(made.layerBits.values).count > 1)
  }

  /// What no widths can change is refused before anything is measured, with the way out.
  @Test func impossibleBudgetsSayWhatWouldDo() throws {
    let scratch = try Scratch()
    let (path, _) = try calibrated(digits, "\(digits)/samples/calib", in: scratch, limit: 40)
    let arena = try mixed(MixedBudget(bytesOf: 8), path, in: scratch).plan.byteCount
    func message(_ budget: MixedBudget) -> [Diagnostic] {
      do {
        _ = try mixed(budget, path, in: scratch)
        return []
      } catch { return diagnostics(of: error) }
    }
    let ram = message(MixedBudget(ram: arena - 1))
    #expect(ram.map(\.id) == ["export.budget.ram"])
    // Activations of 4 bits are the way out where they may be.
    let narrow = try mixed(MixedBudget(ram: arena - 1), path, in: scratch, keepsActivations: false)
    #expect(narrow.plan.byteCount < arena && narrow.activations?.isNarrow == true)
    #expect(
      ram[0].message.contains("fullest at '/") && ram[0].message.contains("raise --ram by 1;"))
    let flash = message(MixedBudget(flash: 100))
    #expect(flash.map(\.id) == ["allocate.budget.flash"])
    // Raising the limit by what the message says is enough.
    let needed = try #require(
      flash[0].message.split(separator: " ").compactMap {
        Int($0.replacingOccurrences(of: ",", with: ""))
      }.first)
    #expect(message(MixedBudget(flash: needed)).isEmpty)
    #expect(message(MixedBudget(flash: needed - 1)).map(\.id) == ["allocate.budget.flash"])
    #expect(
      message(MixedBudget(flash: 100, instructions: 100, ram: 100)).map(\.id)
        == ["export.budget.ram", "allocate.budget.flash", "allocate.budget.instructions"])
  }
}
