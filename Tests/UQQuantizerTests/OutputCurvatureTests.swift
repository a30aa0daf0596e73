import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQQuantizer

@Suite struct OutputCurvatureTests {
  private let engine: FloatEngine

  init() throws { engine = try FloatEngine() }

  private func curvature(_ network: inout SmallNetwork, samples: Int, threads: Int = 2) throws
    -> OutputCurvature
  {
    let graph = network.graph
    let shape = graph.type(of: graph.inputs[0]).shape
    var random = SeededGenerator(seed: 11)
    return try OutputCurvature(
      graph, layers: GradientProbe.layers(of: graph), evaluator: engine,
      samples: (0..<samples).map { _ in [Tensor.random(shape, &random)] }, threads: threads)
  }

  /// Of logits it is that of the divergence, `(diag(p) − p pᵀ) / T²`, over the samples.
  @Test func logitsHaveTheCurvatureOfTheDivergence() throws {
    var network = SmallNetwork([1, 5]) { network, x in
      network.layer("dense", FullyConnected(), [4, 5], 4, x)
    }
    let found = try curvature(&network, samples: 400)
    let position = try #require(network.graph.nodes.firstIndex { $0.name == "dense" })
    let matrix = try #require(found.matrices[position])
    for i in 0..<4 {
      // Shifting all logits alike changes nothing.
      let sum = (0..<4).reduce(0) { $0 + matrix[i * 4 + $1] }
      #expect(sum.magnitude < 0.02 * matrix[i * 4 + i])
      #expect(matrix[i * 4 + i] > 0)
      for j in 0..<4 where i != j {
        #expect(matrix[i * 4 + j] < 0)
        #expect((matrix[i * 4 + j] - matrix[j * 4 + i]).magnitude < 1e-3 * matrix[i * 4 + i])
      }
    }
    let coherence = try #require(found.coherence[position])
    #expect((coherence - 1).magnitude < 1e-6)
  }

  /// In front of a mean over all pixels they have one gradient; where half of them is cut off, less.
  @Test func patchesInFrontOfAMeanAreCoherent() throws {
    func coherence(_ activation: Clamp) throws -> Double {
      var network = SmallNetwork([1, 6, 6, 3]) { network, x in
        let y = network.layer(
          "conv", Conv2D(window: Window2D(kernel: [1, 1]), activation: activation), [5, 1, 1, 3],
          5, x)
        let mean = network.node("mean", AveragePool2D(window: Window2D(kernel: [6, 6])), [y])
        let flat = network.node("flat", Reshape(shape: [1, 5]), [mean])
        return network.layer("dense", FullyConnected(), [3, 5], 3, flat)
      }
      let found = try curvature(&network, samples: 20)
      return try #require(found.coherence[0])
    }
    let (all, half) = (try coherence(.none), try coherence(.relu))
    #expect((all - 1).magnitude < 1e-4)
    #expect(half > 0.1 && half < 0.9)
  }

  @Test func threadsDoNotMatter() throws {
    var (one, two) = (SmallNetwork(), SmallNetwork())
    let first = try curvature(&one, samples: 9, threads: 1)
    let second = try curvature(&two, samples: 9, threads: 2)
    #expect(first.matrices == second.matrices && first.coherence == second.coherence)
    #expect(first.matrices.count == 5)
  }

  /// Channels of one group of a grouped convolution alone are rounded together.
  @Test func groupsHaveTheirBlocks() throws {
    var network = SmallNetwork()
    let found = try curvature(&network, samples: 9)
    let graph = network.graph
    let position = try #require(graph.nodes.firstIndex { $0.name == "grouped" })
    let node = graph.nodes[position]
    let shapes = node.operands.map { graph.type(of: $0 ?? node.result).shape }
    let layout = try #require(PatchLayout(node.op, input: shapes[0], weights: shapes[1]))
    let all = try #require(found.matrices[position])
    let block = try #require(found.matrix(of: position, group: 1, of: layout))
    #expect(block == [3, 4, 5].flatMap { row in [3, 4, 5].map { all[row * 6 + $0] } })
    #expect(found.matrix(of: 999, group: 0, of: layout) == nil)
  }
}
