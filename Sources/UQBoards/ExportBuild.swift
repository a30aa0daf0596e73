import UQSupport

/// An export compiled for one machine, ready to run on records of input bytes.
public protocol ExportBuild: Sendable {
  /// Compiler and flags, or the board: `clang -O3`, `mps2-an386`.
  var name: String { get }
  /// What the export takes in flash and RAM.
  var footprint: Footprint { get }
  /// Computes the outputs of records; a record is all inputs in the model's order without gaps.
  ///
  /// Each run also checks that the model writes nowhere but into its arena and outputs, and that it
  /// refuses an arena that is a byte short and null pointers.
  ///
  /// - Throws: `verify.input.size`, `verify.run.status`, `verify.run.crash`, `verify.run.timeout`,
  ///   `verify.arena.overrun`, `verify.arena.short`, `verify.input.written`, `verify.output.overrun`,
  ///   `verify.pointer.null`, `verify.file.failed`, `board.process.start`, `output.file.write`.
  func run(_ inputs: [[UInt8]]) throws -> ExportRun
}

/// What a run of records gave.
public struct ExportRun: Sendable {
  /// A record of outputs for each record of inputs.
  public var outputs: [[UInt8]]
  /// Bytes of stack below the caller of the model in the first record; `nil` on this machine.
  public var stackBytes: Int?
  /// What was executed; `nil` on this machine.
  public var counts: InstructionCounts?
}

extension ExportBuild {
  /// Refuses records of a wrong size.
  func check(_ inputs: [[UInt8]], for export: Export) throws(Diagnostic) {
    for (index, record) in inputs.enumerated() where record.count != export.inputBytes {
      throw Diagnostic(
        id: "verify.input.size",
        "input record \(index) has \(record.count) bytes, the model's inputs have \(export.inputBytes)",
        at: SourcePlace(file: export.folder))
    }
  }
}

/// Applies `body` to all items on all cores; results are in the items' order.
func concurrentMap<Item: Sendable, Result: Sendable>(
  _ items: [Item], _ body: @escaping @Sendable (Item) throws(Diagnostics) -> Result
) throws(Diagnostics) -> [Result] {
  let outcomes = ConcurrentOutcomes<Result>(count: items.count)
  outcomes.fill { index in
    do throws(Diagnostics) { return .success(try body(items[index])) } catch {
      return .failure(error)
    }
  }
  return try outcomes.results()
}
