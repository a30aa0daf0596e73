import Foundation
import Testing
import UQKernels
import UQNumerics
import UQPlanner
import UQSupport

@testable import UQCodegen

struct NamingTests {
  private static let hostile: [String] = [
    "", " ", "*/", "/*", "*/ #error x /*", "int", "while", "a\nb", "a\\\nb", "1st", "___", "é",
    "日本語",
    "??/", "\u{202E}abc", "%s%n", "\"", "'", "in", "out", "arena", "base", "arena_bytes", "main",
    "NULL", "linux", "uq_demo_run", "uq_scale_s8", "run", "inputs", "same", "same", "Same",
    "same_2",
    "int8_t", "class", "memset", "//", "\u{0}", "\u{7}", "x scratch", "OFFSET_X", "i", "sample",
    String(repeating: "long", count: 2500), String(repeating: "*/", count: 5000),
    String(repeating: "😀", count: 3000),
    "functional_1/a/Relu;functional_1/b/BiasAdd/ReadVariableOp",
  ]

  private func compile(_ names: ScaleNames, _ compiler: Compiler) throws -> String {
    let program = scaleProgram(names)
    let plan = try MemoryPlanner.plan(program)
    let files = try CodeGenerator.generate(
      program, plan, options(for: program, plan), runtime: scaleRuntime)
    return try compiler.check(Folder(files))
  }

  @Test(arguments: Compiler.host) func hostileNamesCompile(compiler: Compiler) throws {
    var generator = SeededGenerator(seed: 1)
    for round in 0..<Self.hostile.count {
      func pick() -> String {
        Self.hostile.randomElement(using: &generator) ?? ""
      }
      let all = Self.hostile[round]
      let names =
        round % 2 == 0
        ? ScaleNames(
          input: all, output: all, values: [all, all], layers: [all, all, all],
          constants: [all, all, all])
        : ScaleNames(
          input: all, output: pick(), values: [pick(), pick()], layers: [pick(), pick(), pick()],
          constants: [pick(), pick(), pick()])
      #expect(try compile(names, compiler) == "", "\(names)")
    }
  }

  @Test func identifiersAreUniqueAndReadable() {
    var scope = CIdentifierScope()
    func name(_ text: String) -> String { scope.identifier(for: text, fallback: "value") }
    #expect(name("conv1/Relu:0") == "conv1_relu_0")
    #expect(name("conv1 Relu 0") == "conv1_relu_0_2")
    #expect(name("conv1_relu_0_2") == "conv1_relu_0_2_2")
    #expect(name("") == "value")
    #expect(name("7x7") == "value_7x7")
    #expect(name("int") == "int_2")
    #expect(
      name("functional_1/a_rather_long_block_name/conv2d_1/BiasAdd multipliers")
        == "long_block_name_conv2d_1_biasadd_multipliers")
    #expect(name(String(repeating: "ab/", count: 100)).utf8.count <= CIdentifierScope.longest)
  }

  @Test func manyEqualNamesAreFast() {
    var scope = CIdentifierScope()
    let names = (0..<20_000).map { _ in scope.identifier(for: "same", fallback: "value") }
    #expect(Set(names).count == names.count)
  }

  @Test(arguments: ["", "Kws", "1x", "a-b", "a b", "é", "../x", String(repeating: "a", count: 33)])
  func badModelNamesAreErrors(name: String) throws {
    #expect(!CodegenOptions.isValidName(name))
    let program = scaleProgram()
    let plan = try MemoryPlanner.plan(program)
    var options = try options(for: program, plan)
    options.name = name
    #expect {
      try CodeGenerator.generate(program, plan, options, runtime: scaleRuntime)
    } throws: { ($0 as? Diagnostic)?.id == "codegen.name.invalid" }
  }

  @Test(arguments: ["scale", "status"]) func runtimeFilesAreNotReplaced(name: String) throws {
    let program = scaleProgram()
    let plan = try MemoryPlanner.plan(program)
    let options = try options(for: program, plan, name: name)
    #expect {
      try CodeGenerator.generate(program, plan, options, runtime: scaleRuntime)
    } throws: { ($0 as? Diagnostic)?.id == "codegen.name.reserved" }
  }

  @Test func unsoundProgramsAreErrors() throws {
    func problem(_ change: (inout KernelProgram) -> Void) throws -> String? {
      var program = scaleProgram()
      let plan = try MemoryPlanner.plan(program)
      let options = CodegenOptions(name: "x", toolVersion: "1", modelDigest: "")
      change(&program)
      do throws(Diagnostic) {
        _ = try CodeGenerator.generate(program, plan, options, runtime: scaleRuntime)
      } catch { return error.id }
      return nil
    }
    #expect(try problem { _ in } == nil)
    #expect(try problem { $0.inputs = [] } == "codegen.inputs.none")
    #expect(try problem { $0.outputs = [] } == "codegen.outputs.none")
    #expect(try problem { $0.inputs[0].type.element = .float32 } == "codegen.port.type")
    #expect(try problem { $0.inputs[0].type.shape = [0, 2] } == "codegen.port.empty")
    #expect(try problem { $0.constants.removeLast() } == "codegen.call.argument")
    #expect(try problem { $0.buffers.removeLast() } == "codegen.plan.mismatch")
  }

  @Test func commentsStayClosed() {
    for text in Self.hostile {
      let clean = CWriter.commentText(text)
      #expect(!clean.contains("*/") && !clean.contains("/*") && !clean.contains("??"))
      #expect(clean.unicodeScalars.allSatisfy { $0.isASCII && $0.value >= 0x20 })
    }
  }
}
