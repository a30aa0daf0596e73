import Foundation
import UQEngine
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQCalibration

extension SeededGenerator {
  /// A float of any magnitude: zeros of both signs, denormals, ordinary numbers and huge ones.
  mutating func wildFloat() -> Float {
    let sign: Float = Bool.random(using: &self) ? 1 : -1
    switch Int.random(in: 0..<12, using: &self) {
    case 0: return 0 * sign
    case 1: return sign * Float(bitPattern: UInt32.random(in: 1..<0x0080_0000, using: &self))
    case 2: return sign * Float.random(in: 0.5...1, using: &self) * 0x1p120
    case 3: return sign * exp2(Float.random(in: -120...100, using: &self))
    default: return sign * Float.random(in: 0...4, using: &self)
    }
  }

  /// Samples whose magnitudes differ by a common exponent from array to array.
  mutating func wildSample(_ count: Int) -> [Float] {
    if Int.random(in: 0..<3, using: &self) == 0 { return (0..<count).map { _ in wildFloat() } }
    let scale = exp2(Float.random(in: -40...40, using: &self))
    return (0..<count).map { _ in Float.random(in: -1...1, using: &self) * scale }
  }
}

/// A small network with a convolution, a residual sum and a softmax.
func smallNetwork() throws -> Graph {
  var builder = GraphBuilder(name: "small")
  var generator = SeededGenerator(seed: 7)
  let random = { (shape: Shape) in
    Tensor((0..<shape.count).map { _ in Float.random(in: -1...1, using: &generator) }, shape)
  }
  let x = builder.addInput("x", TensorType(.float32, [1, 4, 4, 3]))
  let weights = builder.addConstant(random([3, 3, 3, 3]), name: "w")
  let bias = builder.addConstant(random([3]), name: "b")
  let y = try builder.add(
    Conv2D(window: Window2D(kernel: [3, 3], padding: [1, 1, 1, 1]), activation: .relu),
    [x, weights, bias], name: "conv")[0]
  let sum = try builder.add(Add(), [x, y], name: "sum")[0]
  let flat = try builder.add(Reshape(shape: [1, 48]), [sum], name: "flat")[0]
  let dense = builder.addConstant(random([4, 48]), name: "fw")
  let logits = try builder.add(FullyConnected(), [flat, dense, nil], name: "fc")[0]
  let output = try builder.add(Softmax(axis: 1), [logits], name: "softmax")[0]
  builder.addOutput("y", output)
  return builder.graph
}

let someDigest = Digest(of: [1, 2, 3])

/// The calibration of `samples` by the real engine.
func calibrate(
  _ graph: Graph, _ samples: [[Tensor]], threads: Int = 1, sampleLimit: Int = 32 << 20
) throws -> Calibration {
  try Calibrator(graph: graph, modelDigest: someDigest, sampleLimit: sampleLimit).run(
    FloatEngine().prepare(graph), count: samples.count, threads: threads,
    sample: { samples[$0] }, done: {})
}

func inputShapes(_ graph: Graph) -> [Shape] { graph.inputs.map { graph.type(of: $0).shape } }
