import Foundation
import Testing

/// A board, and how a program for it is built and started.
struct SupportedBoard: CustomTestStringConvertible, Sendable {
  var name: String
  var tools: String
  var emulator: String
  var machine: [String]
  var flags: [String]
  var script: String
  var startup: [String]
  /// The emulator's C, where `emulator` is compiled from it.
  var emulatorSource: String?

  var testDescription: String { name }

  private static func arm(
    _ name: String, _ flags: [String], _ script: String, machine: String? = nil
  ) -> Self {
    SupportedBoard(
      name: name, tools: "arm-none-eabi-", emulator: "qemu-system-arm",
      machine: ["-M", machine ?? name],
      flags: ["-mthumb"] + flags, script: script, startup: ["startup_arm.c"])
  }

  static let all = [
    arm("mps2-m0", ["-mcpu=cortex-m0"], "mps2.ld", machine: "mps2-an385"),
    arm("mps2-an385", ["-mcpu=cortex-m3"], "mps2.ld"),
    arm("mps2-an386", ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"], "mps2.ld"),
    arm("mps2-an500", ["-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"], "mps2.ld"),
    arm(
      "mps2-an505", ["-mcpu=cortex-m33", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"], "mps2_an505.ld"),
    arm("mps3-an547", ["-mcpu=cortex-m55", "-mfloat-abi=hard"], "mps3_an547.ld"),
    SupportedBoard(
      name: "riscv32-virt", tools: "riscv64-unknown-elf-", emulator: "qemu-system-riscv32",
      machine: ["-M", "virt", "-cpu", "rv32", "-bios", "none"],
      flags: ["-march=rv32imc", "-mabi=ilp32"], script: "riscv32_virt.ld",
      startup: ["startup_riscv.S", "memory.c"]),
    SupportedBoard(
      name: "avr128da48", tools: "avr-", emulator: "simavr", machine: [],
      flags: ["-mmcu=avrxmega4"], script: "avr128da48.ld", startup: ["startup_avr.S", "memory.c"],
      emulatorSource: "avr_board.c"),
  ]

  static let available = all.filter {
    find($0.tools + "gcc") != nil && find($0.emulator) != nil && find("cc") != nil
      && ($0.emulatorSource == nil
        || FileManager.default.fileExists(atPath: "/usr/include/simavr/sim_avr.h"))
  }
}

private func find(_ program: String) -> String? {
  (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .map { "\($0)/\(program)" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }
}

private struct Finished {
  var status: Int32
  var output: String
}

/// Runs a program of `PATH` to its end, 60 seconds at most; `output` is both streams.
private func run(_ program: String, _ arguments: [String], in folder: URL) throws -> Finished {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: try #require(find("timeout")))
  process.arguments = ["60", program] + arguments
  process.currentDirectoryURL = folder
  process.standardInput = FileHandle.nullDevice
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = pipe
  try process.run()
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return Finished(
    status: process.terminationStatus, output: String(decoding: data, as: UTF8.self))
}

private let support = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "Sources/UQBoards/Support")

private let runtime = support.deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "UQRuntime")

/// Builds a program of C text for a board and runs it, with the plugin's arguments where given.
private func emulate(
  _ program: String, on board: SupportedBoard, counting: String? = nil,
  check: (_ run: Finished, _ folder: URL) throws -> Void
) throws {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "uq-board-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try program.write(to: folder.appending(path: "main.c"), atomically: true, encoding: .utf8)

  let sources = ["semihosting.c", "measure.c"] + board.startup
  let compiled = try run(
    board.tools + "gcc",
    ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
      + ["-ffreestanding", "-fno-builtin", "-fno-tree-loop-distribute-patterns"] + board.flags
      + ["-I", support.path, "-I", runtime.path, "-I", "\(runtime.path)/include", "main.c"]
      + sources.map { support.appending(path: $0).path }
      + ["-nostdlib", "-L", support.path, "-T", board.script, "-lgcc", "-o", "main.elf"],
    in: folder)
  try #require(compiled.status == 0, "\(compiled.output)")

  var plugin: [String] = []
  if let counting {
    let source = support.appending(path: "count_plugin.c").path
    let built = try run(
      "cc",
      ["-O2", "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"]
        + ["-shared", "-fPIC", "-fvisibility=hidden", "-o", "count.so", source],
      in: folder)
    try #require(built.status == 0, "\(built.output)")
    let symbols = try run(board.tools + "nm", ["-S", "main.elf"], in: folder)
    try symbols.output.write(
      to: folder.appending(path: "symbols"), atomically: true, encoding: .utf8)
    plugin = ["-plugin", "./count.so,symbols=symbols,output=counts,\(counting)"]
  }
  var emulator = board.emulator
  if let source = board.emulatorSource {
    let built = try run(
      "cc",
      ["-O2", "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"]
        + ["-rdynamic", "-o", "emulator", support.appending(path: source).path]
        + ["-lsimavr", "-ldl"],
      in: folder)
    try #require(built.status == 0, "\(built.output)")
    emulator = folder.appending(path: "emulator").path
  }
  let finished = try run(
    emulator,
    board.machine + ["-display", "none", "-monitor", "none", "-serial", "none"]
      + ["-semihosting-config", "enable=on,target=native", "-kernel", "main.elf"] + plugin,
    in: folder)
  try check(finished, folder)
}

@Suite(
  "Support files of emulated boards",
  .enabled(if: !SupportedBoard.available.isEmpty, "needs a cross compiler, cc and QEMU"))
struct BoardSupportTests {
  /// Text, initialised and zeroed data, files of the host, the exit status, the stack.
  @Test("A program starts, talks to the host and ends", arguments: SupportedBoard.available)
  func starts(board: SupportedBoard) throws {
    let program = """
      #include "measure.h"
      #include "semihosting.h"
      static volatile uint32_t set = 41, zero;
      __attribute__((noinline)) static void deep(void) {
          volatile uint8_t bytes[1000];
          for (unsigned i = 0; i < sizeof bytes; i++)
              bytes[i] = 1;
      }
      int main(void) {
          set++;
          semihosting_write_number(set);
          semihosting_write_text(" ");
          semihosting_write_hex(zero);
          stack_fill();
          deep();
          const uint32_t used = stack_used();
          semihosting_write_text(used >= 1000u && used < 1100u ? " stack" : " no stack");
          static const char text[] = "to the host";
          int file = semihosting_open_for_writing("file");
          if (semihosting_write(file, text, sizeof text) != 0 || semihosting_close(file) != 0)
              return 1;
          char back[64];
          file = semihosting_open_for_reading("file");
          if (semihosting_read(file, back, sizeof back) != sizeof text)
              return 2;
          if (semihosting_open_for_reading("absent") != -1)
              return 3;
          return back[3] == 't' ? 77 : 4;
      }
      """
    try emulate(program, on: board) { run, _ in
      #expect(run.output == "42 0x00000000 stack")
      #expect(run.status == 77)
    }
  }

  @Test("An exception is reported and ends the program", arguments: SupportedBoard.available)
  func exception(board: SupportedBoard) throws {
    let undefined =
      switch board.tools {
      case "arm-none-eabi-": ".short 0xde00"
      case "avr-": ".short 0x0001"
      default: ".word 0"
      }
    let program = "int main(void) { __asm__ volatile(\"\(undefined)\"); return 0; }\n"
    try emulate(program, on: board) { run, _ in
      #expect(run.output.contains(" at 0x"))
      #expect(run.status == 120)
    }
  }

  /// Loops that are known by heart.
  private struct Loops {
    /// Assembler, its instructions for one round and for the rest.
    var spin: (text: String, round: Int, rest: Int)
    /// The same with two loads and a store in a round.
    var move: (text: String, round: Int, rest: Int)

    init(_ board: SupportedBoard) {
      switch board.tools {
      case "arm-none-eabi-":
        spin = (".syntax unified\\n 1: subs r0, #1\\n bne 1b\\n bx lr", 2, 1)
        move = (
          ".syntax unified\\n 1: ldr r2, [r1]\\n ldr r2, [r1, #4]\\n str r2, [r1]\\n subs r0, #1\\n bne 1b\\n bx lr",
          5,
          1
        )
      case "avr-":
        let count = "subi r22, 1\\n sbci r23, 0\\n sbci r24, 0\\n brne 1b\\n ret"
        spin = ("1: \(count)", 4, 1)
        move = ("movw r30, r20\\n 1: ld r0, Z\\n ldd r0, Z+4\\n st Z, r0\\n \(count)", 7, 2)
      default:
        spin = ("1: addi a0, a0, -1\\n bnez a0, 1b\\n ret", 2, 1)
        move = (
          "1: lw a2, 0(a1)\\n lw a2, 4(a1)\\n sw a2, 0(a1)\\n addi a0, a0, -1\\n bnez a0, 1b\\n ret",
          5, 1
        )
      }
    }

    func spins(_ rounds: Int) -> Int { spin.round * rounds + spin.rest }
    func moves(_ rounds: Int) -> Int { move.round * rounds + move.rest }
  }

  @Test("Counts are exact", arguments: SupportedBoard.available)
  func counts(board: SupportedBoard) throws {
    let loops = Loops(board)
    let program = """
      #include "measure.h"
      static uint32_t box[2];
      __attribute__((naked, noinline)) static void spin(uint32_t n) {
          (void)n;
          __asm__ volatile("\(loops.spin.text)");
      }
      __attribute__((naked, noinline)) static void move(uint32_t n, uint32_t *at) {
          (void)n;
          (void)at;
          __asm__ volatile("\(loops.move.text)");
      }
      int run(uint32_t n);
      __attribute__((noinline)) int run(uint32_t n) {
          spin(n);
          move(200, box);
          for (volatile uint32_t i = 0; i < 3; i++)
              spin(500000);
          return 0;
      }
      int main(void) {
          measure_begin();
          measure_end();
          for (uint32_t n = 1000; n <= 2000; n += 1000) {
              measure_begin();
              (void)run(n);
              measure_end();
          }
          return 0;
      }
      """
    let arguments = "start=measure_begin,stop=measure_end,caller=run,memory=on"
    try emulate(program, on: board, counting: arguments) { run, folder in
      try #require(run.status == 0, "\(run.output)")
      let text = try String(contentsOf: folder.appending(path: "counts"), encoding: .utf8)
      let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
      #expect(lines.first == ["uq-count", "1"])
      #expect(lines.last == ["end", "3"])

      let runs = lines.filter { $0[0] == "run" }.compactMap { Int($0[2]) }
      try #require(runs.count == 3)
      #expect(runs[0] <= 4)
      #expect(runs[2] - runs[1] == loops.spin.round * 1000)

      let calls = lines.filter { $0[0] == "call" }.map { Array($0[3...]) }
      #expect(
        calls == [
          ["2", "\(loops.spins(1000) + loops.spins(2000))", "0", "0", "spin"],
          ["2", "\(2 * loops.moves(200))", "800", "400", "move"],
          ["6", "\(6 * loops.spins(500_000))", "0", "0", "spin"],
        ])

      let functions = lines.filter { $0[0] == "function" }.map { Array($0[2...]) }
      let spins = loops.spins(1000) + loops.spins(2000) + 6 * loops.spins(500_000)
      #expect(functions.contains(["\(spins)", "0", "0", "spin"]))
      #expect(functions.contains(["\(2 * loops.moves(200))", "800", "400", "move"]))
      #expect(functions.compactMap { Int($0[0]) }.reduce(0, +) == runs.reduce(0, +))
    }
  }

  /// Every rounding, and the high word that kernels multiply by, from the same operands.
  private static let requantized = """
    #include "uq_requantize.c"
    static uint32_t random_state = 1;
    static uint32_t operand(void) {
        static const uint32_t extremes[8] = {0x80000000u, 0x80000001u, 0xFFFFFFFFu, 0u, 1u,
                                             0x7FFFFFFFu, 0x0000FFFFu, 0xFFFF0000u};
        random_state = random_state * 1664525u + 1013904223u;
        if ((random_state >> 28) == 0u)
            return extremes[(random_state >> 8) & 7u];
        // Of all magnitudes, of either sign.
        return (uint32_t)((int32_t)random_state >> ((random_state >> 3) & 31u));
    }
    static uint32_t digest(void) {
        uint32_t hash = 2166136261u;
        for (uint16_t i = 0; i < 30000u; i++) {
            const int32_t acc = (int32_t)operand();
            const int32_t other = (int32_t)operand();
            const int32_t rounding = (int32_t)(i % 5u);
            const int32_t size = (int32_t)(0x40000000u | (operand() & 0x3FFFFFFFu));
            const int32_t multiplier = other < 0 ? -size : size;
            const uint32_t range = rounding == UQ_ROUNDING_SHIFT ? 31u : 62u;
            const uint32_t shift = 1u + (operand() & 63u) % range;
            const int32_t a = uq_requantize(acc, multiplier, shift, rounding);
            const int32_t b = uq_requantize_any(acc, multiplier, shift, rounding);
            hash = (hash ^ (uint32_t)a) * 16777619u;
            hash = (hash ^ (uint32_t)b) * 16777619u;
            hash = (hash ^ (uint32_t)uq_multiply_high(acc, other)) * 16777619u;
        }
        return hash;
    }

    """

  /// Cores without wide products multiply otherwise, and an AVR's `int` has 16 bits.
  @Test("Requantization is that of this machine", arguments: SupportedBoard.available)
  func requantizes(board: SupportedBoard) throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "uq-requantize-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try "\(Self.requantized)#include <stdio.h>\nint main(void) { printf(\"%u\", digest()); }\n"
      .write(to: folder.appending(path: "main.c"), atomically: true, encoding: .utf8)
    let built = try run(
      "cc", ["-I", runtime.path, "-I", "\(runtime.path)/include", "main.c", "-o", "main"],
      in: folder)
    try #require(built.status == 0, "\(built.output)")
    let expected = try run(folder.appending(path: "main").path, [], in: folder).output
    let program = """
      \(Self.requantized)#include "semihosting.h"
      int main(void) {
          semihosting_write_number(digest());
          return 0;
      }

      """
    try emulate(program, on: board) { run, _ in
      #expect(run.status == 0)
      #expect(run.output == expected)
    }
  }

  @Test("Wrong plugin arguments stop the emulator")
  func arguments() throws {
    let board = try #require(SupportedBoard.available.first)
    let program = "int main(void) { return 0; }\n"
    for arguments in ["start=0x0", "start=absent,stop=main", "start=0x0,stop=0x2,unknown=1"] {
      try emulate(program, on: board, counting: arguments) { run, _ in
        #expect(run.status == 1)
        #expect(run.output.contains("count_plugin: "))
      }
    }
  }
}
