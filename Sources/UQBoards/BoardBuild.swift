import Foundation
import UQSupport

/// An export compiled for an emulated board.
public struct BoardBuild: ExportBuild {
  /// The board's name.
  public let name: String
  /// What the export takes in flash and RAM.
  public let footprint: Footprint
  /// Its flash by kind of file.
  public let flashParts: FlashParts
  /// The board.
  public let board: Board

  private let harness: VerificationHarness
  private let folder: TemporaryFolder
  private let emulator: String
  private let timeLimit: Double

  /// Compiles and links the program, and compiles the plugin that counts.
  ///
  /// - Parameters:
  ///   - export: The export.
  ///   - board: Any board but ``Board/host``.
  ///   - optimization: Flag for the export's files.
  ///   - timeLimit: Seconds for one ``run(_:)``.
  /// - Throws: `board.name.host`, `board.tool.missing`, `verify.compile.failed`, `verify.link.failed`,
  ///   `board.plugin.failed`, `output.folder.write`, `output.file.write`.
  public init(
    _ export: Export, board: Board, optimization: String = "-O2", timeLimit: Double = 1800
  ) throws {
    guard let emulator = board.emulator else {
      throw Diagnostic(
        id: "board.name.host",
        "'\(board.name)' is this machine, which counts no instructions: name an emulated board ("
          + Board.all.filter { $0.emulator != nil }.map(\.name).joined(separator: ", ") + ")")
    }
    let missing = board.missingTools
    if !missing.isEmpty { throw Diagnostics(missing) }
    name = board.name
    self.board = board
    self.timeLimit = timeLimit
    harness = VerificationHarness(export: export)
    folder = try TemporaryFolder("board")

    let support = try harness.write(to: folder)
    if let source = board.emulatorSource {
      self.emulator = try AvrEmulator.build(in: folder, source: "\(support)/\(source)")
    } else {
      self.emulator = try emulator.locate()
    }
    var headers: [String] = []
    if board.lacksStringHeader {
      headers = [try folder.folder("include")]
      try folder.write("#include \"\(support)/freestanding_string.h\"\n", to: "include/string.h")
    }
    let compilation = Compilation(
      compiler: try board.compiler.locate(), name: board.name, flags: board.flags + [optimization])
    let objects = try compilation.compile(export, headers: headers, into: folder.path)
    let own = try compilation.compile(
      (["verify_main.c", "verify_io_board.c", "semihosting.c", "measure.c"] + board.sources)
        .map { "\(support)/\($0)" },
      // memory.c would otherwise become calls of itself.
      ["-std=c99", "-ffreestanding", "-fno-builtin", "-fno-tree-loop-distribute-patterns"]
        + ["-DVERIFY_ON_BOARD", "-I", support] + export.includeFlags, into: folder.path)
    let program = folder.file("verify")
    try compilation.link(
      own + objects,
      ["-nostdlib", "-L", support, "-T", board.script] + board.libraries,
      to: program, of: export)
    footprint = try Footprint(
      map: "\(program).map", objects: objects, arenaBytes: export.arenaBytes)
    flashParts = try FlashParts(map: "\(program).map", objects: objects, of: export)

    let symbols = try ProcessRunner.run(
      try board.tool("nm").locate(), ["-S", program], in: "/", timeLimit: 60)
    guard symbols.succeeded else {
      throw Diagnostic(
        id: "verify.link.failed", "\(name): nm: \(symbols.tail(1))", at: SourcePlace(file: program))
    }
    try folder.write(symbols.output, to: "symbols")
    try CountingPlugin.build(
      in: folder.path, source: "\(support)/count_plugin.c", emulator: self.emulator)
  }

  /// Computes the outputs of records one after the other and counts what is executed.
  ///
  /// Beside the problems of every build it throws `board.counts.damaged`.
  public func run(_ inputs: [[UInt8]]) throws -> ExportRun {
    try check(inputs, for: harness.export)
    let place = try TemporaryFolder("run")
    try VerificationHarness.write(inputs, in: place.path)
    // Names without commas: QEMU takes those for ends of arguments.
    for file in ["symbols", "count.so"] {
      try FileManager.default.createSymbolicLink(
        atPath: place.file(file), withDestinationPath: folder.file(file))
    }
    let plugin = [
      "./count.so", "start=measure_begin", "stop=measure_end",
      "caller=\(harness.export.entryPoint)", "symbols=symbols", "memory=on", "output=counts",
    ]
    let finished = try ProcessRunner.run(
      emulator,
      board.machine + ["-display", "none", "-monitor", "none", "-serial", "none"]
        + ["-semihosting-config", "enable=on,target=native", "-kernel", folder.file("verify")]
        + ["-plugin", plugin.joined(separator: ",")],
      in: place.path, timeLimit: timeLimit)
    let (records, stack) = try harness.outputs(
      of: finished, in: place.path, first: 0, count: inputs.count, build: name)
    let report = FileManager.default.contents(atPath: place.file("counts")) ?? Data()
    return ExportRun(
      outputs: records, stackBytes: stack,
      counts: try InstructionCounts(report: String(decoding: report, as: UTF8.self)))
  }
}
