import Foundation
import UQKernels
import UQNumerics
import UQPlanner
import UQSimulator

@testable import UQCodegen

/// A C compiler of this machine.
struct Compiler: Sendable, CustomStringConvertible {
  let name: String
  let path: String
  let flags: [String]
  var description: String { name }

  static let strict = [
    "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror",
    "-ffreestanding", "-Wcast-align", "-Wundef", "-Wmissing-prototypes", "-Wstrict-prototypes",
  ]

  /// gcc and clang for the host, gcc for Cortex-M4, as far as installed.
  static let available: [Compiler] = [
    ("gcc", []), ("clang", []), ("arm-none-eabi-gcc", ["-mthumb", "-mcpu=cortex-m4"]),
  ].compactMap { name, flags in find(name).map { Compiler(name: name, path: $0, flags: flags) } }

  static let host: [Compiler] = available.filter { $0.flags.isEmpty }

  static func find(_ name: String) -> String? {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
      .map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Compiles everything but the self-test strictly; returns what the compiler says, empty if nothing.
  func strictly(_ folder: Folder, optimization: String = "-O2") throws -> String {
    let sources = folder.names.filter { $0.hasSuffix(".c") && $0 != "selftest.c" }
    return try folder.run(path, Self.strict + flags + [optimization, "-c"] + sources).text
  }

  /// Checks the generated files, the self-test too, without making code.
  func check(_ folder: Folder) throws -> String {
    let sources = folder.names.filter { $0.hasSuffix(".c") }
    let flags = Self.strict.filter { $0 != "-ffreestanding" }
    return try folder.run(path, flags + ["-fsyntax-only"] + sources).text
  }

  /// Compiles and runs the self-test; the exit status and what was printed.
  func selfTest(_ folder: Folder) throws -> (status: Int32, text: String) {
    let sources = folder.names.filter { $0.hasSuffix(".c") }
    let build = try folder.run(
      path, ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-o", "selftest"] + sources)
    guard build.status == 0, build.text.isEmpty else { return (-1, build.text) }
    return try folder.run(folder.url.appendingPathComponent("selftest").path, [])
  }
}

/// A temporary folder with files.
final class Folder {
  let url: URL
  let names: [String]

  init(_ files: [(name: String, data: Data)]) throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "uq-codegen-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    names = files.map(\.name)
    for file in files { try file.data.write(to: url.appendingPathComponent(file.name)) }
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func run(_ path: String, _ arguments: [String]) throws -> (status: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = url
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }
}

/// Options with golden vectors that the simulator computed.
func options(
  for program: KernelProgram, _ plan: ArenaPlan, name: String = "demo", samples: Int = 2
) throws -> CodegenOptions {
  let inputs: [[[UInt8]]] = (0..<samples).map { sample in
    program.inputs.map { port in
      (0..<port.type.byteCount).map { UInt8(truncatingIfNeeded: $0 * 37 + sample * 101) }
    }
  }
  let outputs = try Simulator.prove(program, plan, samples: inputs)
  return CodegenOptions(
    name: name, toolVersion: "1.2.3", modelDigest: String(repeating: "0123456789abcdef", count: 4),
    target: "cortex-m4",
    goldens: zip(inputs, outputs).map { GoldenVector(inputs: $0, outputs: $1) })
}
