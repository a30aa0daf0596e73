import Testing
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQPasses
import UQPlanner
import UQSimulator
import UQSupport

/// An integer graph as a program, run on the host.
struct CompiledProgram {
  let graph: Graph
  let simulator: Simulator

  init(_ source: Graph) throws {
    var optimized = source
    try LosslessPasses.pipeline.run(on: &optimized)
    graph = try IntegerCompilation.compile(optimized)
    var context = LoweringContext(graph: graph, rounding: .single)
    for node in graph.nodes { try context.lower(node) }
    let program = context.finish { from, to, byteCount in
      CopyKernel(rowBytes: byteCount, x: .buffer(from), y: to)
    }
    simulator = try Simulator(program, try MemoryPlanner.plan(program))
  }

  /// The real numbers that the outputs stand for.
  func run(_ inputs: [Tensor]) throws -> [[Float]] {
    for (index, input) in inputs.enumerated() {
      let integers = try simulator.program.inputs[index].quantize(input)
      integers.withUnsafeBytes { simulator.input(index).copyMemory(from: $0) }
    }
    simulator.run()
    return try simulator.program.outputs.enumerated().map { index, port in
      let bytes = try #require(
        Tensor(.int8, port.type.shape, copying: simulator.output(index)))
      return port.dequantize(bytes).floats
    }
  }
}

@Suite struct CompilationTests {
  /// `nn.conv2d` of int8 to int32, `right_shift`, `cast`: shifts that round down, and wrap.
  @Test(arguments: [false, true])
  func shiftedConvolution(bounded: Bool) throws {
    var random = SeededGenerator(seed: 9)
    var builder = GraphBuilder(name: "talk")
    let x = builder.addInput("x", TensorType(.int8, [1, 3, 16, 16]))
    let image = try builder.add(Transpose(permutation: [0, 2, 3, 1]), [x], name: "nhwc")
    let weights = builder.addConstant(bytes([8, 5, 5, 3], &random), name: "w")
    let sums = try builder.add(
      IntegerConv2D(window: Window2D(kernel: [5, 5])), [image[0], weights], name: "conv")
    var y = try builder.add(Transpose(permutation: [0, 3, 1, 2]), sums, name: "nchw")
    let nine = builder.addConstant(Tensor([Int32(9)], []), name: "nine")
    y = try builder.add(RightShift(), [y[0], nine], name: "shift")
    if bounded {
      let zero = builder.addConstant(Tensor([Int32(0)], []), name: "zero")
      let top = builder.addConstant(Tensor([Int32(100)], []), name: "top")
      y = try builder.add(Maximum(), [y[0], zero], name: "max")
      y = try builder.add(Minimum(), [y[0], top], name: "min")
    }
    y = try builder.add(Cast(element: .int8), y, name: "cast")
    builder.addOutput("y", y[0])
    let program = try CompiledProgram(builder.graph)
    let layer = try #require(program.graph.nodes.lazy.compactMap { $0.op as? IntegerLayer }.first)
    #expect(layer.rounding == .shift)
    #expect(layer.shifts == [Int](repeating: 9, count: 8))
    #expect(layer.wraps != bounded)
    let input = bytes([1, 3, 16, 16], &random)
    let expected = try CorpusCase.evaluate(builder.graph, [input])[0].floats
    #expect(try program.run([input])[0] == expected)
    #expect(Set(expected).count > 50)
  }

  /// A product of uint8 numbers, requantized with ties away from zero or upward.
  @Test(arguments: [IntegerRounding.upward, .awayFromZero])
  func requantizedProduct(rounding: IntegerRounding) throws {
    var random = SeededGenerator(seed: 4)
    var builder = GraphBuilder(name: "dense")
    let x = builder.addInput("x", TensorType(.uint8, [64, 16]))
    let weights = builder.addConstant(bytes([8, 16], &random), name: "w")
    let bias = builder.addConstant(
      Tensor((0..<8).map { _ in Int32.random(in: -900...900, using: &random) }, [8]), name: "b")
    var y = try builder.add(
      IntegerMatrixProduct(zeroPointA: 131), [x, weights], name: "dense")
    y = try builder.add(Add(), [y[0], bias], name: "bias")
    y = try builder.add(
      Requantize(
        inputScales: [0.03125], inputZeroPoints: [0], outputScale: 8, outputZeroPoint: 120,
        rounding: rounding, element: .uint8), y, name: "requantize")
    builder.addOutput("y", y[0])
    let program = try CompiledProgram(builder.graph)
    let input = bytes([64, 16], &random).converted(to: .uint8)
    let expected = try CorpusCase.evaluate(builder.graph, [input])[0].floats
    #expect(try program.run([input])[0] == expected)
    let layer = try #require(program.graph.nodes.lazy.compactMap { $0.op as? IntegerLayer }.first)
    #expect(layer.rounding == (rounding == .upward ? .shift : .awayFromZero))
  }

  /// What no kernel computes is refused, with the node.
  @Test func refusesAccumulators() throws {
    var random = SeededGenerator(seed: 4)
    var builder = GraphBuilder(name: "dense")
    let x = builder.addInput("x", TensorType(.int8, [1, 16]))
    let weights = builder.addConstant(bytes([8, 16], &random), name: "w")
    let y = try builder.add(IntegerMatrixProduct(), [x, weights], name: "dense")
    builder.addOutput("y", y[0])
    #expect(throws: Diagnostics.self) { try IntegerCompilation.compile(builder.graph) }
  }

  /// The programs of MLPerf Tiny in the QNN dialect give TVM's integers.
  @Test(
    .enabled(if: CorpusCase.isAvailable),
    arguments: ["mlperf_kws_dscnn_tflite_i8", "op_qnn_conv_full", "op_qnn_add_u8", "op_qnn_tanh"])
  func corpus(_ name: String) throws {
    let item = try CorpusCase(name)
    let program = try CompiledProgram(item.graph)
    #expect(try program.run(item.inputs) == item.outputs.map(\.floats))
  }

  private func bytes(_ shape: Shape, _ random: inout SeededGenerator) -> Tensor {
    Tensor((0..<shape.count).map { _ in Int8.random(in: -128...127, using: &random) }, shape)
  }
}
