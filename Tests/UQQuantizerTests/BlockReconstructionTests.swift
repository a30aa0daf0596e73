import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQQuantizer

@Suite struct BlockReconstructionTests {
  private let engine: FloatEngine

  init() throws { engine = try FloatEngine() }

  @Test func residualsAreNotCut() throws {
    let graph = SmallNetwork().graph
    let layers = Set(try GradientProbe.layers(of: graph).map(\.position))
    let blocks = ReconstructionBlock.all(in: graph, layers: layers)
    let names = blocks.map { block in graph.nodes[block.nodes].map(\.name) }
    #expect(
      names == [
        ["conv", "depthwise", "add"], ["grouped", "double"],
        ["pool", "flat", "dense", "softmax"],
      ])
    #expect(blocks.map(\.input).first == graph.inputs[0])
    #expect(zip(blocks, blocks.dropFirst()).allSatisfy { $0.output == $1.input })
    #expect(blocks.last?.output == graph.outputs[0])
  }

  @Test func blocksComputeWhatTheNetworkComputes() throws {
    var network = SmallNetwork()
    let graph = network.graph
    let x = network.random([1, 9, 10, 4])
    let whole = try engine.prepare(graph).outputs(of: [x])
    var value = [x]
    for block in ReconstructionBlock.all(
      in: graph, layers: Set(try GradientProbe.layers(of: graph).map(\.position)))
    {
      value = try engine.prepare(block.graph(of: graph)).outputs(of: value)
    }
    #expect(value == whole)
  }

  @Test func gradientsAtWeightsAreThoseOfFiniteDifferences() throws {
    var network = SmallNetwork()
    let probe = try GradientProbe(&network, engine)
    let graph = probe.graph
    var parameters = TuningParameters(
      count: probe.pass.gradients.layers.reduce(0) { $0 + $1.channels })
    // Other biases than the float network's: where nothing is wrong there are no gradients.
    var moved = graph
    let layers = try GradientProbe.layers(of: graph)
    for layer in layers {
      let bias = (layer.bias ?? []).map { $0 + 0.4 }
      moved.setBias(Tensor(bias, [bias.count]), ofNode: layer.position)
    }
    parameters.biases = layers.flatMap { ($0.bias ?? []).map { $0 + 0.4 } }
    let layouts = try layers.map { layer in
      let node = graph.nodes[layer.position]
      let shapes = node.operands.map { graph.type(of: $0 ?? node.result).shape }
      return try #require(PatchLayout(node.op, input: shapes[0], weights: shapes[1]))
    }
    let found = try probe.pass.weightGradient(
      at: parameters, samples: [0, 1, 2, 3], layers: layouts, evaluator: engine)
    let expected = try probe.pass.gradient(at: parameters, samples: [0, 1, 2, 3])
    #expect(zip(found.parameters, expected).allSatisfy { ($0 - $1).magnitude < 1e-5 })
    for (index, layer) in layers.enumerated() {
      let weights = try #require(graph.constant(graph.nodes[layer.position].operands[1]))
      let largest = found.weights[index].map(\.magnitude).max() ?? 0
      #expect(largest > 1e-4)
      func error(_ element: Int, _ step: Float) throws -> Double {
        var arranged = layouts[index].arrange(weights)
        arranged[element] += step
        var changed = moved
        let id = changed.appendConstant(
          layouts[index].disarrange(arranged, weights.shape), name: "changed")
        changed.nodes[layer.position].operands[1] = id
        return try probe.pass.error.measure(engine.prepare(changed), quantizing: [:]).mean
      }
      for element in stride(from: 0, to: weights.count, by: 11) {
        let difference = try (error(element, 1e-3) - error(element, -1e-3)) / 2e-3
        #expect(
          (Double(found.weights[index][element]) - difference).magnitude < 0.03 * Double(largest),
          "\(layer.name) \(element)")
      }
    }
  }

  private func plain(_ graph: Graph, bits: Int) throws -> [RoundedLayer] {
    try GradientProbe.layers(of: graph).map { layer in
      let weights = graph.constant(graph.nodes[layer.position].operands[layer.slot])
      return RoundedLayer(
        weights: WeightQuantizer(bits: bits).quantize(
          weights ?? Tensor([0], [1]), axis: layer.axis, floors: layer.floors), bias: nil)
    }
  }

  /// Samples whose pixels go together, so that errors of weights can make up for each other.
  private func correlated(_ network: inout SmallNetwork, _ count: Int) -> [[Tensor]] {
    (0..<count).map { _ in
      let level = network.random([4]).floats
      let noise = network.random([1, 9, 10, 4])
      return [
        Tensor(
          noise.floats.enumerated().map { 2 * level[$0.offset % 4] + 0.3 * $0.element },
          noise.shape)
      ]
    }
  }

  /// Of plainly rounded weights there is much to learn.
  @Test func lowersTheHeldOutError() throws {
    var network = SmallNetwork()
    let graph = network.graph
    let layers = try GradientProbe.layers(of: graph)
    let rounded = try plain(graph, bits: 2)
    let samples = correlated(&network, 80)
    let block = try #require(
      ReconstructionBlock.all(in: graph, layers: Set(layers.map(\.position))).first)
    var results: [[Int: RoundedLayer]] = []
    for threads in [1, 2] {
      let found = try #require(
        try BlockReconstruction(
          graph: graph, evaluator: engine, samples: samples, activations: [:], threads: threads
        ).reconstruct(block, layers, rounded, after: graph.installing(rounded, layers)))
      let after = try #require(found.outcome.after)
      #expect(after < 0.8 * found.outcome.before)
      #expect(found.layers.keys.sorted() == [0, 1])
      results.append(found.layers)
    }
    for index in [0, 1] {
      let (one, two) = (try #require(results[0][index]), try #require(results[1][index]))
      #expect(one.weights.integers == two.weights.integers)
      #expect(one.weights.quantization == two.weights.quantization && one.bias == two.bias)
      #expect(one.weights.integers != rounded[index].weights.integers)
      #expect(one.weights.integers.elements(Int8.self).allSatisfy { (-2...1).contains($0) })
      // What is installed is what the integers stand for.
      let scales = one.weights.quantization.scales
      let axis = layers[index].axis
      let inner = one.weights.integers.shape.dimensions[(axis + 1)...].reduce(1, *)
      for (i, q) in one.weights.integers.elements(Int8.self).enumerated() {
        let real = Double(q) * scales[i / inner % scales.count]
        #expect((real - Double(one.weights.dequantized.floats[i])).magnitude < 1e-5)
      }
    }
  }

  @Test func leavesBlocksOfSmallErrorAlone() throws {
    var network = SmallNetwork()
    let graph = network.graph
    let layers = try GradientProbe.layers(of: graph)
    let rounded = try plain(graph, bits: 8)
    let samples = (0..<50).map { _ in [network.random([1, 9, 10, 4])] }
    for block in ReconstructionBlock.all(in: graph, layers: Set(layers.map(\.position))) {
      let found = try #require(
        try BlockReconstruction(
          graph: graph, evaluator: engine, samples: samples, activations: [:], threads: 1
        ).reconstruct(block, layers, rounded, after: graph.installing(rounded, layers)))
      #expect(found.layers.isEmpty && found.outcome.after == nil)
    }
  }

  @Test func fewSamplesTeachNothing() throws {
    var network = SmallNetwork()
    let graph = network.graph
    let layers = try GradientProbe.layers(of: graph)
    let rounded = try plain(graph, bits: 2)
    let block = try #require(
      ReconstructionBlock.all(in: graph, layers: Set(layers.map(\.position))).first)
    let samples = (0..<39).map { _ in [network.random([1, 9, 10, 4])] }
    #expect(
      try BlockReconstruction(
        graph: graph, evaluator: engine, samples: samples, activations: [:], threads: 1
      ).reconstruct(block, layers, rounded, after: graph) == nil)
  }

  /// At the end of learning every integer is one of its neighbours.
  @Test func softIntegersEndAtNeighbours() {
    var soft = SoftRounding([1, 0, -2, 0], wanted: [1.4, -0.3, -2.6, 0], lowest: -2, highest: 1)
    #expect(soft.integers == [1, 0, -2, 0])
    #expect(soft.bases == [0, -1, -2, 0])
    for step in 0..<200 {
      soft.descend(
        [-1, 1, 0, -1], rate: 0.1, penalty: 0.01, exponent: 20 - 18 * Float(step) / 200)
    }
    #expect(soft.integers == [1, -1, -2, 1])
    #expect(zip(soft.values, soft.integers).allSatisfy { ($0 - Float($1)).magnitude < 0.01 })
  }
}

extension Graph {
  fileprivate func installing(_ rounded: [RoundedLayer], _ layers: [WeightedLayer]) -> Graph {
    var result = self
    for (layer, rounded) in zip(layers, rounded) { result.install(rounded, at: layer) }
    return result
  }
}
