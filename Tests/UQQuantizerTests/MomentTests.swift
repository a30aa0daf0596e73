import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQQuantizer

@Suite struct PatchLayoutTests {
  /// A weight that is 1 where all others are 0 makes its output channel the elements it multiplies.
  @Test(arguments: LayerCase.all)
  func elementsAreWhatTheirWeightsMultiply(_ layer: LayerCase) throws {
    let layout = try #require(
      PatchLayout(layer.op, input: layer.input, weights: layer.weights))
    var random = SeededGenerator(seed: 1)
    let x = Tensor.random(layer.input, &random)
    var patches = [Float](repeating: .nan, count: layout.groups * layout.rows * layout.depth)
    let written = x.withElements(Float.self) {
      $0.baseAddress.map { layout.extract($0, first: 0, step: 1, into: &patches) }
    }
    #expect(written == layout.rows)
    var seen: Set<Int> = []
    for group in 0..<layout.groups {
      for channel in 0..<layout.channels {
        let o = layout.outputChannel(group: group, channel: channel)
        for k in 0..<layout.depth {
          let index = layout.weightIndex(group: group, channel: channel, element: k)
          #expect(seen.insert(index).inserted)
          var one = [Float](repeating: 0, count: layer.weights.count)
          one[index] = 1
          let y = try layer.output(x, Tensor(one, layer.weights))
          let channels = y.shape.last ?? 1
          let expected = stride(from: o, to: y.count, by: channels).map { y.floats[$0] }
          let found = (0..<layout.rows).map {
            patches[(group * layout.rows + $0) * layout.depth + k]
          }
          #expect(found == expected)
        }
      }
    }
    #expect(seen.count == layer.weights.count)
  }

  @Test(arguments: LayerCase.all)
  func rowsMayBeSkipped(_ layer: LayerCase) throws {
    let layout = try #require(
      PatchLayout(layer.op, input: layer.input, weights: layer.weights))
    var random = SeededGenerator(seed: 2)
    let x = Tensor.random(layer.input, &random)
    func rows(_ first: Int, _ step: Int) -> [[Float]] {
      var patches = [Float](repeating: 0, count: layout.groups * layout.rows * layout.depth)
      let count = x.withElements(Float.self) {
        $0.baseAddress.map { layout.extract($0, first: first, step: step, into: &patches) } ?? 0
      }
      return (0..<layout.groups * count).map {
        Array(patches[$0 * layout.depth..<($0 + 1) * layout.depth])
      }
    }
    let all = rows(0, 1)
    for (first, step) in [(0, 2), (1, 3), (layout.rows - 1, 1), (layout.rows - 1, 50)] {
      let chosen = Array(stride(from: first, to: layout.rows, by: step))
      let expected = (0..<layout.groups).flatMap { group in
        chosen.map { all[group * layout.rows + $0] }
      }
      #expect(rows(first, step) == expected)
    }
  }

  @Test(arguments: LayerCase.all)
  func meanPatchesAreMeansOfThePatches(_ layer: LayerCase) throws {
    let layout = try #require(
      PatchLayout(layer.op, input: layer.input, weights: layer.weights))
    var random = SeededGenerator(seed: 3)
    let x = Tensor.random(layer.input, &random)
    var patches = [Float](repeating: 0, count: layout.groups * layout.rows * layout.depth)
    _ = x.withElements(Float.self) {
      $0.baseAddress.map { layout.extract($0, first: 0, step: 1, into: &patches) }
    }
    let mean = layout.meanPatch(x.floats)
    for group in 0..<layout.groups {
      for k in 0..<layout.depth {
        let sum = (0..<layout.rows).reduce(0.0) {
          $0 + Double(patches[(group * layout.rows + $1) * layout.depth + k])
        }
        #expect(
          (mean[group * layout.depth + k] - sum / Double(layout.rows)).magnitude < 1e-6)
      }
    }
  }

  @Test(arguments: LayerCase.all)
  func weightsComeBackToTheirPlaces(_ layer: LayerCase) throws {
    let layout = try #require(
      PatchLayout(layer.op, input: layer.input, weights: layer.weights))
    var random = SeededGenerator(seed: 4)
    let weights = Tensor.random(layer.weights, &random)
    #expect(layout.disarrange(layout.arrange(weights), layer.weights) == weights)
  }

  @Test func transposedConvolutionsAreConvolutions() throws {
    let (graph, position) = try LayerCase.transposed()
    let node = graph.nodes[position]
    let operands = node.operands.map { graph.type(of: $0 ?? node.result).shape }
    try elementsAreWhatTheirWeightsMultiply(
      LayerCase(name: "transposed", op: node.op, input: operands[0], weights: operands[1]))
  }

  @Test func otherOperatorsHaveNone() {
    #expect(PatchLayout(Softmax(axis: 1), input: [1, 4], weights: [4]) == nil)
    #expect(
      PatchLayout(
        Conv2D(window: Window2D(kernel: [9, 9])), input: [1, 4, 4, 1], weights: [1, 9, 9, 1])
        == nil)
  }
}

@Suite struct MomentTests {
  /// Float inputs, the inputs as the quantized network has them, and weights.
  private struct Data {
    var x: [[Float]]
    var quantized: [[Float]]
    var weights: Tensor

    init(_ layer: LayerCase, samples: Int) {
      var random = SeededGenerator(seed: 5)
      x = (0..<samples).map { _ in Tensor.random(layer.input, &random).floats.map { $0 + 0.5 } }
      quantized = x.map { $0.map { ($0 * 8).rounded() / 8 } }
      weights = .random(layer.weights, &random)
    }
  }

  private func sums(
    _ layout: PatchLayout, _ data: Data, _ ranges: [Range<Int>], step: Int = 1
  ) throws -> MomentSums {
    var sums = MomentSums(layout)
    for range in ranges {
      try sums.add(
        range, data.x, data.quantized, weights: layout.arrange(data.weights), step: step,
        FloatEngine())
    }
    return sums
  }

  private func covariance(_ a: [[Double]], _ b: [[Double]]) -> [Double] {
    let means = [a, b].map { columns in
      columns.map { $0.reduce(0, +) / Double($0.count) }
    }
    return a.enumerated().flatMap { i, first in
      b.enumerated().map { j, second in
        zip(first, second).reduce(0) { $0 + ($1.0 - means[0][i]) * ($1.1 - means[1][j]) }
          / Double(first.count)
      }
    }
  }

  @Test(arguments: LayerCase.all)
  func momentsAreThoseOfAllPatches(_ layer: LayerCase) throws {
    let layout = try #require(
      PatchLayout(layer.op, input: layer.input, weights: layer.weights))
    let data = Data(layer, samples: 5)
    let found = try sums(layout, data, [0..<5])
    for group in 0..<layout.groups {
      // What weight `k` multiplies, over all rows of all samples.
      let columns = try (0..<layout.depth).map { k -> [Double] in
        var one = [Float](repeating: 0, count: layer.weights.count)
        one[layout.weightIndex(group: group, channel: 0, element: k)] = 1
        return try outputs(
          layer, data.quantized, Tensor(one, layer.weights),
          channel: layout.outputChannel(group: group, channel: 0))
      }
      let results = try (0..<layout.channels).map {
        try outputs(
          layer, data.x, data.weights, channel: layout.outputChannel(group: group, channel: $0))
      }
      let moments = found.moments(ofGroup: group, coherence: 0)
      #expect(isClose(moments.covariance, covariance(columns, columns)))
      #expect(isClose(moments.cross, covariance(columns, results)))
      #expect(isClose(moments.inputMean, columns.map { $0.reduce(0, +) / Double($0.count) }))
      #expect(isClose(moments.outputMean, results.map { $0.reduce(0, +) / Double($0.count) }))
    }
  }

  private func outputs(_ layer: LayerCase, _ x: [[Float]], _ w: Tensor, channel: Int) throws
    -> [Double]
  {
    try x.flatMap { sample in
      let y = try layer.output(Tensor(sample, layer.input), w)
      return stride(from: channel, to: y.count, by: y.shape.last ?? 1).map { Double(y.floats[$0]) }
    }
  }

  private func isClose(_ a: [Double], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { ($0 - $1).magnitude <= 1e-5 }
  }

  @Test(arguments: LayerCase.all)
  func samplesMayComeInParts(_ layer: LayerCase) throws {
    let layout = try #require(
      PatchLayout(layer.op, input: layer.input, weights: layer.weights))
    let data = Data(layer, samples: 6)
    for step in [1, 3] {
      let whole = try sums(layout, data, [0..<6], step: step)
      let streamed = try sums(layout, data, (0..<6).map { $0..<$0 + 1 }, step: step)
      #expect(
        whole.patches.squares == streamed.patches.squares
          && whole.patches.cross == streamed.patches.cross)
      #expect(
        whole.patches.inputs == streamed.patches.inputs
          && whole.patches.outputs == streamed.patches.outputs)
      var merged = try sums(layout, data, [0..<2], step: step)
      merged.merge(try sums(layout, data, [2..<6], step: step))
      #expect(merged.patches.rows == whole.patches.rows)
      #expect(
        isClose(merged.patches.squares, whole.patches.squares)
          && isClose(merged.patches.cross, whole.patches.cross))
    }
  }

  /// Errors that the patches of a sample share count by the number of patches.
  @Test(arguments: LayerCase.all)
  func coherentErrorsWeighByTheirPatches(_ layer: LayerCase) throws {
    let layout = try #require(
      PatchLayout(layer.op, input: layer.input, weights: layer.weights))
    let data = Data(layer, samples: 5)
    var found = try sums(layout, data, [0..<5])
    for range in [3..<5, 0..<3] {
      try found.addMeans(
        range, data.x, data.quantized, weights: layout.arrange(data.weights), FloatEngine())
    }
    let share = 0.25
    for group in 0..<layout.groups {
      let columns = (0..<layout.depth).map { k in
        data.quantized.map { layout.meanPatch($0)[group * layout.depth + k] }
      }
      let weights = layout.arrange(data.weights)
      let results = (0..<layout.channels).map { channel in
        data.x.map { x -> Double in
          let mean = layout.meanPatch(x)
          return (0..<layout.depth).reduce(0) {
            $0 + mean[group * layout.depth + $1]
              * Double(weights[(group * layout.channels + channel) * layout.depth + $1])
          }
        }
      }
      let single = found.moments(ofGroup: group, coherence: 0)
      let together = found.moments(ofGroup: group, coherence: share)
      let rows = Double(layout.rows)
      func mixed(_ single: [Double], _ mean: [Double]) -> [Double] {
        layout.rows == 1
          ? single : zip(single, mean).map { (1 - share) * $0 + share * rows * $1 }
      }
      #expect(
        isClose(together.covariance, mixed(single.covariance, covariance(columns, columns))))
      #expect(isClose(together.cross, mixed(single.cross, covariance(columns, results))))
      #expect(together.inputMean == single.inputMean && together.outputMean == single.outputMean)
    }
  }

  @Test func nothingHasNoMoments() throws {
    let layout = try #require(PatchLayout(FullyConnected(), input: [1, 3], weights: [2, 3]))
    let moments = MomentSums(layout).moments(ofGroup: 0, coherence: 0.5)
    #expect(moments.covariance.allSatisfy { $0 == 0 } && moments.inputMean == [0, 0, 0])
  }

  /// Few samples pull the weights towards the float ones, the more so the deeper the patches.
  @Test func dampingGrowsWhereSamplesAreFew() throws {
    func damping(_ samples: Int, pixels: Int, depth: Int) throws -> Double {
      let layout = try #require(
        PatchLayout(
          Conv2D(window: Window2D(kernel: [1, 1])), input: [1, pixels, 1, depth],
          weights: [8, 1, 1, depth]))
      return DataAwareRounding.damping(samples: samples, layout)
    }
    #expect(try damping(64, pixels: 1, depth: 256) == 0.06)
    #expect(try damping(1000, pixels: 1, depth: 256) == 0.06)
    #expect(try damping(16, pixels: 1, depth: 64) == 0.06 + 4)
    #expect(try damping(48, pixels: 4, depth: 96) == 0.06 + 0.5)
    #expect(try damping(8, pixels: 100, depth: 64) > damping(16, pixels: 100, depth: 64))
  }
}
