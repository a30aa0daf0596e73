import UQSupport

/// The plugin that counts instructions in QEMU, compiled for this machine.
struct CountingPlugin: Sendable {
  /// Version of QEMU's plugin interface that an emulator accepts: 1 to QEMU 8.2, 2 from 9.0 on.
  ///
  /// - Parameter version: What the emulator prints for `--version`.
  static func interface(of version: String) -> Int {
    // "QEMU emulator version 7.2.22 (Debian ...)"
    let number = version.split(separator: " ").drop { $0 != "version" }.dropFirst().first
    let major = number?.split(separator: ".").first.flatMap { Int($0) }
    return (major ?? 0) >= 9 ? 2 : 1
  }

  /// Compiles `count_plugin.c` of the board files to `count.so` in a folder.
  ///
  /// - Throws: `board.tool.missing`, `board.plugin.failed`, `board.process.start`.
  static func build(in folder: String, source: String, emulator: String) throws(Diagnostic) {
    let version = try ProcessRunner.run(emulator, ["--version"], in: "/", timeLimit: 60)
    let interface = interface(of: version.output)
    let compiled = try ProcessRunner.run(
      try Tool.gcc.locate(),
      [
        "-O2", "-std=c99", "-shared", "-fPIC", "-fvisibility=hidden",
        "-DQEMU_PLUGIN_API=\(interface)", "-o", "count.so", source,
      ], in: folder, timeLimit: 300)
    guard compiled.succeeded else {
      throw Diagnostic(
        id: "board.plugin.failed",
        "the counting plugin does not compile with this machine's gcc: \(compiled.tail(3))")
    }
  }
}
