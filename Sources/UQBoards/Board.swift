import Foundation
import UQSupport

/// A machine that exported C is compiled for and run on: this one, or an emulated board.
public struct Board: Hashable, Sendable, CustomStringConvertible {
  /// Name on the command line; QEMU's name of the machine where there is one.
  public var name: String
  /// Processor core.
  public var core: String
  /// What the names of compiler, linker and `nm` start with: `arm-none-eabi-`.
  public var toolPrefix: String
  /// Debian packages of the compiler.
  public var compilerPackages: String
  /// Compiler flags that choose the processor.
  public var flags: [String]
  /// The emulator; `nil` for this machine.
  public var emulator: Tool?
  /// The emulator's C among the board files, where it is a library that needs a `main`.
  var emulatorSource: String?
  /// Arguments of the emulator that choose the machine.
  public var machine: [String]
  /// Linker script among the board files.
  var script: String
  /// Start of the program, and what else the linker needs, among the board files.
  var sources: [String]
  /// Libraries.
  var libraries: [String]
  /// Whether the compiler comes without `<string.h>`.
  var lacksStringHeader: Bool

  /// Its name.
  public var description: String { name }

  /// The compiler.
  public var compiler: Tool { tool("gcc") }

  /// A tool of the compiler's family: `nm`.
  func tool(_ name: String) -> Tool { Tool(toolPrefix + name, packages: compilerPackages) }

  /// What is needed and not installed.
  public var missingTools: [Diagnostic] {
    let wanted = [compiler, tool("nm"), emulator].compactMap(\.self)
    // The counting plugin is compiled for this machine.
    let missing = (emulator == nil ? wanted : wanted + [Tool.gcc]).compactMap {
      tool -> Diagnostic? in
      do throws(Diagnostic) {
        _ = try tool.locate()
        return nil
      } catch { return error }
    }
    return missing + [emulatorSource == nil ? nil : Self.missingHeader].compactMap(\.self)
  }

  /// What is said where the library of the AVR's emulator has no header.
  private static var missingHeader: Diagnostic? {
    let places = ["/usr/include", "/usr/local/include"]
    if places.contains(where: {
      FileManager.default.fileExists(atPath: "\($0)/simavr/sim_avr.h")
    }) {
      return nil
    }
    return Diagnostic(
      id: "board.tool.missing",
      "'simavr/sim_avr.h' is not installed; install it: apt-get install libsimavr-dev")
  }

  /// This machine: nothing is emulated, and no instructions are counted.
  public static let host = Board(
    name: "host", core: "this machine", toolPrefix: "", compilerPackages: "gcc libc6-dev binutils",
    flags: [], emulator: nil, emulatorSource: nil, machine: [], script: "", sources: [],
    libraries: [],
    lacksStringHeader: false)

  private static func arm(
    _ name: String, _ core: String, _ flags: [String], _ script: String, machine: String? = nil
  ) -> Board {
    Board(
      name: name, core: core, toolPrefix: "arm-none-eabi-",
      compilerPackages: "gcc-arm-none-eabi libnewlib-arm-none-eabi", flags: ["-mthumb"] + flags,
      emulator: Tool("qemu-system-arm", packages: "qemu-system-arm"), emulatorSource: nil,
      machine: ["-M", machine ?? name],
      script: script, sources: ["startup_arm.c"], libraries: ["-lc", "-lgcc"],
      lacksStringHeader: false)
  }

  /// Every board, this machine first.
  public static let all: [Board] = [
    host,
    // QEMU's only Cortex-M0 has 16 KB of RAM; a Cortex-M3 executes the same instructions.
    arm("mps2-m0", "Cortex-M0", ["-mcpu=cortex-m0"], "mps2.ld", machine: "mps2-an385"),
    arm("mps2-an385", "Cortex-M3", ["-mcpu=cortex-m3"], "mps2.ld"),
    arm(
      "mps2-an386", "Cortex-M4",
      ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"], "mps2.ld"),
    arm(
      "mps2-an500", "Cortex-M7",
      ["-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"], "mps2.ld"),
    arm(
      "mps2-an505", "Cortex-M33",
      ["-mcpu=cortex-m33", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"], "mps2_an505.ld"),
    arm("mps3-an547", "Cortex-M55", ["-mcpu=cortex-m55", "-mfloat-abi=hard"], "mps3_an547.ld"),
    Board(
      name: "riscv32", core: "RV32IMC", toolPrefix: "riscv64-unknown-elf-",
      compilerPackages: "gcc-riscv64-unknown-elf", flags: ["-march=rv32imc", "-mabi=ilp32"],
      emulator: Tool("qemu-system-riscv32", packages: "qemu-system-misc"), emulatorSource: nil,
      machine: ["-M", "virt", "-cpu", "rv32", "-bios", "none"], script: "riscv32_virt.ld",
      sources: ["startup_riscv.S", "memory.c"], libraries: ["-lgcc"], lacksStringHeader: true),
    Board(
      name: "avr128da48", core: "AVR", toolPrefix: "avr-", compilerPackages: "gcc-avr",
      // The family of AVR128DA, which the compiler does not know by name.
      flags: ["-mmcu=avrxmega4"], emulator: Tool("simavr", packages: "simavr libsimavr-dev"),
      emulatorSource: "avr_board.c", machine: [], script: "avr128da48.ld",
      sources: ["startup_avr.S", "memory.c"], libraries: ["-lgcc"], lacksStringHeader: true),
  ]

  /// The board of a name.
  ///
  /// - Throws: `board.name.unknown`, which lists the boards.
  public static func named(_ name: String) throws(Diagnostic) -> Board {
    if let board = all.first(where: { $0.name == name }) { return board }
    let known = all.map { "\($0.name) (\($0.core))" }.joined(separator: ", ")
    throw Diagnostic(id: "board.name.unknown", "no board is called '\(name)'; there are \(known)")
  }
}
