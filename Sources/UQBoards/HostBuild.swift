import Foundation
import UQSupport

/// An export compiled for this machine.
public struct HostBuild: ExportBuild {
  public let name: String
  public let footprint: Footprint

  private let harness: VerificationHarness
  private let folder: TemporaryFolder
  private let program: String
  private let timeLimit: Double

  /// Compiles and links.
  ///
  /// - Parameters:
  ///   - export: The export.
  ///   - compiler: ``Tool/gcc``, ``Tool/clang`` or another compiler that takes their arguments.
  ///   - flags: Optimisation and sanitizers: `["-O3"]`, `["-O1", "-fsanitize=undefined,address"]`.
  ///   - timeLimit: Seconds for one ``run(_:)``.
  /// - Throws: `board.tool.missing`, `verify.compile.failed`, `verify.link.failed`,
  ///   `output.folder.write`, `output.file.write`.
  public init(
    _ export: Export, compiler: Tool = .gcc, flags: [String], timeLimit: Double = 3600
  ) throws {
    name = ([compiler.name] + flags).joined(separator: " ")
    harness = VerificationHarness(export: export)
    self.timeLimit = timeLimit
    let path = try compiler.locate()
    folder = try TemporaryFolder("host")
    program = folder.file("verify")
    let support = try harness.write(to: folder)
    let isSanitized = flags.contains { $0.hasPrefix("-fsanitize") }
    let compilation = Compilation(
      compiler: path, name: name,
      flags: flags + (isSanitized ? ["-g", "-fno-sanitize-recover=all"] : []))
    let objects = try compilation.compile(export, into: folder.path)
    let own = try compilation.compile(
      ["verify_main.c", "verify_io_host.c"].map { "\(support)/\($0)" },
      ["-std=c99", "-I", support] + export.includeFlags, into: folder.path)
    try compilation.link(own + objects, [], to: program)
    footprint = try Footprint(
      map: "\(program).map", objects: objects, arenaBytes: export.arenaBytes)
  }

  /// Computes the outputs of records on all cores; results do not depend on their number.
  public func run(_ inputs: [[UInt8]]) throws -> ExportRun {
    try check(inputs, for: harness.export)
    let cores = max(1, ProcessInfo.processInfo.activeProcessorCount)
    // The refusals are checked after the last record of each part, so an empty run has one part too.
    let size = max(1, (inputs.count + cores - 1) / cores)
    let parts = stride(from: 0, to: max(1, inputs.count), by: size).map { start in
      start..<min(inputs.count, start + size)
    }
    let outputs = try concurrentMap(parts) { part throws(Diagnostics) in
      do throws(Diagnostic) { return try run(inputs, part) } catch { throw Diagnostics([error]) }
    }
    return ExportRun(outputs: outputs.flatMap(\.self))
  }

  private func run(_ inputs: [[UInt8]], _ part: Range<Int>) throws(Diagnostic) -> [[UInt8]] {
    let place = try TemporaryFolder("run")
    try VerificationHarness.write(inputs[part], in: place.path)
    let finished = try ProcessRunner.run(
      program, [], in: place.path,
      // Leaks cannot be looked for where processes may not be traced, and there is no heap.
      environment: ["ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=0"],
      timeLimit: timeLimit)
    return try harness.outputs(
      of: finished, in: place.path, first: part.lowerBound, count: part.count, build: name
    ).records
  }
}
