import Testing
import UQEngine
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQQuantizer
import UQSupport
import UQToolkit

/// Networks whose activations are int16 throughout.
@Suite struct WideActivationTests {
  /// A network with every kind of call that int16 activations have.
  private func network() throws -> Graph {
    var network = RandomNetwork(name: "wide", seed: 31)
    func constant(_ shape: Shape) -> ValueID { network.constant(shape) }
    func add(_ op: some Operator, _ operands: [ValueID?]) throws -> ValueID {
      try network.add(op, operands)
    }
    let x = network.builder.addInput("x", TensorType(.float32, [1, 9, 8, 3]))
    let a = try add(
      Conv2D(
        window: Window2D(kernel: [3, 3], strides: [2, 1], padding: [1, 1, 1, 1]),
        activation: .relu), [x, constant([10, 3, 3, 3]), constant([10])])
    let b = try add(
      DepthwiseConv2D(window: Window2D(kernel: [3, 3], padding: [1, 1, 1, 1])),
      [a, constant([3, 3, 10]), constant([10])])
    let c = try add(Conv2D(window: Window2D(kernel: [1, 1])), [b, constant([10, 1, 1, 10]), nil])
    let sum = try add(Add(activation: .relu), [a, c])
    let gate = try add(Pointwise(function: .sigmoid), [c])
    let product = try add(Multiply(), [sum, gate])
    let scaled = try add(Multiply(), [product, constant([10])])
    let pooled = try add(
      MaxPool2D(window: Window2D(kernel: [2, 2], strides: [2, 2])), [scaled])
    let joined = try add(Concat(axis: 3), [pooled, pooled])
    let clipped = try add(Clip(bounds: Clamp(low: -0.5, high: 2)), [joined])
    let shape = network.builder.shape(of: clipped)
    let mean = try add(
      AveragePool2D(window: Window2D(kernel: [shape[1], shape[2]])), [clipped])
    let flat = try add(Reshape(shape: [1, 20]), [mean])
    let logits = try add(FullyConnected(), [flat, constant([6, 20]), constant([6])])
    network.builder.addOutput("logits", logits)
    network.builder.addOutput("y", try add(Softmax(axis: 1), [logits]))
    return try optimized(network.builder.graph)
  }

  @Test(arguments: [8, 4]) func compiledBytesAreTheSimulators(bits: Int) throws {
    let graph = try network()
    let model = try compiled(
      graph, CompileOptions(bits: bits, activationBits: 16, method: .minmax),
      samples: randomSamples(graph, count: 20))
    let symbols = Set(model.program.calls.map(\.kernel.symbol))
    #expect(symbols.allSatisfy { !$0.hasSuffix("_s8") || $0 == "uq_softmax_s16_s8" }, "\(symbols)")
    let suffix = bits == 8 ? "" : "_w4"
    #expect(
      symbols.isSuperset(of: [
        "uq_conv2d_s16\(suffix)", "uq_depthwise_conv2d_s16\(suffix)", "uq_fully_connected_s16",
        "uq_add_s16", "uq_mul_s16", "uq_lut_s16", "uq_max_pool2d_s16", "uq_avg_pool2d_s16",
      ]), "\(symbols)")
    let instructions = try prove(model.program)
    if let instructions {
      print("int16 w\(bits): \(instructions) for \(model.program.macs) MAC")
    }
  }

  @Test func sixteenBitsAreMoreExactThanEight() throws {
    let graph = try network()
    let samples = randomSamples(graph, count: 20)
    let exact = try FloatEngine().prepare(graph)
    var errors: [Double] = []
    for bits in [8, 16] {
      let model = try compiled(
        graph, CompileOptions(bits: 8, activationBits: bits, method: .minmax), samples: samples)
      let results = try QuantizedRunner(model).outputs(of: samples, threads: 1)
      var error = 0.0
      for (sample, result) in zip(samples, results) {
        let expected = try exact.outputs(of: sample)[0].floats
        for (x, y) in zip(result[0].floats, expected) { error += Double((x - y) * (x - y)) }
      }
      errors.append(error)
    }
    // 8-bit weights remain.
    #expect(errors[1] < errors[0] / 2, "\(errors)")
  }
}
