import Foundation
import Testing
import UQBoards
import UQCalibration
import UQCodegen
import UQEngine
import UQGraph
import UQKernels
import UQNumerics
import UQPasses
import UQPlanner
import UQQuantizer
import UQSimulator
import UQSupport
import UQToolkit

/// Where exports run: gcc, clang with sanitizers, and emulated chips of three families, as far as
/// installed.
let everywhere: [BuildConfiguration] =
  [
    .host(.gcc, ["-O2"]), .host(.clang, ["-O1", "-fsanitize=undefined,address"]),
  ].filter(\.missingTools.isEmpty) + chips.map { .board($0, "-O2") }

/// Emulated 32-bit Arm with and without wide products, RISC-V, and 8-bit AVR whose `int` has 16 bits;
/// those whose tools are missing are left out, which is said.
let chips = Board.all.filter { board in
  guard ["mps2-an386", "mps2-m0", "riscv32", "avr128da48"].contains(board.name) else {
    return false
  }
  for missing in board.missingTools { print("\(board) skipped: \(missing.message)") }
  return board.missingTools.isEmpty
}

/// The program of an integer graph.
func lowered(_ graph: Graph, rounding: Rounding = .single) throws -> KernelProgram {
  try graph.verify()
  var context = LoweringContext(graph: graph, rounding: rounding)
  for node in graph.nodes { try context.lower(node) }
  return context.finish { from, to, byteCount in
    CopyKernel(rowBytes: byteCount, x: .buffer(from), y: to)
  }
}

/// Plans a program, proves the plan by execution, exports it as C, and compares every output byte of the
/// compiled C with the simulator's.
///
/// - Returns: instructions of one inference on the Cortex-M4; `nil` where there is none.
@discardableResult
func prove(_ program: KernelProgram, samples: Int = 6) throws -> Int? {
  let plan = try MemoryPlanner.plan(program)
  try PlanChecker.check(program, plan)
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("uq-family-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: folder) }
  let files = try CodeGenerator.generate(
    program, plan,
    CodegenOptions(
      name: "net", toolVersion: "1", modelDigest: String(repeating: "0", count: 64),
      target: "generic", goldens: []))
  try AtomicFile.writeFolder(files, to: folder.path) { _ in false }
  let export = try Export(folder: folder.path)
  let records = VerificationInputs.records(for: export, count: samples)
  let simulated = try Simulator.prove(
    program, plan,
    samples: records.map { record in
      var rest = record[...]
      return program.inputs.map { port in
        let bytes = Array(rest.prefix(port.type.byteCount))
        rest = rest.dropFirst(port.type.byteCount)
        return bytes
      }
    })
  let outputs = simulated.map { $0.flatMap { $0 } }
  #expect(Set(outputs).count > 1, "the outputs say nothing")
  let result = try Verifier.verify(
    export: export, builds: everywhere, inputs: records, expected: outputs)
  #expect(result.isIdentical, "\(result.problems)")
  #expect(result.builds.count == everywhere.count)
  return zip(everywhere, result.builds).first { build, _ in
    if case .board(let board, _) = build { board.name == "mps2-an386" } else { false }
  }?.1.instructions
}

/// A float network calibrated on random inputs, in integers.
func compiled(
  _ graph: Graph, _ options: CompileOptions = CompileOptions(method: .minmax), samples: [[Tensor]]
) throws -> CompiledModel {
  let prepared = try FloatEngine().prepare(graph)
  let calibration = try Calibrator(graph: graph, modelDigest: Digest(of: [])).run(
    prepared, count: samples.count, threads: 2, sample: { samples[$0] }, done: {})
  return try CompiledModel(graph, calibration: calibration, options: options)
}

/// A float network after the lossless passes.
func optimized(_ graph: Graph) throws -> Graph {
  var graph = graph
  _ = try LosslessPasses.pipeline.run(on: &graph)
  try graph.verify()
  return graph
}

/// A float network in the making, with random weights and numbered names.
struct RandomNetwork {
  var builder: GraphBuilder
  private var random: SeededGenerator
  private var count = 0

  init(name: String, seed: UInt64) {
    builder = GraphBuilder(name: name)
    random = SeededGenerator(seed: seed)
  }

  /// Weights in −1...1.
  mutating func constant(_ shape: Shape) -> ValueID {
    count += 1
    return builder.addConstant(.random(shape, &random), name: "c\(count)")
  }

  /// The first result of an operator.
  mutating func add(_ op: some Operator, _ operands: [ValueID?]) throws -> ValueID {
    count += 1
    return try builder.add(op, operands, name: "n\(count)")[0]
  }
}

/// Random tensors in −1...1 for every input of a graph.
func randomSamples(_ graph: Graph, count: Int, seed: UInt64 = 3) -> [[Tensor]] {
  var random = SeededGenerator(seed: seed)
  return (0..<count).map { _ in
    graph.inputs.map { id in .random(graph.type(of: id).shape, &random) }
  }
}

extension Tensor {
  /// Random floats in −1...1.
  static func random(_ shape: Shape, _ random: inout SeededGenerator) -> Tensor {
    Tensor((0..<shape.count).map { _ in Float.random(in: -1...1, using: &random) }, shape)
  }
}
