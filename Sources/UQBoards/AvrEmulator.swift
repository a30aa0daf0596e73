import UQSupport

/// The emulator of AVR boards, compiled for this machine: simavr's processor with QEMU's command line.
struct AvrEmulator: Sendable {
  /// Compiles `avr_board.c` of the board files into a folder; returns the program's path.
  ///
  /// - Throws: `board.tool.missing`, `board.emulator.failed`, `board.process.start`.
  static func build(in folder: TemporaryFolder, source: String) throws(Diagnostic) -> String {
    let program = folder.file("avr_board")
    let compiled = try ProcessRunner.run(
      try Tool.gcc.locate(),
      ["-O2", "-std=c99", "-rdynamic", "-o", program, source, "-lsimavr", "-ldl"],
      in: folder.path, timeLimit: 300)
    guard compiled.succeeded else {
      throw Diagnostic(
        id: "board.emulator.failed",
        "the emulator of AVR boards does not compile with this machine's gcc and simavr: "
          + compiled.tail(3))
    }
    return program
  }
}
