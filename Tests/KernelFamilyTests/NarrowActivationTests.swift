import Testing
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQQuantizer
import UQSupport
import UQToolkit

/// Networks whose inner activations have 4 bits, with the gates of today's small networks.
@Suite struct NarrowActivationTests {
  /// Functions of a number, a gate for each channel, and a gate for each element, of even and odd channels.
  private func network(channels: Int) throws -> Graph {
    var network = RandomNetwork(name: "narrow", seed: 41)
    func constant(_ shape: Shape) -> ValueID { network.constant(shape) }
    func add(_ op: some Operator, _ operands: [ValueID?]) throws -> ValueID {
      try network.add(op, operands)
    }
    let one = Window2D(kernel: [1, 1])
    let x = network.builder.addInput("x", TensorType(.float32, [1, 9, 8, 3]))
    let a = try add(
      Conv2D(window: Window2D(kernel: [3, 3], strides: [2, 1], padding: [1, 1, 1, 1])),
      [x, constant([channels, 3, 3, 3]), constant([channels])])
    let b = try add(Pointwise(function: .hardSwish), [a])
    let shape = network.builder.shape(of: b)
    let mean = try add(AveragePool2D(window: Window2D(kernel: [shape[1], shape[2]])), [b])
    let squeezed = try add(
      Conv2D(window: one, activation: .relu), [mean, constant([4, 1, 1, channels]), constant([4])])
    let excited = try add(
      Conv2D(window: one), [squeezed, constant([channels, 1, 1, 4]), constant([channels])])
    let gate = try add(Pointwise(function: .hardSigmoid(alpha: 0.2, beta: 0.5)), [excited])
    let gated = try add(Multiply(), [b, gate])
    let c = try add(
      DepthwiseConv2D(window: Window2D(kernel: [3, 3], padding: [1, 1, 1, 1])),
      [gated, constant([3, 3, channels]), constant([channels])])
    let d = try add(Multiply(), [c, try add(Pointwise(function: .sigmoid), [a])])
    let sum = try add(Add(), [d, b])
    let pooled = try add(MaxPool2D(window: Window2D(kernel: [2, 2], strides: [2, 2])), [sum])
    let rest = network.builder.shape(of: pooled)
    let flat = try add(
      AveragePool2D(window: Window2D(kernel: [rest[1], rest[2]])), [pooled])
    let row = try add(Reshape(shape: [1, channels]), [flat])
    let logits = try add(FullyConnected(), [row, constant([6, channels]), constant([6])])
    network.builder.addOutput("y", try add(Softmax(axis: 1), [logits]))
    return try optimized(network.builder.graph)
  }

  @Test(arguments: [10, 7]) func compiledBytesAreTheSimulators(channels: Int) throws {
    let graph = try network(channels: channels)
    let model = try compiled(
      graph, CompileOptions(bits: 8, activationBits: 4, method: .minmax),
      samples: randomSamples(graph, count: 20))
    let choices = try #require(model.activations)
    let closed = choices.layers.filter { $0.bits != 4 }
    #expect(closed.allSatisfy { $0.obstacle?.contains("kernel") != true }, "\(closed)")
    let symbols = model.program.calls.map(\.kernel.symbol)
    #expect(symbols.count { $0 == "uq_mul_s4" } == 2, "\(symbols)")
    #expect(symbols.count { $0 == "uq_lut_s4" } == 3, "\(symbols)")
    let tables = model.program.constants.filter { $0.role == .table }
    #expect(tables.contains { $0.bytes.count == 16 })
    let instructions = try prove(model.program)
    if let instructions { print("int4 gates: \(instructions) for \(model.program.macs) MAC") }
  }

  /// Some activations alone: kernels have 4 bits on one side and 8 on the other.
  @Test(arguments: [10, 7]) func someActivationsAreBytes(channels: Int) throws {
    let graph = try network(channels: channels)
    let samples = randomSamples(graph, count: 20)
    let all = try compiled(
      graph, CompileOptions(bits: 8, activationBits: 4, method: .minmax), samples: samples)
    let names = all.activations?.layers.filter { $0.bits == 4 }.map(\.name) ?? []
    for kept in 0..<3 {
      let rules = names.indices.filter { $0 % 3 == kept }.map {
        LayerRule(names[$0], activationBits: 8)
      }
      let model = try compiled(
        graph, CompileOptions(bits: 8, layers: rules, activationBits: 4, method: .minmax),
        samples: samples)
      #expect(model.program.packedBufferCount < all.program.packedBufferCount)
      try prove(model.program, samples: 3)
    }
  }
}
