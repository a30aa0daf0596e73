import Foundation
import UQBoards
import UQCodegen
import UQKernels
import UQReport
import UQSupport

/// Compiles variants for a board and measures them.
struct DeviceMeasurement {
  /// The board.
  let board: Board

  /// What a variant takes on the board.
  struct Result {
    var flash: FlashUse
    var stackBytes: Int?
    var instructions: Int?
    /// Instructions of each kernel call; empty where nothing was run.
    var callInstructions: [Int]
  }

  /// A measurement on `board`; `nil` where compiler or emulator are not installed.
  init?(_ board: Board?) {
    guard let board, board.emulator != nil, board.missingTools.isEmpty else { return nil }
    self.board = board
  }

  /// Generates a program unless there is an export of it already, compiles it and, if asked, runs it once.
  ///
  /// - Throws: `codegen.*`, `verify.*`, `board.*`.
  func measure(_ compiled: CompiledModel, modelDigest: String, export: Export?, counts: Bool) throws
    -> Result
  {
    if let export { return try measure(compiled, export, counts: counts) }
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("uq-compare-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let files = try CodeGenerator.generate(
      compiled.program, compiled.plan,
      CodegenOptions(name: "model", toolVersion: toolVersion, modelDigest: modelDigest))
    try AtomicFile.writeFolder(files, to: folder)
    return try measure(compiled, Export(folder: folder), counts: counts)
  }

  private func measure(_ compiled: CompiledModel, _ export: Export, counts: Bool) throws -> Result {
    let build = try BoardBuild(export, board: board)
    let parts = build.flashParts
    let weights = compiled.program.weightBytes
    var result = Result(
      flash: FlashUse(
        weights: weights, tables: parts.modelConstants - weights, kernelCode: parts.runtime,
        glue: parts.modelCode, core: board.core), callInstructions: [])
    guard counts else { return result }
    let run = try build.run(VerificationInputs.records(for: export, count: 1))
    result.stackBytes = run.stackBytes
    result.instructions = run.counts?.first.instructions
    result.callInstructions = try run.counts?.perLayer(export.layers).map(\.instructions) ?? []
    return result
  }
}
