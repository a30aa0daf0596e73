import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQQuantizer

/// A network with every operator that gradients pass, and pixels that no window reads.
private struct SmallNetwork {
  var graph = Graph(name: "small")
  private var generator = SeededGenerator(seed: 7)

  init() {
    let x = graph.append(Value(name: "x", type: TensorType(.float32, [1, 9, 10, 4])))
    graph.inputs = [x]
    let valid = Window2D(kernel: [3, 3], padding: [1, 1, 1, 1])
    let first = layer("conv", Conv2D(window: valid, activation: .relu), [8, 3, 3, 4], 8, x)
    let wise = layer(
      "depthwise",
      DepthwiseConv2D(
        window: Window2D(kernel: [3, 3], dilations: [2, 1], padding: [2, 1, 2, 1]), multiplier: 1),
      [3, 3, 8], 8, first)
    let sum = node("add", Add(activation: Clamp(low: -0.5, high: 3)), [wise, first])
    let grouped = layer(
      "grouped", Conv2D(window: Window2D(kernel: [1, 1], strides: [2, 2]), groups: 2),
      [6, 1, 1, 4], 6, sum)
    let double = layer(
      "double",
      DepthwiseConv2D(
        window: Window2D(kernel: [2, 2], padding: [0, 0, 1, 1]), multiplier: 2, activation: .relu),
      [2, 2, 12], 12, grouped)
    let pool = node("pool", AveragePool2D(window: Window2D(kernel: [5, 5])), [double])
    let flat = node("flat", Reshape(shape: [1, 12]), [pool])
    let logits = layer("dense", FullyConnected(), [3, 12], 3, flat)
    graph.outputs = [node("softmax", Softmax(axis: 1), [logits])]
    graph.outputNames = ["y"]
  }

  mutating func random(_ shape: Shape) -> Tensor {
    Tensor((0..<shape.count).map { _ in Float.random(in: -1..<1, using: &generator) }, shape)
  }

  private mutating func layer(
    _ name: String, _ op: any Operator, _ weights: Shape, _ channels: Int, _ x: ValueID
  ) -> ValueID {
    let w = graph.appendConstant(random(weights), name: "\(name)/w")
    let b = graph.appendConstant(random([channels]), name: "\(name)/b")
    return node(name, op, [x, w, b])
  }

  private mutating func node(_ name: String, _ op: any Operator, _ operands: [ValueID]) -> ValueID {
    let types = try? op.resultTypes(graph.types(of: operands))
    let result = graph.append(Value(name: name, type: types?[0] ?? TensorType(.float32, [])))
    graph.nodes.append(Node(name: name, op: op, operands: operands, results: [result]))
    return result
  }
}

@Suite struct ScaleTuningTests {
  private let engine: FloatEngine

  init() throws { engine = try FloatEngine() }

  private func layers(of graph: Graph) throws -> [WeightedLayer] {
    var integer = graph
    for index in integer.values.indices {
      integer.values[index].type.quantization = Quantization(bits: 8, scales: [1])
    }
    return try WeightedLayer.all(in: graph, integer: integer)
  }

  private func pass(
    _ network: inout SmallNetwork, _ activations: [ValueID: Quantization] = [:]
  ) throws -> TuningPass {
    let samples = (0..<4).map { _ in [network.random([1, 9, 10, 4])] }
    let error = try OutputError(
      graph: network.graph, prepared: engine.prepare(network.graph), samples: samples, threads: 2,
      measure: .divergence(marginAtMost: 5))
    return try TuningPass(
      gradients: GradientGraph(
        network.graph, layers: layers(of: network.graph), watched: Set(error.watched.keys)),
      error: error, activations: activations, evaluator: engine, threads: 2)
  }

  /// The float network with the parameters built in.
  private func network(_ graph: Graph, _ parameters: TuningParameters) -> Graph {
    var result = graph
    var offset = 0
    for node in graph.nodes {
      guard let (slot, axis) = node.weightOperand, let old = graph.constant(node.operands[slot])
      else { continue }
      var weights = old
      let inner = old.shape.dimensions[(axis + 1)...].reduce(1, *)
      weights.withMutableElements(Float.self) { w in
        for i in w.indices {
          w[i] *= parameters.factors[offset + i / inner % old.shape[axis]]
        }
      }
      let channels = old.shape[axis]
      if let id = node.operands[slot] { result.values[id.index].constant = weights }
      if let id = node.biasOperand {
        result.values[id.index].constant = Tensor(
          Array(parameters.biases[offset..<offset + channels]), [channels])
      }
      offset += channels
    }
    return result
  }

  @Test func gradientsAreThoseOfFiniteDifferences() throws {
    var small = SmallNetwork()
    let pass = try pass(&small)
    let graph = small.graph
    #expect(pass.gradients.layers.count == 5)
    var parameters = TuningParameters(count: 8 + 8 + 6 + 12 + 3)
    parameters.biases = graph.nodes.flatMap { graph.constant($0.biasOperand)?.floats ?? [] }
    var generator = SeededGenerator(seed: 3)
    for i in parameters.factors.indices {
      parameters.factors[i] = Float.random(in: 0.7..<1.3, using: &generator)
    }
    let gradient = try pass.gradient(at: parameters, samples: [0, 1, 2, 3])
    let count = parameters.factors.count
    let error = { (parameters: TuningParameters) in
      try pass.error.measure(engine.prepare(network(graph, parameters)), quantizing: [:]).mean
    }
    let largest = gradient.map(\.magnitude).max() ?? 0
    #expect(largest > 0.001)
    let step: Float = 1e-3
    for i in stride(from: 0, to: 2 * count, by: 3) {
      var (low, high) = (parameters, parameters)
      if i < count {
        low.factors[i] -= step
        high.factors[i] += step
      } else {
        low.biases[i - count] -= step
        high.biases[i - count] += step
      }
      let expected = try (error(high) - error(low)) / Double(2 * step)
      #expect((gradient[i] - expected).magnitude < 0.02 * largest, "parameter \(i)")
    }
  }

  @Test func threadsDoNotMatter() throws {
    var (one, two) = (SmallNetwork(), SmallNetwork())
    let quantization = Quantization(bits: 8, scales: [0.05], zeroPoint: 3)
    let activations = Dictionary(
      uniqueKeysWithValues: one.graph.nodes.map { ($0.result, quantization) })
    let parameters = TuningParameters(count: 37)
    let first = try pass(&one, activations).gradient(at: parameters, samples: [3, 1, 2])
    let second = try pass(&two, activations).gradient(at: parameters, samples: [3, 1, 2])
    #expect(first == second)
  }

  /// A network whose scales are off by known factors is brought back.
  @Test func lowersTheHeldOutDivergence() throws {
    var small = SmallNetwork()
    let graph = small.graph
    let layers = try layers(of: graph)
    let rounded = layers.map { layer -> RoundedLayer in
      let weights = graph.constant(graph.nodes[layer.position].operands[layer.slot])
      return RoundedLayer(
        weights: WeightQuantizer(bits: 2).quantize(
          weights ?? Tensor([0], [1]), axis: layer.axis, floors: layer.floors), bias: nil)
    }
    let samples = (0..<100).map { _ in [small.random([1, 9, 10, 4])] }
    func divergence(_ rounded: [RoundedLayer]) throws -> Double {
      var quantized = graph
      for (layer, rounded) in zip(layers, rounded) { quantized.install(rounded, at: layer) }
      let fresh = try OutputError(
        graph: graph, prepared: engine.prepare(graph),
        samples: samples.enumerated().filter { $0.offset % 5 == 4 }.map(\.element), threads: 1,
        measure: .divergence(marginAtMost: 5))
      return try fresh.measure(engine.prepare(quantized), quantizing: [:]).mean
    }
    let tuned = try ScaleTuning(
      graph: graph, evaluator: engine, samples: samples, activations: [:], keepsScales: false,
      threads: 2
    ).tune(rounded, of: layers)
    #expect(try divergence(tuned) < divergence(rounded))
    for (before, after) in zip(rounded, tuned) {
      #expect(after.weights.integers == before.weights.integers)
    }
    let kept = try ScaleTuning(
      graph: graph, evaluator: engine, samples: samples, activations: [:], keepsScales: true,
      threads: 1
    ).tune(rounded, of: layers)
    for (before, after) in zip(rounded, kept) {
      #expect(after.weights.quantization.scales == before.weights.quantization.scales)
    }
  }

  /// Where a network has an operator without an adjoint, the layers behind it are tuned all the same.
  @Test func stopsAtOperatorsWithoutAdjoint() throws {
    var graph = SmallNetwork().graph
    let add = try #require(graph.nodes.firstIndex { $0.name == "add" })
    graph.nodes[add].op = Multiply()
    let gradients = GradientGraph(
      graph, layers: try layers(of: graph),
      watched: [graph.nodes.first { $0.name == "dense" }?.result ?? graph.outputs[0]])
    #expect(gradients.layers.map { graph[$0.value].name } == ["grouped", "double", "dense"])
  }
}
