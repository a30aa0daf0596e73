import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOperators

@testable import UQQuantizer

/// What stands between two layers, from `[1, 6, 6, 4]` to any shape.
private struct AdjointCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let build: @Sendable (inout SmallNetwork, ValueID) -> ValueID

  init(
    _ name: String, _ build: @escaping @Sendable (inout SmallNetwork, ValueID) -> ValueID
  ) {
    testDescription = name
    self.build = build
  }

  /// One operator whose other operands are constants.
  init(_ name: String, _ op: any Operator & Sendable, _ constants: Tensor...) {
    self.init(name) { network, x in
      let others = constants.map { network.graph.appendConstant($0, name: "\(name)/constant") }
      return network.node(name, op, [x] + others)
    }
  }
}

private func functions(_ list: PointwiseFunction...) -> [AdjointCase] {
  list.map { AdjointCase($0.definition.name, Pointwise(function: $0)) }
}

private let four = Tensor([Float(0.5), -1.5, 2, 0.8], [4])

private let cases: [AdjointCase] =
  [
    AdjointCase(
      "max pool",
      MaxPool2D(window: Window2D(kernel: [3, 2], strides: [2, 1], padding: [1, 0, 1, 1]))),
    AdjointCase(
      "average pool over padding",
      AveragePool2D(
        window: Window2D(kernel: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1]),
        includesPadding: true)),
    AdjointCase(
      "average pool without padding",
      AveragePool2D(window: Window2D(kernel: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1]))),
    AdjointCase("add constant", Add(activation: .relu), four),
    AdjointCase("subtract constant", Subtract(activation: Clamp(low: -1, high: 1)), four),
    AdjointCase("multiply constant", Multiply(activation: .relu), four),
    AdjointCase("divide by constant", Divide(activation: Clamp(low: -1)), four),
    AdjointCase("maximum", Maximum(), four),
    AdjointCase("minimum", Minimum(), four),
    AdjointCase("prelu", PRelu(), four),
    AdjointCase("clip", Clip(bounds: Clamp(low: -0.5, high: 1))),
    AdjointCase("transpose", Transpose(permutation: [0, 3, 1, 2])),
    AdjointCase("pad", Pad(before: [0, 1, 0, 1], after: [0, 0, 2, 1], value: 0.5)),
    AdjointCase(
      "slice", Slice(starts: [0, 5, 1, 0], ends: [1, 0, 6, 4], steps: [1, -2, 2, 1])),
    AdjointCase("resize", ResizeNearest(factors: [2, 3])),
    AdjointCase("gather", Gather(axis: 2), Tensor([Int64(3), 3, -1], [3])),
    AdjointCase("mean", Reduce(kind: .mean, axes: [1], keepsDimensions: false)),
    AdjointCase("sum", Reduce(kind: .sum, axes: [2, 3], keepsDimensions: true)),
    AdjointCase("softmax", Softmax(axis: 2)),
    AdjointCase("log softmax", LogSoftmax(axis: 3)),
    AdjointCase("gate") { network, x in
      let mean = network.node(
        "mean", Reduce(kind: .mean, axes: [1, 2], keepsDimensions: true), [x])
      let gate = network.node("gate", Pointwise(function: .sigmoid), [mean])
      return network.node("gated", Multiply(), [gate, x])
    },
    AdjointCase("quotient") { network, x in
      let positive = network.node("exp", Pointwise(function: .exp), [x])
      let sum = network.node(
        "sum", Reduce(kind: .sum, axes: [3], keepsDimensions: true), [positive])
      return network.node("quotient", Divide(), [positive, sum])
    },
    AdjointCase("difference from the mean") { network, x in
      let mean = network.node(
        "mean", Reduce(kind: .mean, axes: [3], keepsDimensions: true), [x])
      return network.node("difference", Subtract(), [x, mean])
    },
    AdjointCase("concat") { network, x in
      let copy = network.node("squares", Multiply(), [x, x])
      return network.node("concat", Concat(axis: 2), [copy, x, copy])
    },
    AdjointCase("broadcast") { network, x in
      let mean = network.node(
        "mean", Reduce(kind: .mean, axes: [2], keepsDimensions: true), [x])
      return network.node("broadcast", Broadcast(shape: [1, 6, 3, 4]), [mean])
    },
    AdjointCase("matrix product") { network, x in
      let rows = network.node("rows", Reshape(shape: [1, 36, 4]), [x])
      let columns = network.node("columns", Transpose(permutation: [0, 2, 1]), [rows])
      return network.node("product", MatrixProduct(), [columns, rows])
    },
  ]
  + functions(
    .abs, .affine(scale: -2, offset: 1), .elu(alpha: 0.7), .erf, .exp, .gelu(tanh: false),
    .hardSigmoid(alpha: 0.2, beta: 0.5), .hardSwish, .leakyRelu(alpha: 0.1), .negate,
    .power(exponent: 2), .sigmoid, .silu, .sin, .softplus, .tanh)

@Suite struct AdjointTests {
  @Test(arguments: cases)
  fileprivate func gradientsPass(_ testCase: AdjointCase) throws {
    var network = SmallNetwork([1, 6, 6, 4]) { network, x in
      let first = network.layer(
        "first", Conv2D(window: Window2D(kernel: [1, 1])), [4, 1, 1, 4], 4, x)
      let middle = testCase.build(&network, first)
      let count = network.graph.type(of: middle).shape.count
      let flat = network.node("flat", Reshape(shape: [1, count]), [middle])
      return network.layer("dense", FullyConnected(), [3, count], 3, flat)
    }
    let probe = try GradientProbe(&network, FloatEngine())
    #expect(probe.pass.gradients.layers.count == 2)
    try probe.compareWithDifferences(testCase.testDescription)
  }

  /// Functions that are flat between steps pass no gradient.
  @Test(arguments: [PointwiseFunction.sign, .round, .floor])
  func stepsStop(_ function: PointwiseFunction) throws {
    var network = SmallNetwork([1, 4]) { network, x in
      let first = network.layer("first", FullyConnected(), [4, 4], 4, x)
      let step = network.node("step", Pointwise(function: function), [first])
      return network.layer("dense", FullyConnected(), [3, 4], 3, step)
    }
    let probe = try GradientProbe(&network, FloatEngine())
    #expect(probe.pass.gradients.layers.map { probe.graph[$0.value].name } == ["dense"])
  }
}
