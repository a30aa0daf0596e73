import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQQuantizer

/// Weights that training left on few levels.
@Suite struct WeightGridTests {
  @Test func stepsAreFound() {
    #expect(WeightGrid.step(of: [0.5, -0.5, 0, 0.5], bits: 2) == 0.5)
    #expect(WeightGrid.step(of: [0.5, -0.5, -0.5, 0.5], bits: 1) == 0.5)
    #expect(
      WeightGrid.step(of: [0.3, -0.2, 0.2, 0.3], bits: 3).map { abs($0 - 0.1) < 1e-9 } == true)
    // The extreme is there on one side only, whichever.
    #expect(WeightGrid.step(of: [0.2, -0.1, 0.1], bits: 2) == 0.1)
    #expect(WeightGrid.step(of: [-0.2, 0.1], bits: 2) == 0.1)
  }

  @Test func otherWeightsHaveNone() {
    var random = SeededGenerator(seed: 3)
    for bits in 1...4 {
      let weights = (0..<16).map { _ in Double.random(in: -1...1, using: &random) }
      #expect(WeightGrid.step(of: weights, bits: bits) == nil)
    }
    for weights in [[], [0, 0], [.nan, 1], [.infinity, 1], [0.5, 0], [0.5, -0.5, 0.25]] {
      #expect(WeightGrid.step(of: weights, bits: 1) == nil)
    }
    #expect(WeightGrid.step(of: [0.2, -0.2, 0.1], bits: 2) == nil)
    #expect(WeightGrid.step(of: [1, 2, 3], bits: 8) == nil)
  }

  /// A step per output channel; few weights, or none, are no proof.
  @Test func layersAreRecognised() {
    let ternary = [1.0, -1, 0, 1, 1]
    #expect(WeightGrid.holds([ternary, [0.1, 0.1, 0, -0.1, 0.1]]))
    #expect(WeightGrid.holds([ternary, [0, 0, 0, 0, 0]]))
    #expect(!WeightGrid.holds([ternary, [0.1, 0.13, 0, -0.17, 0.1]]))
    #expect(!WeightGrid.holds([[0.3], [0.7], [0.9]]))
    #expect(!WeightGrid.holds([[0, 0, 0, 0, 0, 0]]))
    #expect(!WeightGrid.holds([]))
  }

  @Test func layersHaveTheirFewestBits() throws {
    var builder = GraphBuilder(name: "trained")
    let x = builder.addInput("x", TensorType(.float32, [1, 4, 4, 4]))
    // Channels of a depthwise convolution lie side by side.
    let taps = (0..<9 * 4).map { Float($0 / 4 % 3 - 1) * [0.3, 0.5, 0.7, 0.11][$0 % 4] }
    let w = builder.addConstant(Tensor(taps, [3, 3, 4]), name: "w")
    let y = try builder.add(
      DepthwiseConv2D(window: Window2D(kernel: [3, 3])), [x, w], name: "depthwise")[0]
    let rows = (0..<2 * 4).map { Float([3, -2, 1, -4][$0 % 4]) * ($0 < 4 ? 0.17 : 0.4) }
    let v = builder.addConstant(Tensor(rows, [2, 1, 1, 4]), name: "v")
    builder.addOutput(
      "z", try builder.add(Conv2D(window: Window2D(kernel: [1, 1])), [y, v], name: "pointwise")[0])
    let graph = builder.graph
    #expect(graph.nodes.map { graph.trainedBits(of: $0) } == [2, 3])
  }

  /// Rounding to nearest finds the step as well.
  @Test(arguments: 1...4) func plainRoundingLosesNothing(_ bits: Int) {
    var random = SeededGenerator(seed: 9)
    let most = 1 << (bits - 1)
    let weights = (0..<6 * 40).map { index -> Float in
      let scale = 0.013 * Float(index / 40 + 1)
      if bits == 1 { return Bool.random(using: &random) ? scale : -scale }
      return Float(Int.random(in: -most...most - 1, using: &random)) * scale
    }
    let tensor = Tensor(weights, [6, 40])
    let made = WeightQuantizer(bits: bits).quantize(
      tensor, axis: 0, floors: [Double](repeating: 0, count: 6))
    for (found, wanted) in zip(made.dequantized.floats, weights) {
      #expect(abs(found - wanted) <= 1e-6)
    }
  }

  /// Integers of 8 bits that another tool rounded to with one scale for all channels.
  @Test func eightBitsKeepTheGridOfOthers() {
    var random = SeededGenerator(seed: 11)
    let most = [127, 90, 50, 13, 1, 0]
    let integers = (0..<6 * 24).map { index in
      let limit = most[index / 24]
      return index % 24 == 0 ? limit : Int.random(in: -limit...limit, using: &random)
    }
    let tensor = Tensor(integers.map { Float($0) * 0.0137 }, [6, 24])
    let made = WeightQuantizer(bits: 8).quantize(
      tensor, axis: 0, floors: [Double](repeating: 0, count: 6))
    for (found, wanted) in zip(made.dequantized.floats, tensor.floats) {
      #expect(abs(found - wanted) <= 1e-6)
    }
    // The finest scale is taken, as biases are rounded to it.
    for (scale, limit) in zip(made.quantization.scales, most) where limit > 0 {
      #expect(abs(0.0137 / scale - Double(127 / limit)) < 1e-4)
    }
    let plain = (0..<24).map { _ in Double.random(in: -1...1, using: &random) }
    plain.withUnsafeBufferPointer { #expect(WeightGrid.finestStep(of: $0, most: 127) == nil) }
    for few in [[0.5, 0.25, 0.1], [0, 0, 0, 0], [], [.nan, 1, 2, 3], [.infinity, 1, 2, 3]] {
      few.withUnsafeBufferPointer { #expect(WeightGrid.finestStep(of: $0, most: 127) == nil) }
    }
  }
}
