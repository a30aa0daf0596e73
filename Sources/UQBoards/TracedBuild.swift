import Foundation
import UQSupport

/// An export compiled for this machine so that memory can be seen after every kernel call.
///
/// The model's own functions are compiled with `-finstrument-functions` of gcc and clang; the exported files
/// stay as they are.
public struct TracedBuild: Sendable {
  /// Memory after one call of a kernel.
  public struct Snapshot: Sendable {
    /// The arena.
    public let arena: Data
    /// All outputs, one after the other.
    public let outputs: Data
  }

  /// Most bytes of all snapshots of one run.
  private static let mostBytes = 1 << 30

  private let export: Export
  private let folder: TemporaryFolder
  private let program: String

  /// Compiles and links.
  ///
  /// - Throws: `board.tool.missing`, `verify.compile.failed`, `verify.link.failed`,
  ///   `output.folder.write`, `output.file.write`.
  public init(_ export: Export, compiler: Tool = .gcc) throws {
    self.export = export
    let path = try compiler.locate()
    folder = try TemporaryFolder("trace")
    program = folder.file("trace_program")
    let support = try VerificationHarness(export: export).write(to: folder)
    let traced = Compilation(
      compiler: path, name: compiler.name, flags: ["-O1", "-finstrument-functions"])
    let plain = Compilation(compiler: path, name: compiler.name, flags: ["-O1"])
    let objects = try traced.compile(export, into: folder.path)
    let own = try plain.compile(
      ["\(support)/trace_main.c"], ["-std=c99", "-I", support] + export.includeFlags,
      into: folder.path)
    try plain.link(own + objects, [], to: program, of: export)
  }

  /// Snapshots after each call, for each record of input bytes.
  ///
  /// - Throws: `verify.input.size`, `verify.run.crash`, `debug.trace.size`, `output.file.write`.
  public func run(_ inputs: [[UInt8]]) throws -> [[Snapshot]] {
    let size = export.arenaBytes + export.outputBytes
    guard inputs.allSatisfy({ $0.count == export.inputBytes }) else {
      throw Diagnostic(
        id: "verify.input.size", "records are not the \(export.inputBytes) bytes of the inputs",
        at: SourcePlace(file: export.folder))
    }
    guard size * max(1, export.layers.count) * inputs.count <= Self.mostBytes else {
      throw Diagnostic(
        id: "debug.trace.size",
        "\(inputs.count) samples leave more than \(Self.mostBytes >> 20) MiB of traces; use fewer")
    }
    let place = try TemporaryFolder("run")
    try VerificationHarness.write(inputs, in: place.path)
    let finished = try ProcessRunner.run(program, [], in: place.path, timeLimit: 600)
    let trace = FileManager.default.contents(atPath: place.file("trace")) ?? Data()
    guard finished.succeeded, !inputs.isEmpty, trace.count % (size * inputs.count) == 0 else {
      throw Diagnostic(
        id: "verify.run.crash", "the traced export ended by \(finished.endingText)",
        at: SourcePlace(file: export.folder))
    }
    let calls = trace.count / (size * inputs.count)
    return inputs.indices.map { record in
      (0..<calls).map { call in
        let start = trace.startIndex + (record * calls + call) * size
        let middle = start + export.arenaBytes
        return Snapshot(arena: trace[start..<middle], outputs: trace[middle..<start + size])
      }
    }
  }
}
