import Foundation
import Testing
import UQKernels
import UQPlanner
import UQSimulator
import UQSupport

@testable import UQCodegen

struct GoldenTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Golden")

  private func generate() throws -> [(name: String, data: Data)] {
    let program = scaleProgram()
    let plan = try MemoryPlanner.plan(program)
    return try CodeGenerator.generate(
      program, plan, options(for: program, plan), runtime: scaleRuntime)
  }

  /// `UQ_RECORD=1 swift test` rewrites the recorded files.
  @Test func filesAreAsRecorded() throws {
    let files = try generate()
    if ProcessInfo.processInfo.environment["UQ_RECORD"] != nil {
      try AtomicFile.writeFolder(files, to: Self.folder.path)
    }
    let recorded = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).sorted()
    #expect(files.map(\.name) == recorded)
    for file in files {
      let text = try String(
        contentsOf: Self.folder.appendingPathComponent(file.name), encoding: .utf8)
      #expect(String(decoding: file.data, as: UTF8.self) == text, "\(file.name) differs")
    }
  }

  @Test func generationIsDeterministic() throws {
    let a = try generate()
    let b = try generate()
    #expect(a.map(\.name) == b.map(\.name))
    #expect(a.map(\.data) == b.map(\.data))
  }

  @Test func linesAreShort() throws {
    for file in try generate() where file.name.hasSuffix(".c") || file.name.hasSuffix(".h") {
      for line in String(decoding: file.data, as: UTF8.self).split(separator: "\n") {
        #expect(line.utf8.count <= CWriter.width, "\(file.name): \(line)")
      }
    }
  }

  @Test(arguments: Compiler.available) func compilesStrictly(compiler: Compiler) throws {
    let folder = try Folder(generate())
    for level in ["-O0", "-O2"] {
      #expect(try compiler.strictly(folder, optimization: level) == "")
    }
  }

  @Test(arguments: Compiler.host) func selfTestPasses(compiler: Compiler) throws {
    let result = try compiler.selfTest(Folder(generate()))
    #expect(result.status == 0, "\(result.text)")
    #expect(result.text == "demo: 2 samples agree\n")
  }

  @Test(arguments: Compiler.host) func selfTestNoticesAWrongByte(compiler: Compiler) throws {
    var files = try generate()
    for index in files.indices where files[index].name == "uq_demo_weights.c" {
      let text = String(decoding: files[index].data, as: UTF8.self)
      files[index].data = Data(text.replacingOccurrences(of: "    5, 2,", with: "    5, 3,").utf8)
    }
    let result = try compiler.selfTest(Folder(files))
    #expect(result.status == 1)
    #expect(result.text.contains("output 0 differs"))
  }

  @Test(arguments: Compiler.host) func entryPointRefusesBadArguments(compiler: Compiler) throws {
    let main = """
      #include "uq_demo.h"
      static signed char x[21], y[21];
      static union { long long align; unsigned char bytes[128]; } memory;
      int main(void) {
        unsigned char *arena = memory.bytes;
        while ((uintptr_t)arena % UQ_DEMO_ARENA_ALIGN) arena++;
        uq_demo_inputs in = { x }, no_in = { 0 };
        uq_demo_outputs out = { y }, no_out = { 0 };
        if (uq_demo_run(&in, &out, arena, UQ_DEMO_ARENA_BYTES) != UQ_OK) return 1;
        if (uq_demo_run(&in, &out, arena, UQ_DEMO_ARENA_BYTES - 1) != UQ_ERROR_ARENA_SIZE) return 2;
        if (uq_demo_run(&in, &out, 0, UQ_DEMO_ARENA_BYTES) != UQ_ERROR_ARENA_NULL) return 3;
        if (uq_demo_run(&in, &out, arena + 1, 100) != UQ_ERROR_ARENA_ALIGNMENT) return 4;
        if (uq_demo_run(&no_in, &out, arena, 100) != UQ_ERROR_ARGUMENT) return 5;
        if (uq_demo_run(&in, &no_out, arena, 100) != UQ_ERROR_ARGUMENT) return 6;
        if (uq_demo_run(0, &out, arena, 100) != UQ_ERROR_ARGUMENT) return 7;
        return UQ_DEMO_INPUT_0_ELEMENTS == 21 && UQ_DEMO_OUTPUT_0_ZERO_POINT == -128
          && UQ_DEMO_INPUT_COUNT == 1 && UQ_DEMO_OUTPUT_0_SCALE == 0.00390625f ? 0 : 8;
      }
      """
    var files = try generate()
    files.removeAll { $0.name == "selftest.c" }
    files.append(("selftest.c", Data(main.utf8)))
    #expect(try compiler.selfTest(Folder(files)).status == 0)
  }

  @Test func headersWorkInCxx() throws {
    guard let path = Compiler.find("g++") ?? Compiler.find("clang++") else { return }
    let folder = try Folder(generate() + [("x.cpp", Data("#include \"uq_demo.h\"\n".utf8))])
    let result = try folder.run(path, ["-Wall", "-Wextra", "-Werror", "-fsyntax-only", "x.cpp"])
    #expect(result.text == "")
  }

  @Test func onlyMemoryFunctionsAreUndefined() throws {
    guard let compiler = Compiler.available.first(where: { $0.name == "gcc" }) else { return }
    let folder = try Folder(generate())
    #expect(try compiler.strictly(folder) == "")
    let objects = folder.names.filter { $0.hasSuffix(".c") && $0 != "selftest.c" }
      .map { String($0.dropLast(2)) + ".o" }
    _ = try folder.run("/usr/bin/ld", ["-r", "-o", "all.bin"] + objects)
    #expect(try folder.run("/usr/bin/nm", ["-u", "all.bin"]).text == "")
  }
}
