import Testing
import UQCalibration
import UQEngine
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQQuantizer
import UQSupport
import UQToolkit

/// Rounding from data as networks get it.
@Suite struct DataRoundingTests {
  /// A layer whose inputs go together, as pixels do.
  private func network(_ kind: String) throws -> Graph {
    var random = SeededGenerator(seed: 6)
    var builder = GraphBuilder(name: kind)
    let shape: Shape = kind == "dense" ? [1, 24] : [1, 6, 6, 4]
    let x = builder.addInput("x", TensorType(.float32, shape))
    let (op, weights): (any Operator, Shape) =
      switch kind {
      case "dense": (FullyConnected(), [6, 24])
      case "depthwise":
        (DepthwiseConv2D(window: Window2D(kernel: [3, 3], padding: [1, 1, 1, 1])), [3, 3, 4])
      default: (Conv2D(window: Window2D(kernel: [3, 3])), [5, 3, 3, 4])
      }
    let w = builder.addConstant(.random(weights, &random), name: "w")
    builder.addOutput("y", try builder.add(op, [x, w], name: "layer")[0])
    return builder.graph
  }

  private func samples(_ graph: Graph) -> [[Tensor]] {
    var random = SeededGenerator(seed: 8)
    return (0..<40).map { _ in
      var value: Float = 0
      let shape = graph.type(of: graph.inputs[0]).shape
      return [
        Tensor(
          (0..<shape.count).map { _ in
            value = 0.9 * value + Float.random(in: -0.3...0.4, using: &random)
            return value
          }, shape)
      ]
    }
  }

  @Test(arguments: ["dense", "convolution", "depthwise"], [4, 3, 2, 1])
  func outputsAreCloserThanPlainRoundings(_ kind: String, _ bits: Int) throws {
    let graph = try network(kind)
    let samples = samples(graph)
    let engine = try FloatEngine()
    let prepared = try engine.prepare(graph)
    let calibration = try Calibrator(graph: graph, modelDigest: Digest(of: [])).run(
      prepared, count: samples.count, threads: 1, sample: { samples[$0] }, done: {})
    let wanted = try samples.map { try prepared.outputs(of: $0)[0].floats }
    func error(roundsFromData: Bool) throws -> Float {
      let quantized = try Quantizer(
        graph, calibration: calibration.summary,
        options: QuantizationOptions(
          weightBits: bits, method: .minmax, roundsFromData: roundsFromData), evaluator: engine
      ).quantize()
      let changed = try engine.prepare(quantized.dequantized)
      return try zip(samples, wanted).reduce(Float(0)) { sum, pair in
        let y = try changed.outputs(of: pair.0)[0].floats
        return sum + zip(y, pair.1).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      }
    }
    #expect(try error(roundsFromData: true) < error(roundsFromData: false))
  }

  /// Weights that training put on a grid, ternary ones too, stay what they are.
  @Test(arguments: [[-1, 0, 1], [-2, -1, 0, 1], [-1, 1], Array(-4...3), Array(-8...7)])
  func weightsOnAGridStay(_ grid: [Int]) throws {
    var random = SeededGenerator(seed: 5)
    var builder = GraphBuilder(name: "grid")
    func weights(_ shape: Shape, outputs: Int, last: Bool) -> Tensor {
      let scales = (0..<outputs).map { _ in Float.random(in: 0.02...0.2, using: &random) }
      let count = shape.count
      return Tensor(
        (0..<count).map { index in
          let channel = last ? index % outputs : index / (count / outputs)
          return Float(grid.randomElement(using: &random) ?? 0) * scales[channel]
        }, shape)
    }
    let x = builder.addInput("x", TensorType(.float32, [1, 8, 8, 2]))
    var (value, tensors) = (x, [Tensor]())
    let layers: [(any Operator, Shape, Int, Bool)] = [
      (Conv2D(window: Window2D(kernel: [3, 3])), [8, 3, 3, 2], 8, false),
      (DepthwiseConv2D(window: Window2D(kernel: [3, 3])), [3, 3, 8], 8, true),
      (Conv2D(window: Window2D(kernel: [1, 1])), [12, 1, 1, 8], 12, false),
    ]
    for (index, (op, shape, outputs, last)) in layers.enumerated() {
      tensors.append(weights(shape, outputs: outputs, last: last))
      let w = builder.addConstant(tensors[index], name: "w\(index)")
      value = try builder.add(op, [value, w], name: "layer\(index)")[0]
      value = try builder.add(Clip(bounds: .relu), [value], name: "relu\(index)")[0]
    }
    builder.addOutput("y", value)
    let graph = try optimized(builder.graph)
    let bits = grid.count == 2 ? 1 : grid.count <= 4 ? 2 : grid.count == 8 ? 3 : 4
    var options = CompileOptions(layers: [LayerRule("*", bits: bits)])
    options.equalizes = false
    let made = try compiled(graph, options, samples: randomSamples(graph, count: 48))
    let dequantized = made.quantized.dequantized
    for (index, wanted) in tensors.enumerated() {
      let node = try #require(dequantized.nodes.first { $0.name == "layer\(index)" })
      let found = try #require(dequantized.constant(node.operands[1]))
      let largest = wanted.floats.map(abs).max() ?? 1
      let furthest = zip(found.floats, wanted.floats).map { abs($0 - $1) }.max() ?? 0
      #expect(furthest < 0.02 * largest, "layer \(index): \(furthest) of \(largest)")
    }
    // Nor does scaling of channels move them off it.
    options.equalizes = true
    let quantized = try compiled(graph, options, samples: randomSamples(graph, count: 48)).quantized
    let engine = try FloatEngine()
    let (float, rounded) = (try engine.prepare(graph), try engine.prepare(quantized.dequantized))
    let sums = try randomSamples(graph, count: 20, seed: 77).reduce(
      (error: Float(0), power: Float(0))
    ) { sums, sample in
      let (y, z) = (
        try float.outputs(of: sample)[0].floats, try rounded.outputs(of: sample)[0].floats
      )
      return zip(y, z).reduce(sums) {
        ($0.error + ($1.0 - $1.1) * ($1.0 - $1.1), $0.power + $1.0 * $1.0)
      }
    }
    #expect(sums.error < 1e-4 * sums.power)
    // Mixed widths take no more bits than training did.
    var mixed = CompileOptions()
    mixed.width = .mixed(MixedBudget(averageBits: 6, flash: 1 << 20))
    let chosen = try compiled(graph, mixed, samples: randomSamples(graph, count: 48))
    #expect(Set(chosen.layerBits.values) == [max(2, bits)])
    #expect(Set(chosen.trainedBits.values) == [bits])
  }

  /// Losses of widths come from samples that the roundings did not see: of four folds, changing a sample of the
  /// first leaves what its neighbours there judge as it is.
  @Test func noSampleJudgesItsOwnRounding() throws {
    var random = SeededGenerator(seed: 12)
    var builder = GraphBuilder(name: "folds")
    let x = builder.addInput("x", TensorType(.float32, [1, 24]))
    let w = builder.addConstant(.random([4, 24], &random), name: "w")
    let z = try builder.add(FullyConnected(), [x, w], name: "layer")[0]
    builder.addOutput("y", try builder.add(Softmax(axis: 1), [z], name: "softmax")[0])
    let samples = (0..<40).map { _ in [Tensor.random([1, 24], &random)] }
    let engine = try FloatEngine()
    let prepared = try engine.prepare(builder.graph)
    var calibration = try Calibrator(graph: builder.graph, modelDigest: Digest(of: [])).run(
      prepared, count: samples.count, threads: 1, sample: { samples[$0] }, done: {}
    ).summary
    func losses() throws -> [Double] {
      let trials = try Quantizer(
        builder.graph, calibration: calibration, options: QuantizationOptions(method: .minmax),
        evaluator: engine
      ).trials(formats: [2])
      return try #require(trials).losses(of: ["layer": 2])
    }
    let before = try losses()
    calibration.samples[0] = [Tensor(samples[0][0].floats.map { -$0 }, [1, 24])]
    let after = try losses()
    #expect(before.count == 40 && after.count == 40)
    #expect(before[1..<10] == after[1..<10])
    #expect(before[10...] != after[10...])
  }

  /// Weights that fit 2 bits in the mirrored range alone: a negative scale, a negative multiplier, and the
  /// same bytes in compiled C.
  @Test func mirroredChannelsHaveNegativeMultipliers() throws {
    var random = SeededGenerator(seed: 2)
    var builder = GraphBuilder(name: "mirrored")
    let x = builder.addInput("x", TensorType(.float32, [1, 12]))
    let rows = (0..<8).map { row in
      (0..<12).map { 0.25 * ([2, -1, 0, 1][(row + $0 * 5) % 4] as Float) * (row < 4 ? 1 : -1) }
    }
    let w = builder.addConstant(Tensor(rows.flatMap { $0 }, [8, 12]), name: "w")
    builder.addOutput("y", try builder.add(FullyConnected(), [x, w], name: "layer")[0])
    let samples = (0..<64).map { _ in [Tensor.random([1, 12], &random)] }
    let model = try compiled(
      builder.graph, CompileOptions(bits: 2, method: .minmax),
      samples: samples)
    let weights = try #require(
      model.quantized.graph.values.first {
        $0.type.element == .int8 && $0.constant != nil
      })
    let scales = try #require(weights.type.quantization).scales
    #expect(scales.map { $0 < 0 } == (0..<8).map { $0 < 4 })
    let multipliers = model.program.constants.filter { $0.role == .scales && $0.element == .int32 }
      .flatMap { $0.bytes.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) } }
    #expect(multipliers.map { $0 < 0 } == scales.map { $0 < 0 })
    try prove(model.program)
  }
}
