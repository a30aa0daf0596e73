import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQQuantizer

@Suite struct ScaleTuningTests {
  private let engine: FloatEngine

  init() throws { engine = try FloatEngine() }

  @Test func gradientsAreThoseOfFiniteDifferences() throws {
    var small = SmallNetwork()
    let probe = try GradientProbe(&small, engine)
    #expect(probe.pass.gradients.layers.count == 5)
    try probe.compareWithDifferences()
  }

  @Test func threadsDoNotMatter() throws {
    var (one, two) = (SmallNetwork(), SmallNetwork())
    let quantization = Quantization(bits: 8, scales: [0.05], zeroPoint: 3)
    let activations = Dictionary(
      uniqueKeysWithValues: one.graph.nodes.map { ($0.result, quantization) })
    let parameters = TuningParameters(count: 37)
    let first = try GradientProbe(&one, engine, activations: activations).pass
      .gradient(at: parameters, samples: [3, 1, 2])
    let second = try GradientProbe(&two, engine, activations: activations).pass
      .gradient(at: parameters, samples: [3, 1, 2])
    #expect(first == second)
  }

  /// A network whose scales are off by known factors is brought back.
  @Test func lowersTheHeldOutDivergence() throws {
    var small = SmallNetwork()
    let graph = small.graph
    let layers = try GradientProbe.layers(of: graph)
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
        marginAtMost: 5)
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
    graph.nodes[add].op = Power()
    let gradients = GradientGraph(
      graph, layers: try GradientProbe.layers(of: graph),
      watched: [graph.nodes.first { $0.name == "dense" }?.result ?? graph.outputs[0]])
    #expect(gradients.layers.map { graph[$0.value].name } == ["grouped", "double", "dense"])
  }
}
