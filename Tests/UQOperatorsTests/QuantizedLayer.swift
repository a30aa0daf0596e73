import Testing
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQSupport

/// A random quantized layer: its program, and the real numbers that its integers stand for.
struct QuantizedLayer {
  var op: any LowerableOperator
  var x: Shape
  /// Empty for an operator without weights.
  var weights: Shape = []
  var channelAxis = 0
  var bits = 8
  /// Input channels that share a scale within an output channel, which is then the first axis.
  var groupSize: Int?
  var hasBias = true
  var xElement = ElementType.int8
  var element = ElementType.int8
  var rounding = Rounding.single
  /// Zero point of int16 operands.
  var zeroPoint16 = 17
  /// Wanted quantization of the result; from the range of the real result where it is `nil`.
  var output: Quantization?
  var seed: UInt64 = 1

  /// Runs the kernels on random integers and compares with `evaluate` in `Double` on the numbers that
  /// they stand for.
  ///
  /// - Returns: the largest distance in steps of the result, bounds of the result's type applied.
  func largestError() throws -> Double {
    var random = SeededGenerator(seed: seed)
    let powers = rounding == .shift
    let xBits = xElement.byteCount * 8
    let input = Quantization(
      bits: xBits, scales: [powers ? 0x1p-5 : xBits == 8 ? 0.0371 : 0.000137],
      zeroPoint: xBits == 8 ? -9 : zeroPoint16)
    let xs = (0..<x.count).map { _ in Int.random(in: input.lowest...input.highest, using: &random) }
    let real = xs.map { input.dequantize($0) }
    var graph = Graph(name: "test")
    let xID = graph.append(
      Value(name: "x", type: TensorType(xElement, x, quantization: input)))
    graph.inputs = [xID]
    var ids: [ValueID?] = [xID]
    var tensors: [Tensor?] = [Tensor(real, x)]
    if weights.rank > 0 {
      let layer = randomLayer(input, powers: powers, &random)
      ids.append(layer.weights.map { graph.appendConstant($0, name: "w") })
      if let id = ids[1] { graph[id].type.quantization = layer.quantization }
      tensors.append(layer.realWeights)
      if hasBias {
        ids.append(graph.appendConstant(layer.bias, name: "b"))
        tensors.append(layer.realBias)
      }
    }
    let types = try op.resultTypes(tensors.map { $0?.type })
    let expected = try op.evaluate(tensors, results: types)[0].elements(Double.self)
    let quantization = output ?? range(of: expected, powers: powers)
    let y = graph.append(
      Value(
        name: "y", type: TensorType(element, types[0].shape, quantization: quantization)))
    graph.nodes = [Node(name: "layer", op: op, operands: ids, results: [y])]
    graph.outputs = [y]
    graph.outputNames = ["y"]
    try graph.verify()
    var context = LoweringContext(graph: graph, rounding: rounding)
    try context.lower(graph.nodes[0])
    let program = context.finish { _, _, _ in
      SoftmaxKernel(
        rows: 0, depth: 0, scale: 1, isWide: false, input: BufferID(0), output: BufferID(0))
    }
    let bytes =
      xElement == .int8
      ? xs.map { UInt8(truncatingIfNeeded: $0) }
      : xs.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    let result = ProgramRunner.run(program, inputs: [bytes])[0]
    let integers =
      element == .int8
      ? result.map { Int(Int8(bitPattern: $0)) }
      : stride(from: 0, to: result.count, by: 2).map {
        Int(Int16(bitPattern: UInt16(result[$0]) | UInt16(result[$0 + 1]) << 8))
      }
    #expect(integers.count == expected.count)
    #expect(Set(integers).count > min(4, integers.count - 1), "the results say nothing")
    return zip(integers, expected).reduce(0) { worst, pair in
      let steps = pair.1 / quantization.scale + Double(quantization.zeroPoint)
      let bounded = min(max(steps, Double(quantization.lowest)), Double(quantization.highest))
      return max(worst, abs(Double(pair.0) - bounded))
    }
  }

  private func randomLayer(
    _ input: Quantization, powers: Bool, _ random: inout SeededGenerator
  ) -> (
    weights: Tensor?, quantization: Quantization, bias: Tensor, realWeights: Tensor,
    realBias: Tensor
  ) {
    if let groupSize { return groupwiseLayer(input, groupSize, &random) }
    let channels = weights[channelAxis]
    let scales = (0..<channels).map { channel -> Double in
      let sign: Double = channel % 3 == 1 ? -1 : 1
      return sign * (powers ? 0x1p-6 : Double.random(in: 0.003...0.02, using: &random))
    }
    let quantization = Quantization(bits: bits, scales: scales, axis: channelAxis)
    let step = weights.strides[channelAxis]
    let values = (0..<weights.count).map { index -> Int8 in
      // One channel of zeros, as a network with dead channels has; a bit cannot say 0.
      if bits > 1, index / step % channels == 2 { return 0 }
      if bits == 1 { return Bool.random(using: &random) ? 1 : -1 }
      return Int8(Int.random(in: quantization.lowest...quantization.highest, using: &random))
    }
    let real = values.enumerated().map { index, value in
      Double(value) * scales[index / step % channels]
    }
    // The first channel passes a rectifier.
    let bias = (0..<channels).map { channel in
      Int32.random(in: (channel == 0 ? 1500 : -3000)...3000, using: &random)
    }
    let realBias = zip(bias, scales).map { Double($0) * input.scale * $1 }
    return (
      Tensor(values, weights), quantization, Tensor(bias, [channels]), Tensor(real, weights),
      Tensor(realBias, [channels])
    )
  }

  private func groupwiseLayer(
    _ input: Quantization, _ groupSize: Int, _ random: inout SeededGenerator
  ) -> (
    weights: Tensor?, quantization: Quantization, bias: Tensor, realWeights: Tensor,
    realBias: Tensor
  ) {
    let (channels, depth) = (weights[0], weights[weights.rank - 1])
    let groups = (depth + groupSize - 1) / groupSize
    let steps = (0..<channels).map { _ in Double.random(in: 0.0001...0.0002, using: &random) }
    // Scales that the kernel's factors represent, the largest being 127.
    let factors = (0..<channels * groups).map { index in
      index % groups == 0 ? 127 : Int.random(in: -127...127, using: &random)
    }
    let scales = factors.enumerated().map { Double($1) * steps[$0 / groups] }
    let quantization = Quantization(bits: bits, scales: scales, axis: 0, groupSize: groupSize)
    let values = (0..<weights.count).map { _ in
      Int8(Int.random(in: quantization.lowest...quantization.highest, using: &random))
    }
    let row = weights.count / channels
    let real = values.enumerated().map { index, value in
      Double(value) * scales[index / row * groups + index % depth / groupSize]
    }
    let bias = (0..<channels).map { _ in Int32.random(in: -3000...3000, using: &random) }
    let realBias = bias.enumerated().map { Double($1) * input.scale * steps[$0] * 127 }
    return (
      Tensor(values, weights), quantization, Tensor(bias, [channels]), Tensor(real, weights),
      Tensor(realBias, [channels])
    )
  }

  /// A range somewhat smaller than that of the values, so that some saturate.
  private func range(of values: [Double], powers: Bool) -> Quantization {
    let bits = element.byteCount * 8
    let low = min(values.min() ?? 0, 0) * 0.9
    let high = max(values.max() ?? 0, 0) * 0.9
    var scale = max(high - low, 1e-6) / Double(1 << bits - 1)
    // Shifts go to the right only, so steps are at least those of the accumulator.
    if powers {
      scale = Double(sign: .plus, exponent: max(Int(scale.exponent), -11), significand: 1)
    }
    let lowest = -Double(1 << (bits - 1))
    if bits == 16, zeroPoint16 == 0 {
      return Quantization(bits: 16, scales: [max(-low, high) / 32767])
    }
    let zeroPoint = Int((lowest - low / scale).rounded())
    return Quantization(
      bits: bits, scales: [scale],
      zeroPoint: min(max(zeroPoint, Int(lowest)), -Int(lowest) - 1))
  }
}
