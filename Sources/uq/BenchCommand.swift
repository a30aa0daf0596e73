import ArgumentParser
import Foundation
import UQBoards
import UQSupport
import UQToolkit

struct BenchCommand: DiagnosedCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Counts instructions, stack and bytes of exported C on an emulated board.",
    discussion: """
      EXAMPLES
        uq bench --board mps2-an386
        uq bench --export firmware/kws --board riscv32 --json
      """)

  @OptionGroup var common: CommonOptions

  @Option(help: "Folder of the export.", completion: .directory)
  var export = "export"

  @Option(
    help:
      "Board: \(Board.all.map(\.name).joined(separator: ", ")) (default: that of the export's target, else mps2-an386)."
  )
  var board: String?

  func perform() throws {
    let exported = try Export(folder: export)
    let own = try exported.targetBoard()
    let result = try Benchmark.measure(
      exported,
      on: board.map(Board.named) ?? (own == .host ? Board.named("mps2-an386") : own))
    if common.json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      print(String(decoding: try encoder.encode(result), as: UTF8.self))
      return
    }
    guard !common.quiet else { return }
    let width = result.layers.map { "\($0.instructions)".count }.max() ?? 0
    for layer in result.layers {
      let count = "\(layer.instructions)"
      let padding = String(repeating: " ", count: width - count.count)
      print("  \(padding)\(count)  \(layer.name) (\(layer.operatorName))")
    }
    print(
      """
      \(result.board): \(result.instructions) instructions, \(result.loads) loads, \(result.stores) stores
        flash \(result.flashBytes) bytes, RAM \(result.ramBytes) bytes, stack \(result.stackBytes) bytes
      """)
  }
}
