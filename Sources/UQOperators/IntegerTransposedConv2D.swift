import UQGraph
import UQNumerics
import UQSupport

/// Transposed 2-D convolution of integers modulo the width of the result: every input pixel adds
/// `(x − zx) (w − zw)` to the window it is spread over.
///
/// `[N, H, W, C]` by weights `[O, kh, kw, C / groups]`.
public struct IntegerTransposedConv2D: Operator {
  /// Geometry of the result's windows.
  public var window: Window2D
  /// Rows and columns that the result is longer at its end.
  public var outputPadding: [Int]
  /// Number of groups that input and output channels are split into.
  public var groups: Int
  /// Integer of x that stands for 0.
  public var inputZeroPoint: Int
  /// Integers of the weights that stand for 0: one, or one for each output channel.
  public var weightZeroPoints: [Int]
  /// Type of the result: an integer type of up to 32 bits.
  public var element: ElementType

  /// Creates a convolution.
  public init(
    window: Window2D, outputPadding: [Int] = [0, 0], groups: Int = 1, inputZeroPoint: Int = 0,
    weightZeroPoints: [Int] = [0], element: ElementType = .int32
  ) {
    self.window = window
    self.outputPadding = outputPadding
    self.groups = groups
    self.inputZeroPoint = inputZeroPoint
    self.weightZeroPoints = weightZeroPoints
    self.element = element
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "integer_transposed_conv2d",
    "Transposed 2-D convolution of integers over NHWC with OHWI weights, wrapping.",
    operands: [OperandSpec("x"), OperandSpec("weights", .parameter)])

  /// `[N, (H − 1) s + (k − 1) d + 1 − p + o, ..., O]`.
  ///
  /// - Throws: `shape.integer_transposed_conv2d.*`, `type.integer_transposed_conv2d.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("integer_transposed_conv2d", operands)
    let x = try types.required(0, "x", rank: 4)
    let weights = try types.required(1, "weights", rank: 4)
    try checkIntegers(x, "x")
    try checkIntegers(weights, "weights")
    guard groups > 0, weights.shape[0] % groups == 0, x.shape[3] % groups == 0,
      weights.shape[3] == x.shape[3] / groups,
      window.kernel == [weights.shape[1], weights.shape[2]], outputPadding.count == 2,
      outputPadding.allSatisfy({ (0...1 << 20).contains($0) })
    else {
      throw shapeProblem(
        "channels", "weights \(weights.shape) in \(groups) groups do not go with x \(x.shape)")
    }
    guard element.isInteger, element.byteCount <= 4 else {
      throw typeProblem("element", "accumulates in \(element.name); up to 32 bits are supported")
    }
    try checkPerAxis(weightZeroPoints.count, "zero points", axis: 0, weights.shape)
    var extents = [x.shape[0]]
    for axis in 0..<2 {
      extents.append(
        (x.shape[axis + 1] - 1) * window.strides[axis]
          + (window.kernel[axis] - 1) * window.dilations[axis] + 1 - window.padding[axis]
          - window.padding[axis + 2] + outputPadding[axis])
    }
    guard extents.allSatisfy({ $0 > 0 }) else {
      throw shapeProblem("window", "the padding leaves \(extents.dropFirst()) rows and columns")
    }
    return [TensorType(element, try types.shape(extents + [weights.shape[0]]))]
  }

  /// The definition, modulo 2^32.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let input = try requiredValue(operands, 0).integers(less: [inputZeroPoint])
    let weights = try requiredValue(operands, 1).integers(less: weightZeroPoints, axis: 0)
    let shape = results[0].shape
    let (depth, perGroup) = (weights.shape[3], shape[3] / groups)
    var result = Tensor(zeros: .int32, shape)
    result.withMutableElements(Int32.self) { y in
      input.withElements(Int32.self) { x in
        weights.withElements(Int32.self) { w in
          forEachTap(input.shape, shape) { pixel, tap, target in
            for o in 0..<shape[3] {
              let a = pixel * input.shape[3] + o / perGroup * depth
              let b = (o * window.kernel[0] * window.kernel[1] + tap) * depth
              var sum: Int32 = 0
              for k in 0..<depth { sum &+= x[a + k] &* w[b + k] }
              y[target * shape[3] + o] &+= sum
            }
          }
        }
      }
    }
    return [result.converted(to: element)]
  }

  /// As many as input pixels times weights.
  public func macs(_ operands: [TensorType?], _ results: [TensorType]) -> Int {
    guard operands.count > 1, let x = operands[0], let weights = operands[1], x.shape.rank == 4
    else { return 0 }
    return saturatingProduct(x.shape[0], x.shape[1], x.shape[2], weights.shape.count)
  }

  @inline(__always)
  private func forEachTap(
    _ input: Shape, _ output: Shape, _ body: (_ pixel: Int, _ tap: Int, _ target: Int) -> Void
  ) {
    for n in 0..<input[0] {
      for row in 0..<input[1] {
        for column in 0..<input[2] {
          for i in 0..<window.kernel[0] {
            let y = row * window.strides[0] + i * window.dilations[0] - window.padding[0]
            guard y >= 0, y < output[1] else { continue }
            for j in 0..<window.kernel[1] {
              let x = column * window.strides[1] + j * window.dilations[1] - window.padding[1]
              guard x >= 0, x < output[2] else { continue }
              body(
                (n * input[1] + row) * input[2] + column, i * window.kernel[1] + j,
                (n * output[1] + y) * output[2] + x)
            }
          }
        }
      }
    }
  }
}

extension IntegerTransposedConv2D {
  /// Relay's `qnn.conv2d_transpose` of one group.
  public static var imports: [ImportRule] {
    [
      .relay("qnn.conv2d_transpose") { node, builder throws(Diagnostic) in
        let data = try node.operand(0, "data")
        // The letters say I for the input's channels: weights are [C, O, kh, kw] by default.
        let layouts = try ConvolutionLayouts(relay: node, kernel: "IOHW")
        guard try node.int("groups", default: 1) == 1 else {
          throw Diagnostic(
            id: "import.conv.groups", "transposed convolution in groups is not supported",
            at: node.place)
        }
        let x = try builder.channelsLast(data, layouts, of: node)
        let weights = try layouts.weights(
          try node.operand(1, "weight"), groups: 1, channels: builder.shape(of: x)[3], &builder,
          of: node)
        let shape = builder.shape(of: weights)
        var padding = try node.ints("output_padding") ?? [0, 0]
        if padding.count == 1 { padding += padding }
        let op = IntegerTransposedConv2D(
          window: try Window2D(relay: node, kernel: [shape[1], shape[2]]), outputPadding: padding,
          inputZeroPoint: try builder.zeroPoint(node, 2, "input zero point"),
          weightZeroPoints: try builder.zeroPoints(node, 3, "kernel zero point"),
          element: try node.element("out_dtype", default: builder.type(of: data).element))
        return [try builder.addSpatial(op, [x, weights], layouts, of: node)]
      }
    ]
  }
}
