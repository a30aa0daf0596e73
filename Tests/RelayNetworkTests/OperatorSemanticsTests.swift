import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQRelay
import UQSupport

/// A call with the numbers that TVM's definition gives for it, computed by hand.
struct ComputedCall: Sendable, CustomTestStringConvertible {
  var name: String
  var declarations: String
  var body: String
  var inputs: [[Double]]
  var expected: [Double]
  var testDescription: String { name }

  func results() throws -> [Tensor] {
    let graph = try RelayImporter.load(
      text: "#[version = \"0.0.5\"]\ndef @main(\(declarations)) { \(body) }",
      operators: allOperators)
    try graph.verify()
    try #require(graph.inputs.count == inputs.count)
    let tensors = zip(graph.inputs, inputs).map { id, values in
      Tensor(doubles: values, graph.type(of: id).element, graph.type(of: id).shape)
    }
    return try CorpusCase.evaluate(graph, tensors)
  }
}

@Suite struct OperatorSemanticsTests {
  static let quantized: [ComputedCall] = [
    // 0.5 x rounds upward: −1.5 to −1, −0.5 to 0.
    ComputedCall(
      name: "qnn.leaky_relu", declarations: "%x: Tensor[(5), int8]",
      body: "qnn.leaky_relu(%x, 1f, 0, 1f, 0, alpha=0.5f)",
      inputs: [[-3, -2, -1, 0, 5]], expected: [-1, -1, 0, 0, 5]),
    // α q' and (1 − α) z are rounded by themselves: 7/2 to 4 and 10/2 to 5.
    ComputedCall(
      name: "qnn.leaky_relu rounds twice", declarations: "%x: Tensor[(5), int8]",
      body: "qnn.leaky_relu(%x, 1f, 0, 1f, 10, alpha=0.5f)",
      inputs: [[-3, -2, -1, 0, 5]], expected: [9, 9, 10, 10, 15]),
    // Both sides are brought to the result's scale first: 2 · 4 + 5 and 8 + 5.
    ComputedCall(
      name: "qnn.subtract", declarations: "%a: Tensor[(2), int8], %b: Tensor[(2), int8]",
      body: "qnn.subtract(%a, %b, 0.5f, 3, 0.25f, -2, 0.25f, 5)",
      inputs: [[7, 100], [6, -128]], expected: [5, 127]),
    ComputedCall(
      name: "qnn.subtract rounds each side",
      declarations: "%a: Tensor[(3), int8], %b: Tensor[(3), int8]",
      body: "qnn.subtract(%a, %b, 0.5f, 0, 0.5f, 0, 1f, 0)",
      inputs: [[1, -1, 3], [0, 1, 1]], expected: [1, -1, 1]),
    ComputedCall(
      name: "qnn.mul", declarations: "%a: Tensor[(3), int8], %b: Tensor[(3), int8]",
      body: "qnn.mul(%a, %b, 0.5f, 1, 0.25f, -1, 0.25f, 2)",
      inputs: [[5, 2, 0], [3, 0, 0]], expected: [10, 3, 2]),
    ComputedCall(
      name: "qnn.concatenate", declarations: "%a: Tensor[(2), int8], %b: Tensor[(1), int8]",
      body: "qnn.concatenate((%a, %b), (0.5f, 1f), (0, 1), 1f, 0, axis=0)",
      inputs: [[3, -3], [5]], expected: [2, -1, 4]),
    ComputedCall(
      name: "qnn.batch_matmul transposed",
      declarations: "%x: Tensor[(1, 2, 2), int8], %y: Tensor[(1, 2, 2), int8]",
      body: "qnn.batch_matmul(%x, %y, 1, -1, 0.5f, 0.5f, out_dtype=\"int32\", transpose_b=True)",
      inputs: [[1, 2, 3, 4], [0, 1, 4, 2]], expected: [2, 3, 8, 19]),
    ComputedCall(
      name: "qnn.batch_matmul",
      declarations: "%x: Tensor[(1, 2, 2), int8], %y: Tensor[(1, 2, 2), int8]",
      body: "qnn.batch_matmul(%x, %y, 1, -1, 0.5f, 0.5f, out_dtype=\"int32\")",
      inputs: [[1, 2, 3, 4], [0, 1, 4, 2]], expected: [5, 3, 17, 13]),
    // Sums are divided toward zero: −3/4 is 0, with the zero point 5 it is 17/4, so 4.
    ComputedCall(
      name: "qnn.avg_pool2d", declarations: "%x: Tensor[(1, 2, 2, 2), int8]",
      body: "qnn.avg_pool2d(%x, 1f, 0, 1f, 0, pool_size=[2, 2])",
      inputs: [[-1, -1, -1, 0, 1, 2, 3, 4]], expected: [0, 2]),
    ComputedCall(
      name: "qnn.avg_pool2d with a zero point", declarations: "%x: Tensor[(1, 1, 2, 2), int8]",
      body: "qnn.avg_pool2d(%x, 1f, 0, 1f, 5, pool_size=[2, 2])",
      inputs: [[-1, -1, -1, 0]], expected: [4]),
    ComputedCall(
      name: "qnn.exp", declarations: "%x: Tensor[(3), int8]",
      body: "qnn.exp(%x, 0.5f, 0, 0.1f, -128)", inputs: [[0, 2, -2]],
      expected: [-118, -101, -124]),
    ComputedCall(
      name: "qnn.sqrt", declarations: "%x: Tensor[(3), int8]",
      body: "qnn.sqrt(%x, 0.25f, 0, 0.5f, -10)", inputs: [[0, 16, 36]], expected: [-10, -6, -4]),
    ComputedCall(
      name: "qnn.rsqrt", declarations: "%x: Tensor[(3), int8]",
      body: "qnn.rsqrt(%x, 0.25f, 0, 0.25f, 0)", inputs: [[4, 16, 1]], expected: [4, 2, 8]),
    ComputedCall(
      name: "qnn.erf", declarations: "%x: Tensor[(3), int8]",
      body: "qnn.erf(%x, 1f, 0, 0.0078125f, 0)", inputs: [[0, 1, -1]], expected: [0, 108, -108]),
    // TVM printed no result type before it had others than float32.
    ComputedCall(
      name: "qnn.dequantize of TVM 0.9", declarations: "%x: Tensor[(3), int8]",
      body: "qnn.dequantize(%x, 0.5f, 1)", inputs: [[0, 1, 5]], expected: [-0.5, 0, 2]),
    // Halves go away from zero, both ways.
    ComputedCall(
      name: "qnn.quantize", declarations: "%x: Tensor[(4), float32]",
      body: "qnn.quantize(%x, 1f, 0, out_dtype=\"int8\")", inputs: [[0.5, 2.5, -0.5, -2.5]],
      expected: [1, 3, -1, -3]),
  ]

  static let plain: [ComputedCall] = [
    ComputedCall(
      name: "scatter_nd of elements",
      declarations:
        "%x: Tensor[(2, 3), float32], %i: Tensor[(2, 2), int8], %u: Tensor[(2), float32]",
      body: "scatter_nd(%x, %i, %u, mode=\"add\")",
      inputs: [[1, 2, 3, 4, 5, 6], [0, 1, 1, 0], [10, 20]], expected: [1, 12, 3, 24, 5, 6]),
    ComputedCall(
      name: "scatter_nd of rows",
      declarations:
        "%x: Tensor[(3, 2), float32], %i: Tensor[(1, 2), int32], %u: Tensor[(2, 2), float32]",
      body: "scatter_nd(%x, %i, %u, mode=\"update\")",
      inputs: [[1, 2, 3, 4, 5, 6], [2, 0], [7, 8, 9, 10]], expected: [9, 10, 3, 4, 7, 8]),
    ComputedCall(
      name: "trilu upper", declarations: "%x: Tensor[(1, 3, 3), float32]",
      body: "trilu(%x, 0, upper=True)", inputs: [[1, 2, 3, 4, 5, 6, 7, 8, 9]],
      expected: [1, 2, 3, 0, 5, 6, 0, 0, 9]),
    ComputedCall(
      name: "trilu lower", declarations: "%x: Tensor[(2, 3), int32]",
      body: "trilu(%x, 1, upper=False)", inputs: [[1, 2, 3, 4, 5, 6]],
      expected: [1, 2, 0, 4, 5, 6]),
    ComputedCall(
      name: "sequence_mask along axis 0",
      declarations: "%x: Tensor[(3, 2, 1), float32], %n: Tensor[(2), int32]",
      body: "sequence_mask(%x, %n, mask_value=-1f)", inputs: [[1, 2, 3, 4, 5, 6], [1, 2]],
      expected: [1, 2, -1, 4, -1, -1]),
    ComputedCall(
      name: "sequence_mask along axis 1",
      declarations: "%x: Tensor[(2, 3), float32], %n: Tensor[(2), float32]",
      body: "sequence_mask(%x, %n, axis=1)", inputs: [[1, 2, 3, 4, 5, 6], [1, 2]],
      expected: [1, 0, 0, 4, 5, 0]),
    ComputedCall(
      name: "nn.upsampling3d nearest", declarations: "%x: Tensor[(1, 1, 1, 2, 2), float32]",
      body:
        "nn.upsampling3d(%x, scale_d=2f, scale_h=1f, scale_w=2f, coordinate_transformation_mode=\"asymmetric\")",
      inputs: [[1, 2, 3, 4]], expected: [1, 1, 2, 2, 3, 3, 4, 4, 1, 1, 2, 2, 3, 3, 4, 4]),
    ComputedCall(
      name: "nn.upsampling3d trilinear", declarations: "%x: Tensor[(1, 1, 1, 1, 2), float32]",
      body:
        "nn.upsampling3d(%x, scale_d=1f, scale_h=2f, scale_w=2f, method=\"trilinear\", coordinate_transformation_mode=\"half_pixel\")",
      inputs: [[1, 3]], expected: [1, 1.5, 2.5, 3, 1, 1.5, 2.5, 3]),
  ]

  static let rearranging: [ComputedCall] = [
    ComputedCall(
      name: "nn.dilate", declarations: "%x: Tensor[(2, 2), float32]",
      body: "nn.dilate(%x, strides=[1, 3], dilation_value=7f)", inputs: [[1, 2, 3, 4]],
      expected: [1, 7, 7, 2, 3, 7, 7, 4]),
    ComputedCall(
      name: "nn.dilate along the first axis", declarations: "%x: Tensor[(2, 2), int8]",
      body: "nn.dilate(%x, strides=[2, 1])", inputs: [[1, 2, 3, 4]],
      expected: [1, 2, 0, 0, 3, 4]),
    // Rows of 2 from the right: the second extent is kept, not the first.
    ComputedCall(
      name: "contrib_reverse_reshape", declarations: "%x: Tensor[(2, 3, 2), float32]",
      body: "sum(contrib_reverse_reshape(%x, newshape=[-1, 0]), axis=[0])",
      inputs: [(0..<12).map(Double.init)], expected: [30, 36]),
    ComputedCall(
      name: "nn.fifo_buffer",
      declarations: "%d: Tensor[(1, 2), float32], %b: Tensor[(1, 3), float32]",
      body: "nn.fifo_buffer(%d, %b, axis=1)", inputs: [[4, 5], [1, 2, 3]], expected: [3, 4, 5]),
    // Two pixels side by side: sizes 0.5 and 0.25, and 0.5 twice as wide as high.
    ComputedCall(
      name: "vision.multibox_prior", declarations: "%x: Tensor[(1, 3, 1, 2), float32]",
      body: "vision.multibox_prior(%x, sizes=[0.5f, 0.25f], ratios=[1f, 4f])",
      inputs: [[0, 0, 0, 0, 0, 0]],
      expected: [
        0.125, 0.25, 0.375, 0.75, 0.1875, 0.375, 0.3125, 0.625, 0, 0.375, 0.5, 0.625,
        0.625, 0.25, 0.875, 0.75, 0.6875, 0.375, 0.8125, 0.625, 0.5, 0.375, 1, 0.625,
      ]),
    ComputedCall(
      name: "vision.multibox_prior clipped, with steps",
      declarations: "%x: Tensor[(1, 1, 1, 1), float32]",
      body:
        "vision.multibox_prior(%x, sizes=[1f], steps=[0.5f, 1f], offsets=[0f, 0.5f], clip=True)",
      inputs: [[0]], expected: [0, 0, 1, 0.5]),
    ComputedCall(
      name: "vision.yolo_reorg", declarations: "%x: Tensor[(1, 4, 2, 2), int8]",
      body: "vision.yolo_reorg(%x, stride=2)", inputs: [(0..<16).map(Double.init)],
      expected: [0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15]),
    ComputedCall(
      name: "image.resize1d nearest", declarations: "%x: Tensor[(1, 2, 2), float32]",
      body:
        "image.resize1d(%x, size=[4], method=\"nearest_neighbor\", coordinate_transformation_mode=\"asymmetric\", rounding_method=\"floor\")",
      inputs: [[1, 2, 3, 4]], expected: [1, 1, 2, 2, 3, 3, 4, 4]),
    ComputedCall(
      name: "image.resize1d linear, channels last", declarations: "%x: Tensor[(1, 2, 1), float32]",
      body:
        "image.resize1d(%x, size=[3], layout=\"NWC\", coordinate_transformation_mode=\"align_corners\")",
      inputs: [[0, 2]], expected: [0, 1, 2]),
    // Channels 0 and 1 of the result are 1 x0 + 2 x1 and 3 x0 + 4 x1.
    ComputedCall(
      name: "nn.contrib_conv2d_NCHWc",
      declarations:
        "%x: Tensor[(1, 1, 1, 2, 2), int8], %w: Tensor[(1, 1, 1, 1, 2, 2), int8]",
      body:
        "nn.contrib_conv2d_NCHWc(%x, %w, channels=2, kernel_size=[1, 1], data_layout=\"NCHW2c\", kernel_layout=\"OIHW2i2o\", out_layout=\"NCHW1c\", out_dtype=\"int32\")",
      inputs: [[10, 1, 20, 2], [1, 3, 2, 4]], expected: [12, 24, 34, 68]),
  ]

  @Test(arguments: quantized + plain + rearranging)
  func equalsTheDefinition(_ call: ComputedCall) throws {
    let results = try call.results()
    #expect(results.count == 1)
    #expect(results[0].converted(to: .float64).elements(Double.self) == call.expected)
  }

  @Test(arguments: [
    "vision.get_valid_counts(%x, 0.3f)",
    "vision.non_max_suppression(%x, %x, %x, 1, 0.5f)",
  ])
  func refusesDetectionWithTheReason(_ body: String) {
    #expect {
      try RelayImporter.load(
        text: "#[version = \"0.0.5\"]\ndef @main(%x: Tensor[(1, 6, 6), float32]) { \(body) }",
        operators: allOperators)
    } throws: { error in
      diagnostics(of: error).map(\.id) == ["import.detection.data"]
    }
  }
}
