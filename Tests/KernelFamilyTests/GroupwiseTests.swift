import Testing
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQSupport

/// Weights with a scale for every group of input channels, from the integer graph to the board.
@Suite struct GroupwiseTests {
  /// A convolution of 3x3, a pointwise one, and a fully connected layer, all group-wise.
  private struct Network {
    var graph = Graph(name: "groups")
    var random = SeededGenerator(seed: 9)
    let bits: Int
    let groupSize: Int

    init(bits: Int, groupSize: Int) throws {
      self.bits = bits
      self.groupSize = groupSize
      let x = graph.append(
        Value(name: "x", type: activation([1, 6, 5, 20], scale: 0.03, zeroPoint: -7)))
      graph.inputs = [x]
      let a = try layer(
        Conv2D(
          window: Window2D(kernel: [3, 3], strides: [2, 1], padding: [1, 1, 1, 1]),
          activation: .relu), x, [9, 3, 3, 20], [1, 3, 5, 9], scale: 0.1, zeroPoint: -128)
      let b = try layer(
        Conv2D(window: Window2D(kernel: [1, 1])), a, [33, 1, 1, 9], [1, 3, 5, 33], scale: 0.2,
        zeroPoint: 3)
      let flat = graph.append(
        Value(name: "flat", type: activation([1, 495], scale: 0.2, zeroPoint: 3)))
      graph.nodes.append(
        Node(name: "flat", op: Reshape(shape: [1, 495]), operands: [b], results: [flat]))
      let y = try layer(FullyConnected(), flat, [7, 495], [1, 7], scale: 0.5, zeroPoint: 1)
      graph.outputs = [y]
      graph.outputNames = ["y"]
    }

    private func activation(_ shape: Shape, scale: Double, zeroPoint: Int) -> TensorType {
      TensorType(
        .int8, shape, quantization: Quantization(bits: 8, scales: [scale], zeroPoint: zeroPoint))
    }

    private mutating func layer(
      _ op: some Operator, _ x: ValueID, _ weights: Shape, _ result: Shape, scale: Double,
      zeroPoint: Int
    ) throws -> ValueID {
      let (channels, depth) = (weights[0], weights[weights.rank - 1])
      let groups = (depth + groupSize - 1) / groupSize
      let scales = (0..<channels * groups).map { index in
        Double.random(in: 0.002...0.03, using: &random) * (index % 4 == 1 ? -1 : 1)
      }
      let quantization = Quantization(bits: bits, scales: scales, axis: 0, groupSize: groupSize)
      let values = (0..<weights.count).map { _ in
        Int8.random(
          in: Int8(quantization.lowest)...Int8(quantization.highest), using: &random)
      }
      let name = "layer\(graph.nodes.count)"
      let w = graph.appendConstant(Tensor(values, weights), name: "\(name) w")
      graph[w].type.quantization = quantization
      let bias = (0..<channels).map { _ in Int32.random(in: -900...900, using: &random) }
      let b = graph.appendConstant(Tensor(bias, [channels]), name: "\(name) b")
      let y = graph.append(
        Value(name: name, type: activation(result, scale: scale, zeroPoint: zeroPoint)))
      graph.nodes.append(Node(name: name, op: op, operands: [x, w, b], results: [y]))
      return y
    }
  }

  @Test(arguments: [4, 3, 2], [8, 32])
  func compiledBytesAreTheSimulators(bits: Int, groupSize: Int) throws {
    let program = try lowered(Network(bits: bits, groupSize: groupSize).graph)
    let kernels = program.calls.map(\.kernel.symbol).filter { $0.contains("groupwise") }
    #expect(
      kernels == [
        "uq_conv2d_groupwise_s8_w\(bits)", "uq_conv2d_groupwise_s8_w\(bits)",
        "uq_fully_connected_groupwise_s8_w\(bits)",
      ])
    let instructions = try prove(program)
    if let instructions {
      print("groupwise w\(bits) groups of \(groupSize): \(instructions) for \(program.macs) MAC")
    }
  }

  @Test func groupsThatFillBytesCostNoPadding() throws {
    let program = try lowered(Network(bits: 3, groupSize: 8).graph)
    // 20 channels are groups of 8, 8 and 4: 3 + 3 + 2 bytes; 9 are 3 + 1; 495 are 61 of 3 and 3.
    let factors = 9 * 3 + 33 * 2 + 7 * 62
    #expect(program.weightBytes == 9 * 9 * 8 + 33 * 4 + 7 * (61 * 3 + 3) + factors)
    #expect(
      program.constants.filter { $0.name.hasSuffix("group scales") }.map(\.bytes.count)
        == [9 * 3, 33 * 2, 7 * 62])
  }

  @Test func aGroupOfAllChannelsHasTheLargestFactor() throws {
    let grouped = try lowered(Network(bits: 4, groupSize: 1 << 20).graph)
    #expect(grouped.constants.filter { $0.name.hasSuffix("group scales") }.count == 3)
    for constant in grouped.constants where constant.name.hasSuffix("group scales") {
      #expect(constant.bytes.allSatisfy { $0 == 127 || $0 == UInt8(bitPattern: -127) })
    }
  }

  @Test func scalesAreRoundedToTheirLargest() {
    let scales = GroupScales([0.5, -0.25, 0.0019, 0])
    #expect(scales.factors == [127, -64, 0, 0])
    #expect(scales.step == 0.5 / 127)
    #expect(GroupScales([0, 0]).factors == [0, 0])
    #expect(GroupScales([0.5, -0.25], rounding: .shift).factors == [64, -32])
  }

  @Test func sumsThatLeave32BitsAreRefused() throws {
    var graph = Graph(name: "wide")
    let type = TensorType(
      .int8, [1, 1 << 14], quantization: Quantization(bits: 8, scales: [0.1]))
    let x = graph.append(Value(name: "x", type: type))
    let w = graph.appendConstant(
      Tensor([Int8](repeating: -8, count: 1 << 14), [1, 1 << 14]), name: "w")
    graph[w].type.quantization = Quantization(
      bits: 4, scales: [Double](repeating: 1, count: 512), axis: 0, groupSize: 32)
    let y = graph.append(
      Value(
        name: "y",
        type: TensorType(.int8, [1, 1], quantization: Quantization(bits: 8, scales: [100]))))
    graph.inputs = [x]
    graph.outputs = [y]
    graph.outputNames = ["y"]
    graph.nodes = [Node(name: "fc", op: FullyConnected(), operands: [x, w], results: [y])]
    _ = try lowered(graph)
    graph[w].type.quantization?.groupSize = 31
    let wrong = #expect(throws: Diagnostic.self) { try lowered(graph) }
    #expect(wrong?.id == "lower.fully_connected.weights")
    graph[w].type.quantization?.groupSize = 32
    graph[w].constant = Tensor([Int8](repeating: -8, count: 1 << 14), [1, 1 << 14])
    let b = graph.appendConstant(Tensor([Int32(1 << 23)], [1]), name: "b")
    graph.nodes[0].operands.append(b)
    let problem = #expect(throws: Diagnostic.self) { try lowered(graph) }
    #expect(problem?.id == "lower.fully_connected.overflow")
  }
}
