import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQQuantizer

/// A layer with weights, as it stands in a graph.
struct LayerCase: Sendable, CustomTestStringConvertible {
  var name: String
  var op: any Operator
  var input: Shape
  var weights: Shape

  var testDescription: String { name }

  static let all = [
    LayerCase(
      name: "strides and padding",
      op: Conv2D(window: Window2D(kernel: [3, 3], strides: [2, 1], padding: [1, 0, 1, 2])),
      input: [1, 6, 5, 2], weights: [3, 3, 3, 2]),
    LayerCase(
      name: "dilations",
      op: Conv2D(window: Window2D(kernel: [2, 3], dilations: [3, 2], padding: [2, 1, 0, 1])),
      input: [1, 7, 8, 1], weights: [2, 2, 3, 1]),
    LayerCase(
      name: "groups",
      op: Conv2D(window: Window2D(kernel: [1, 2], padding: [0, 0, 0, 1]), groups: 2),
      input: [1, 3, 4, 6], weights: [4, 1, 2, 3]),
    LayerCase(
      name: "pointwise, batch of 2", op: Conv2D(window: Window2D(kernel: [1, 1])),
      input: [2, 3, 2, 4], weights: [5, 1, 1, 4]),
    LayerCase(
      name: "depthwise",
      op: DepthwiseConv2D(
        window: Window2D(kernel: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1])),
      input: [1, 6, 7, 3], weights: [3, 3, 3]),
    LayerCase(
      name: "depthwise, multiplier 2",
      op: DepthwiseConv2D(
        window: Window2D(kernel: [2, 2], dilations: [2, 1], padding: [0, 1, 1, 0]), multiplier: 2),
      input: [1, 5, 4, 2], weights: [2, 2, 4]),
    LayerCase(name: "fully connected", op: FullyConnected(), input: [3, 7], weights: [4, 7]),
  ]

  /// What a transposed convolution becomes: zeros between the pixels in front of a convolution.
  static func transposed() throws -> (graph: Graph, position: Int) {
    var builder = GraphBuilder(name: "transposed")
    let x = builder.addInput("x", TensorType(.float32, [1, 2, 3, 4]))
    let w = builder.addConstant(
      Tensor((0..<2 * 3 * 3 * 3).map { Float($0 % 7) - 3 }, [2, 3, 3, 3]), name: "w")
    let node = ForeignNode(
      dialect: .onnx, operatorName: "ConvTranspose", version: 13, name: "up",
      attributes: ["strides": .ints([2, 2]), "pads": .ints([1, 0, 1, 0])], operands: [x, w],
      results: ["y"], place: SourcePlace())
    let rule = try #require(
      TransposedConvolution.imports.first { $0.dialect == .onnx && $0.versions.contains(13) })
    builder.addOutput("y", try rule.build(node, &builder)[0])
    let position = try #require(builder.graph.nodes.firstIndex { $0.op is Conv2D })
    return (builder.graph, position)
  }

  /// Output of the layer without a bias.
  func output(_ x: Tensor, _ w: Tensor) throws -> Tensor {
    let types = try op.resultTypes([TensorType(.float32, input), TensorType(.float32, weights)])
    return try op.evaluate([x, w], results: types)[0]
  }
}

extension Tensor {
  /// Random floats in −1...1.
  static func random(_ shape: Shape, _ random: inout SeededGenerator) -> Tensor {
    Tensor((0..<shape.count).map { _ in Float.random(in: -1...1, using: &random) }, shape)
  }
}

/// `A · Aᵀ + ridge · I` for a random `A`.
func randomCovariance(_ size: Int, ridge: Double, _ random: inout SeededGenerator)
  -> SymmetricMatrix
{
  let a = (0..<size * size).map { _ in Double.random(in: -1...1, using: &random) }
  var elements = [Double](repeating: 0, count: size * size)
  for i in 0..<size {
    for j in 0..<size {
      elements[i * size + j] = (0..<size).reduce(i == j ? ridge : 0) {
        $0 + a[i * size + $1] * a[j * size + $1]
      }
    }
  }
  return SymmetricMatrix(size: size, elements: elements)
}
