import Testing
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQSupport

/// Kernels against `evaluate`: a result that is rounded once is within half a step of the real number.
@Suite struct QuantizedLayerTests {
  /// Half a step, and what a multiplier of 31 bits may be off for sums of a few thousand steps.
  static let once = 0.5 + 1e-4
  /// Two roundings: half a step each.
  static let twice = 1.0 + 1e-4

  static let spatial: [QuantizedLayer] = [
    // 3x3, padded, strided, bounded.
    QuantizedLayer(
      op: Conv2D(
        window: Window2D(kernel: [3, 3], strides: [2, 1], padding: [1, 0, 1, 2]),
        activation: Clamp(low: 0, high: 6)),
      x: [1, 7, 5, 3], weights: [5, 3, 3, 3]),
    // Pointwise.
    QuantizedLayer(
      op: Conv2D(window: Window2D(kernel: [1, 1])), x: [1, 4, 5, 9], weights: [6, 1, 1, 9]),
    // 1-D over the width.
    QuantizedLayer(
      op: Conv2D(window: Window2D(kernel: [1, 4], padding: [0, 2, 0, 1])), x: [1, 1, 12, 5],
      weights: [4, 1, 4, 5]),
    // Groups and dilation.
    QuantizedLayer(
      op: Conv2D(
        window: Window2D(kernel: [2, 3], dilations: [2, 2], padding: [1, 2, 1, 2]), groups: 2),
      x: [1, 6, 7, 4], weights: [6, 2, 3, 2]),
    QuantizedLayer(
      op: DepthwiseConv2D(
        window: Window2D(kernel: [3, 3], padding: [1, 1, 1, 1]), activation: .relu),
      x: [1, 6, 5, 7], weights: [3, 3, 7], channelAxis: 2),
    QuantizedLayer(
      op: DepthwiseConv2D(
        window: Window2D(
          kernel: [2, 3], strides: [2, 2], dilations: [1, 2], padding: [0, 1, 1, 2]),
        multiplier: 3),
      x: [1, 5, 8, 3], weights: [2, 3, 9], channelAxis: 2),
    QuantizedLayer(op: FullyConnected(), x: [1, 37], weights: [11, 37]),
    QuantizedLayer(
      op: FullyConnected(activation: .relu), x: [2, 3, 16], weights: [5, 16], hasBias: false),
  ]

  @Test(arguments: spatial.indices, [8, 4, 3, 2, 1])
  func layersAreWithinHalfAStep(index: Int, bits: Int) throws {
    for seed in 1...3 {
      var layer = Self.spatial[index]
      layer.bits = bits
      layer.seed = UInt64(seed)
      #expect(try layer.largestError() <= Self.once)
      layer.rounding = .double
      #expect(try layer.largestError() <= Self.twice)
      layer.rounding = .shift
      #expect(try layer.largestError() <= Self.once)
    }
  }

  @Test(arguments: [0, 1, 2, 6, 7], [4, 3, 2])
  func groupwiseLayersAreWithinHalfAStep(index: Int, bits: Int) throws {
    for groupSize in [1, 2, 3, 8, 100] {
      var layer = Self.spatial[index]
      layer.bits = bits
      layer.groupSize = groupSize
      layer.seed = UInt64(groupSize)
      #expect(try layer.largestError() <= Self.once, "groups of \(groupSize)")
    }
  }

  @Test(arguments: [8, 4, 3, 2, 1])
  func wideResultsAreWithinHalfAStep(bits: Int) throws {
    let layer = QuantizedLayer(
      op: FullyConnected(), x: [3, 20], weights: [7, 20], bits: bits, element: .int16)
    // 2^16 steps: a multiplier of 31 bits adds up to 2^15 · 2^-30.
    #expect(try layer.largestError() <= Self.once)
  }

  @Test(arguments: spatial.indices, [8, 4, 3, 2, 1])
  func int16LayersAreWithinHalfAStep(index: Int, bits: Int) throws {
    for seed in 1...3 {
      var layer = Self.spatial[index]
      (layer.xElement, layer.element, layer.zeroPoint16) = (.int16, .int16, 0)
      (layer.bits, layer.seed) = (bits, UInt64(seed))
      #expect(try layer.largestError() <= Self.once)
      layer.rounding = .double
      #expect(try layer.largestError() <= Self.twice)
    }
  }

  /// Rows so long that sums of 16 by 8 bits leave 32: one more rounding, of a 2^15th of a step and less.
  @Test(arguments: [8, 4])
  func longInt16RowsAreWithinHalfAStep(bits: Int) throws {
    let depth = bits == 8 ? 3000 : 40_000
    for op in [
      (FullyConnected() as any LowerableOperator, Shape([2, depth]), Shape([5, depth])),
      (Conv2D(window: Window2D(kernel: [1, 1])), [1, 2, 2, depth], [5, 1, 1, depth]),
    ] {
      let layer = QuantizedLayer(
        op: op.0, x: op.1, weights: op.2, bits: bits, xElement: .int16, element: .int16,
        zeroPoint16: 0)
      #expect(try layer.largestError() <= 0.5 + 1e-3)
    }
  }

  @Test(arguments: pools.indices)
  func int16AveragesAreWithinHalfAStep(index: Int) throws {
    let layer = QuantizedLayer(
      op: Self.pools[index], x: [1, 7, 5, 3], xElement: .int16, element: .int16, zeroPoint16: 0)
    #expect(try layer.largestError() <= Self.once)
  }

  @Test func int16MaximaAreExact() throws {
    let layer = QuantizedLayer(
      op: MaxPool2D(
        window: Window2D(kernel: [3, 2], dilations: [1, 2], padding: [1, 1, 1, 1])),
      x: [1, 7, 5, 3], xElement: .int16, element: .int16, zeroPoint16: 0,
      output: Quantization(bits: 16, scales: [0.000137]))
    #expect(try layer.largestError() < 1e-9)
  }

  @Test func int16FunctionsAreInterpolated() throws {
    // Points are h = 128 · 0.000137 apart: lines are off by h² / 8 · |f''| of a smooth function, h / 4 · |Δf'|
    // at a kink; the points and the result are rounded.
    let h = 128 * 0.000137
    for (function, scale, bound) in [
      (.tanh, 0x1p-15, h * h / 8 * 0.77), (.silu, 0.00015, h * h / 8 * 0.5),
      (.hardSwish, 0.00015, h / 4 * 0.5),
    ] as [(PointwiseFunction, Double, Double)] {
      let layer = QuantizedLayer(
        op: Pointwise(function: function), x: [1, 4000], xElement: .int16, element: .int16,
        zeroPoint16: 0, output: Quantization(bits: 16, scales: [scale]))
      #expect(try layer.largestError() <= 1 + bound / scale, "\(function)")
    }
  }

  static let pools: [any LowerableOperator] = [
    AveragePool2D(window: Window2D(kernel: [7, 5])),
    AveragePool2D(window: Window2D(kernel: [2, 2], strides: [2, 2])),
    AveragePool2D(window: Window2D(kernel: [3, 3], strides: [2, 1], padding: [1, 1, 1, 1])),
    AveragePool2D(
      window: Window2D(kernel: [3, 3], strides: [2, 1], padding: [1, 1, 1, 1]),
      includesPadding: true),
    AveragePool2D(
      window: Window2D(kernel: [2, 3], dilations: [2, 1], padding: [0, 2, 1, 0])),
  ]

  @Test(arguments: pools.indices, Rounding.allCases)
  func averagesAreWithinHalfAStep(index: Int, rounding: Rounding) throws {
    let layer = QuantizedLayer(op: Self.pools[index], x: [1, 7, 5, 3], rounding: rounding)
    #expect(try layer.largestError() <= (rounding == .double ? Self.twice : Self.once))
  }

  @Test func maximaAreExact() throws {
    for window in [
      Window2D(kernel: [2, 2], strides: [2, 2]),
      Window2D(kernel: [3, 2], dilations: [1, 2], padding: [1, 1, 1, 1]),
    ] {
      let layer = QuantizedLayer(
        op: MaxPool2D(window: window), x: [1, 7, 5, 3],
        output: Quantization(bits: 8, scales: [0.0371], zeroPoint: -9))
      #expect(try layer.largestError() < 1e-9)
    }
  }

  @Test(arguments: [ElementType.int8, .int16], 0..<4)
  func softmaxIsWithinItsBound(element: ElementType, axis: Int) throws {
    let layer = QuantizedLayer(
      op: Softmax(axis: axis), x: [2, 5, 4, 6], xElement: element,
      output: Quantization(bits: 8, scales: [0x1p-8], zeroPoint: -128))
    #expect(try layer.largestError() <= 0.55)
  }

  @Test func sumsThatLeave32BitsAreRefused() throws {
    let depth = 1 << 17
    let graph = layerGraph(
      FullyConnected(), x: TensorType(.int8, [1, depth], quantization: eight(0.1)),
      weights: Tensor([Int8](repeating: -128, count: depth), [1, depth]), y: [1, 1])
    var context = LoweringContext(graph: graph, rounding: .single)
    let problem = #expect(throws: Diagnostic.self) { try context.lower(graph.nodes[0]) }
    #expect(problem?.id == "lower.fully_connected.overflow")
    #expect(problem?.place.node == "layer")
  }

  @Test func unsoundScalesAreRefused() throws {
    for (scale, rounding) in [(1e-300, Rounding.single), (3, .shift), (0, .single), (-1, .single)]
      as [(Double, Rounding)]
    {
      var graph = layerGraph(
        FullyConnected(), x: TensorType(.int8, [1, 4], quantization: eight(1)),
        weights: Tensor([1, 2, 3, 4] as [Int8], [1, 4]), y: [1, 1])
      graph[graph.outputs[0]].type.quantization = eight(scale)
      var context = LoweringContext(graph: graph, rounding: rounding)
      let problem = #expect(throws: Diagnostic.self) { try context.lower(graph.nodes[0]) }
      #expect(
        problem?.id
          == (scale > 0 ? "lower.fully_connected.scale" : "lower.fully_connected.activation"))
    }
  }

  @Test func weightsOutsideOfTheirBitsAreRefused() throws {
    for (bits, stray) in [(4, 8), (2, -3), (1, 0)] as [(Int, Int8)] {
      var graph = layerGraph(
        FullyConnected(), x: TensorType(.int8, [1, 2], quantization: eight(1)),
        weights: Tensor([1, stray] as [Int8], [1, 2]), y: [1, 1])
      if let weights = graph.nodes[0].operands[1] {
        graph[weights].type.quantization = Quantization(bits: bits, scales: [1])
      }
      var context = LoweringContext(graph: graph, rounding: .single)
      let problem = #expect(throws: Diagnostic.self) { try context.lower(graph.nodes[0]) }
      #expect(problem?.id == "lower.fully_connected.weights")
    }
  }

  private func eight(_ scale: Double) -> Quantization { Quantization(bits: 8, scales: [scale]) }

  private func layerGraph(
    _ op: some Operator, x: TensorType, weights: Tensor, y: Shape
  ) -> Graph {
    var graph = Graph(name: "test")
    let input = graph.append(Value(name: "x", type: x))
    let w = graph.appendConstant(weights, name: "w")
    graph[w].type.quantization = eight(1)
    let result = graph.append(
      Value(name: "y", type: TensorType(.int8, y, quantization: eight(1))))
    graph.inputs = [input]
    graph.outputs = [result]
    graph.outputNames = ["y"]
    graph.nodes = [Node(name: "layer", op: op, operands: [input, w], results: [result])]
    return graph
  }
}
