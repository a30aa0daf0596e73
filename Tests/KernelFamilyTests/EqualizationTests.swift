import Testing
import UQCalibration
import UQEngine
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQQuantizer
import UQSupport
import UQToolkit

/// Scaling of channels as networks get it.
@Suite struct EqualizationTests {
  /// Two convolutions, a depthwise one and a dense layer; the channels between differ by `ratio` from one to
  /// the next, and every one matters as much for the output.
  private func network(ratio: Float) throws -> Graph {
    var random = SeededGenerator(seed: 5)
    var builder = GraphBuilder(name: "uneven")
    var x = builder.addInput("x", TensorType(.float32, [1, 6, 6, 3]))
    let scales = (0..<6).map { channel in (0..<channel).reduce(Float(1)) { s, _ in s * ratio } }
    func weights(_ shape: Shape, outputs: [Float], inputs: [Float]) -> Tensor {
      Tensor(
        Tensor.random(shape, &random).floats.enumerated().map { index, value in
          let output = index / (shape.count / outputs.count)
          return value * outputs[output] / inputs[index % inputs.count]
        }, shape)
    }
    let ones = [Float](repeating: 1, count: 4)
    for (name, shape, outputs, inputs) in [
      ("a", [6, 3, 3, 3], scales, [1, 1, 1]), ("b", [6, 1, 1, 6], scales, scales),
    ] as [(String, Shape, [Float], [Float])] {
      let w = builder.addConstant(
        weights(shape, outputs: outputs, inputs: inputs), name: "\(name)/w")
      let bias = builder.addConstant(Tensor(outputs.map { 0.3 * $0 }, [6]), name: "\(name)/b")
      let window = Window2D(
        kernel: [shape[1], shape[2]], padding: [shape[1] / 2, shape[2] / 2, 0, 0])
      x = try builder.add(Conv2D(window: window, activation: .relu), [x, w, bias], name: name)[0]
    }
    let taps = builder.addConstant(.random([2, 2, 6], &random), name: "wise/w")
    x = try builder.add(
      DepthwiseConv2D(window: Window2D(kernel: [2, 2], strides: [2, 2])), [x, taps], name: "wise")[
        0]
    let extents = builder.shape(of: x)
    x = try builder.add(Reshape(shape: [1, extents.count]), [x], name: "flat")[0]
    let dense = builder.addConstant(
      weights([4, extents.count], outputs: ones, inputs: scales), name: "dense/w")
    x = try builder.add(FullyConnected(), [x, dense], name: "dense")[0]
    builder.addOutput("y", x)
    return builder.graph
  }

  private func options(_ equalizes: Bool, threads: Int = 2, activationBits: Int = 8)
    -> CompileOptions
  {
    var options = CompileOptions(activationBits: activationBits, threads: threads)
    options.equalizes = equalizes
    return options
  }

  /// Mean squared error of the outputs on samples that calibration did not see, and the model.
  private func error(_ graph: Graph, _ options: CompileOptions) throws -> (Double, CompiledModel) {
    let model = try compiled(graph, options, samples: randomSamples(graph, count: 48))
    let fresh = randomSamples(graph, count: 32, seed: 77)
    let prepared = try FloatEngine().prepare(graph)
    let outputs = try QuantizedRunner(model).outputs(of: fresh, threads: 2)
    var (sum, count) = (0.0, 0)
    for (sample, actual) in zip(fresh, outputs) {
      let wanted = try prepared.outputs(of: sample)[0].floats
      for (x, y) in zip(wanted, actual[0].floats) {
        sum += Double(x - y) * Double(x - y)
        count += 1
      }
    }
    return (sum / Double(count), model)
  }

  @Test(arguments: [8, 4]) func unevenChannelsAreScaled(activationBits: Int) throws {
    let graph = try network(ratio: 0.45)
    let (before, plain) = try error(graph, options(false, activationBits: activationBits))
    let (after, model) = try error(graph, options(true, activationBits: activationBits))
    #expect(plain.quantized.equalized.isEmpty)
    #expect(!model.quantized.equalized.isEmpty)
    #expect(after * 4 < before, "\(before) \(after)")
    // What is quantized computes the same in float.
    let (first, second) = (
      try FloatEngine().prepare(graph), try FloatEngine().prepare(model.quantized.float)
    )
    for sample in randomSamples(graph, count: 4, seed: 5) {
      let wanted = try first.outputs(of: sample)[0].floats
      let largest = wanted.reduce(0) { max($0, $1.magnitude) }
      for (x, y) in zip(wanted, try second.outputs(of: sample)[0].floats) {
        #expect((x - y).magnitude <= 1e-5 * largest)
      }
    }
    #expect(graph.nodes.map(\.name) == model.quantized.float.nodes.map(\.name))
    try prove(model.program)
  }

  @Test func threadsDoNotMatter() throws {
    let graph = try network(ratio: 0.45)
    let samples = randomSamples(graph, count: 32)
    let models = try [1, 2].map {
      try compiled(graph, options(true, threads: $0), samples: samples)
    }
    #expect(!models[0].quantized.equalized.isEmpty)
    #expect(models[0].quantized.equalized == models[1].quantized.equalized)
    #expect(models[0].program.constants.map(\.bytes) == models[1].program.constants.map(\.bytes))
  }

  /// Small channels that weights of 0 read: scaling them changes no range and no output.
  @Test func whatDoesNotHelpIsNotKept() throws {
    var random = SeededGenerator(seed: 9)
    var builder = GraphBuilder(name: "unread")
    let x = builder.addInput("x", TensorType(.float32, [1, 8]))
    let row = Tensor.random([8], &random).floats
    let rows = ([1, -1, 0.25, -0.25] as [Float]).flatMap { factor in row.map { $0 * factor } }
    let columns = (0..<12).map { $0 % 4 < 2 ? Float($0) - 5 : 0 }
    let w = builder.addConstant(Tensor(rows, [4, 8]), name: "w")
    let v = builder.addConstant(Tensor(columns, [3, 4]), name: "v")
    let h = try builder.add(FullyConnected(), [x, w], name: "h")[0]
    builder.addOutput("y", try builder.add(FullyConnected(), [h, v], name: "y")[0])
    let samples = randomSamples(builder.graph, count: 32)
    let models = try [true, false].map { equalizes in
      var options = options(equalizes)
      options.method = .minmax
      return try compiled(builder.graph, options, samples: samples)
    }
    #expect(models[0].quantized.equalized.isEmpty)
    #expect(models[0].program.constants.map(\.bytes) == models[1].program.constants.map(\.bytes))
  }

  /// Few samples cannot tell a gain from chance.
  @Test func fewSamplesChangeNothing() throws {
    let graph = try network(ratio: 0.45)
    let model = try compiled(graph, options(true), samples: randomSamples(graph, count: 7))
    #expect(model.quantized.equalized.isEmpty)
  }

  /// Scales that are powers of two stay so: the factors are such powers too.
  @Test func shiftsKeepPowersOfTwo() throws {
    let graph = try network(ratio: 0.25)
    var shifts = options(true)
    shifts.rounding = .shift
    let model = try compiled(graph, shifts, samples: randomSamples(graph, count: 48))
    #expect(!model.quantized.equalized.isEmpty)
    for chain in model.quantized.equalized {
      #expect(chain.factors.allSatisfy { $0.significand == 1 })
    }
  }
}
