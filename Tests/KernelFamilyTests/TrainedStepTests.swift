import Testing
import UQEngine
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQQuantizer
import UQSimulator
import UQSupport
import UQToolkit

/// Networks whose activations were rounded to steps in training, as QONNX-like and QDQ models say it.
@Suite struct TrainedStepTests {
  /// Convolutions, a sum and a pooling with weights of 4 bits; activations rounded to as many bits as given.
  private func network(bits: Int) throws -> Graph {
    var random = SeededGenerator(seed: 5)
    var builder = GraphBuilder(name: "trained")
    let unit = Float(2) / Float(1 << bits)
    func rounded(_ x: ValueID, _ step: Float, zero: Int, _ name: String) throws -> ValueID {
      let bound = builder.addConstant(
        Tensor(doubles: [Double(1 << bits - 1)], .uint8, []), name: "\(name)/high")
      let integers = try builder.add(
        QuantizeLinear(scales: [step], zeroPoints: [zero], tiesToEven: true, element: .uint8), [x],
        name: "\(name)/q")[0]
      let bounded = try builder.add(Minimum(), [integers, bound], name: "\(name)/bounded")[0]
      return try builder.add(
        DequantizeLinear(scales: [step], zeroPoints: [zero]), [bounded], name: "\(name)/dq")[0]
    }
    func convolution(_ x: ValueID, _ outputs: Int, _ kernel: Int, _ name: String) throws -> ValueID
    {
      let inputs = builder.shape(of: x)[3]
      let weights = (0..<outputs * kernel * kernel * inputs).map { index in
        index % (kernel * kernel * inputs) == 0
          ? -0.25 : Float(Int.random(in: -7...7, using: &random)) / 32
      }
      let w = builder.addConstant(
        Tensor(weights, [outputs, kernel, kernel, inputs]), name: "\(name)/w")
      return try builder.add(
        Conv2D(window: Window2D(kernel: [kernel, kernel])), [x, w], name: name)[0]
    }
    let middle = 1 << (bits - 1)
    var x = builder.addInput("x", TensorType(.float32, [1, 8, 8, 3]))
    x = try rounded(x, unit, zero: middle, "in")
    x = try convolution(x, 8, 3, "a")
    x = try builder.add(Clip(bounds: .relu), [x], name: "relu")[0]
    x = try rounded(x, 0.93 * unit, zero: 0, "middle")
    let y = try rounded(try convolution(x, 8, 1, "b"), 1.91 * unit, zero: middle, "side")
    x = try builder.add(Add(), [x, y], name: "sum")[0]
    x = try rounded(x, 2.03 * unit, zero: middle, "summed")
    x = try builder.add(
      MaxPool2D(window: Window2D(kernel: [2, 2], strides: [2, 2])), [x], name: "pool")[0]
    x = try rounded(try convolution(x, 4, 3, "c"), 3.7 * unit, zero: middle, "out")
    builder.addOutput("y", x)
    return try optimized(builder.graph)
  }

  /// The share of outputs that are the float network's, and the largest distance in steps.
  private func agreement(_ graph: Graph, _ model: CompiledModel) throws
    -> (share: Double, furthest: Double)
  {
    let engine = try FloatEngine().prepare(graph)
    let samples = randomSamples(graph, count: 40, seed: 9)
    let port = try #require(model.program.inputs.first?.type.quantization)
    let results = try Simulator.prove(
      model.program, model.plan,
      samples: samples.map { sample in
        [sample[0].floats.map { UInt8(truncatingIfNeeded: port.quantize(Double($0))) }]
      })
    let output = try #require(model.program.outputs.first?.type.quantization)
    var (equal, count, furthest) = (0, 0, 0.0)
    for (sample, result) in zip(samples, results) {
      let wanted = try engine.outputs(of: sample)[0].floats
      for (wanted, byte) in zip(wanted, result[0]) {
        let real = output.dequantize(Int(Int8(bitPattern: byte)))
        let distance = abs(real - Double(wanted)) / output.scale
        furthest = max(furthest, distance)
        count += 1
        if distance < 1e-3 { equal += 1 }
      }
    }
    return (Double(equal) / Double(count), furthest)
  }

  /// Integers of 8 bits, of 4 in bytes, and of 4 packed compute what training did, but for ties.
  @Test(arguments: [(8, 8), (4, 8), (4, 4)])
  func integersAreThoseOfTraining(_ bits: Int, _ stored: Int) throws {
    let graph = try network(bits: bits)
    #expect(graph.nodes.count { $0.op is RoundToStep } == 5)
    let model = try compiled(
      graph, CompileOptions(bits: 4, layers: [LayerRule("*", bits: 4)], activationBits: stored),
      samples: randomSamples(graph, count: 24))
    #expect(Set(model.trainedBits.values) == [4])
    for node in model.quantized.graph.nodes {
      guard let step = node.op as? RoundToStep,
        let found = model.quantized.graph.type(of: node.result).quantization
      else { continue }
      #expect(found == step.quantization(bits: found.bits))
    }
    #expect(model.trainedSteps == (5, 5))
    // Nothing is rescaled on the way; levels beyond 4 bits are cut by the layers and, at ports, by a table.
    let symbols = model.program.calls.map(\.kernel.symbol)
    #expect(!symbols.contains { $0.hasPrefix("uq_rescale") }, "\(symbols)")
    #expect(symbols.count { $0.hasPrefix("uq_lut") } == (bits == 4 ? 1 : 0), "\(symbols)")
    #expect((model.program.packedBufferCount > 0) == (stored == 4))
    let found = try agreement(graph, model)
    #expect(found.share > 0.97 && found.furthest < 1.001, "\(found)")
    try prove(model.program)
  }

  /// Where steps cannot be kept, activations of 16 bits and shifts choose their own within the bounds.
  @Test func otherArithmeticChoosesItsOwnSteps() throws {
    let graph = try network(bits: 8)
    let samples = randomSamples(graph, count: 24)
    let wide = try compiled(
      graph, CompileOptions(activationBits: 16, method: .minmax), samples: samples)
    #expect(
      wide.quantized.graph.nodes.allSatisfy {
        wide.quantized.graph.type(of: $0.result).quantization?.bits == 16
      })
    #expect(wide.trainedSteps == (5, 0))
    try prove(wide.program)
    let shifted = try compiled(
      graph, CompileOptions(method: .minmax, rounding: .shift), samples: samples)
    let scales = shifted.quantized.graph.nodes.compactMap {
      shifted.quantized.graph.type(of: $0.result).quantization?.scale
    }
    #expect(scales.allSatisfy { $0.significand == 1 })
    try prove(shifted.program)
  }

  /// A value that something else reads as well is rescaled for it.
  @Test func otherReadersSeeWhatTheyDid() throws {
    var builder = GraphBuilder(name: "shared")
    let x = builder.addInput("x", TensorType(.float32, [1, 16]))
    let y = try builder.add(
      Clip(bounds: Clamp(low: -0.4, high: 0.35)), [x], name: "clip")[0]
    let rounded = try builder.add(
      RoundToStep(step: 0.05, integers: -8...7, zero: 0, tiesToEven: true), [y], name: "round")[0]
    builder.addOutput("rounded", rounded)
    builder.addOutput("clipped", y)
    let graph = try optimized(builder.graph)
    let model = try compiled(graph, samples: randomSamples(graph, count: 24))
    let scales = model.program.outputs.compactMap { $0.type.quantization?.scale }
    #expect(abs(scales[0] - 0.05) < 1e-8 && scales[1] < 0.01)
    try prove(model.program)
  }

  /// Steps of 8 bits serve other readers as well, those of a table too.
  @Test func stepsOfBytesServeAllReaders() throws {
    var network = RandomNetwork(name: "readers", seed: 8)
    let x = network.builder.addInput("x", TensorType(.float32, [1, 6, 6, 4]))
    let a = try network.add(
      Conv2D(window: Window2D(kernel: [1, 1])), [x, network.constant([8, 1, 1, 4])])
    let gate = try network.add(Pointwise(function: .sigmoid), [a])
    let clipped = try network.add(Clip(bounds: Clamp(low: 0, high: 0.9)), [gate])
    let step = RoundToStep(step: 0.9 / 255, integers: 0...255, zero: 0, tiesToEven: true)
    let rounded = try network.add(step, [clipped])
    let gated = try network.add(Multiply(), [a, rounded])
    let pooled = try network.add(AveragePool2D(window: Window2D(kernel: [6, 6])), [gate])
    network.builder.addOutput("y", gated)
    network.builder.addOutput("mean", pooled)
    let graph = try optimized(network.builder.graph)
    let model = try compiled(graph, samples: randomSamples(graph, count: 24))
    let sigmoid = try #require(
      model.quantized.graph.nodes.first { ($0.op as? Pointwise)?.function == .sigmoid })
    let found = model.quantized.graph.type(of: sigmoid.result).quantization
    #expect(found == step.quantization(bits: 8))
    // Convolution, table, product and mean: the clip and the rounding are nothing.
    #expect(model.program.calls.count == 4, "\(model.program.calls.map(\.kernel.symbol))")
    try prove(model.program)
  }

  /// A softmax has integers of its own, whatever follows it.
  @Test(arguments: [8, 16]) func probabilitiesAreRescaled(activationBits: Int) throws {
    var network = RandomNetwork(name: "softmax", seed: 9)
    let x = network.builder.addInput("x", TensorType(.float32, [1, 12]))
    let logits = try network.add(FullyConnected(), [x, network.constant([6, 12])])
    let clipped = try network.add(
      Clip(bounds: Clamp(low: 0, high: 0.75)), [try network.add(Softmax(axis: 1), [logits])])
    let step = RoundToStep(step: 0.75 / 255, integers: 0...255, zero: 0, tiesToEven: true)
    network.builder.addOutput("y", try network.add(step, [clipped]))
    let graph = try optimized(network.builder.graph)
    let model = try compiled(
      graph, CompileOptions(activationBits: activationBits, method: .minmax),
      samples: randomSamples(graph, count: 24))
    #expect(model.trainedSteps == (1, activationBits == 8 ? 1 : 0))
    try prove(model.program)
  }
}
