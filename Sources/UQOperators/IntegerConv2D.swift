import UQGraph
import UQNumerics
import UQSupport

/// 2-D convolution of integers, `Σ (x − zx) (w − zw)`, modulo the width of the result.
///
/// `[N, H, W, C]` by weights `[O, kh, kw, C / groups]`; padding holds the zero point of x. Depthwise
/// convolution has as many groups as channels.
public struct IntegerConv2D: Operator {
  /// Geometry; the kernel equals the weights' two middle extents.
  public var window: Window2D
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
    window: Window2D, groups: Int = 1, inputZeroPoint: Int = 0, weightZeroPoints: [Int] = [0],
    element: ElementType = .int32
  ) {
    self.window = window
    self.groups = groups
    self.inputZeroPoint = inputZeroPoint
    self.weightZeroPoints = weightZeroPoints
    self.element = element
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "integer_conv2d", "2-D convolution of integers over NHWC with OHWI weights, wrapping.",
    operands: [OperandSpec("x"), OperandSpec("weights", .parameter)])

  /// `[N, H', W', O]`.
  ///
  /// - Throws: `shape.integer_conv2d.*`, `type.integer_conv2d.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("integer_conv2d", operands)
    let x = try types.required(0, "x", rank: 4)
    let weights = try types.required(1, "weights", rank: 4)
    try checkIntegers(x, "x")
    try checkIntegers(weights, "weights")
    let channels = weights.shape[0]
    guard groups > 0, channels % groups == 0, x.shape[3] % groups == 0,
      weights.shape[3] == x.shape[3] / groups
    else {
      throw Diagnostic(
        id: "shape.integer_conv2d.channels",
        "weights \(weights.shape) in \(groups) groups do not go with x \(x.shape)")
    }
    guard window.kernel == [weights.shape[1], weights.shape[2]] else {
      throw Diagnostic(
        id: "shape.integer_conv2d.kernel",
        "the window's kernel is \(window.kernel), weights are \(weights.shape)")
    }
    guard element.isInteger, element.byteCount <= 4 else {
      throw typeProblem("element", "accumulates in \(element.name); up to 32 bits are supported")
    }
    try checkPerAxis(weightZeroPoints.count, "zero points", axis: 0, weights.shape)
    return [TensorType(element, try types.windowed(x, window, channels: channels))]
  }

  /// The definition, modulo 2^32.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let x = try requiredValue(operands, 0).integers(less: [inputZeroPoint])
    let weights = try requiredValue(operands, 1).integers(less: weightZeroPoints, axis: 0)
    return [accumulate(x, weights, results[0].shape).converted(to: element)]
  }

  /// `N · H' · W' · O · kh · kw · C / groups`.
  public func macs(_ operands: [TensorType?], _ results: [TensorType]) -> Int {
    guard operands.count > 1, let weights = operands[1], weights.shape.rank == 4 else { return 0 }
    return saturatingProduct(
      results[0].shape.count, weights.shape[1], weights.shape[2], weights.shape[3])
  }

  private func accumulate(_ input: Tensor, _ weights: Tensor, _ shape: Shape) -> Tensor {
    let extents = input.shape
    let depth = weights.shape[3]
    let channels = shape[3]
    let perGroup = channels / groups
    var result = Tensor(zeros: .int32, shape)
    guard result.count > 0, input.count > 0, weights.count > 0 else { return result }
    result.withMutableElements(Int32.self) { y in
      input.withElements(Int32.self) { xs in
        weights.withElements(Int32.self) { ws in
          guard let x = xs.baseAddress, let w = ws.baseAddress else { return }
          var next = 0
          for n in 0..<shape[0] {
            for row in 0..<shape[1] {
              let rowTaps = window.taps(0, row, extents[1])
              let top = row * window.strides[0] - window.padding[0]
              for column in 0..<shape[2] {
                let columnTaps = window.taps(1, column, extents[2])
                let left = column * window.strides[1] - window.padding[1]
                for o in 0..<channels {
                  let first = o / perGroup * depth
                  var sum: Int32 = 0
                  for i in rowTaps {
                    let line = (n * extents[1] + top + i * window.dilations[0]) * extents[2]
                    for j in columnTaps {
                      let pixel = line + left + j * window.dilations[1]
                      let a = x + pixel * extents[3] + first
                      let b = w + ((o * window.kernel[0] + i) * window.kernel[1] + j) * depth
                      for k in 0..<depth { sum &+= a[k] &* b[k] }
                    }
                  }
                  y[next] = sum
                  next += 1
                }
              }
            }
          }
        }
      }
    }
    return result
  }
}

extension IntegerConv2D {
  /// Relay's `qnn.conv2d`; the rule of `nn.conv2d` hands integers over.
  public static var imports: [ImportRule] {
    [
      .relay("qnn.conv2d") { node, builder throws(Diagnostic) in
        try imported(
          node, &builder, inputZeroPoint: try builder.zeroPoint(node, 2, "input zero point"),
          weightZeroPoints: try builder.zeroPoints(node, 3, "kernel zero point"))
      }
    ]
  }

  /// Adds the convolution that `nn.conv2d` of integers is.
  ///
  /// - Throws: `import.conv.*`, and what the attributes' readers throw.
  static func imported(
    _ node: ForeignNode, _ builder: inout GraphBuilder, inputZeroPoint: Int = 0,
    weightZeroPoints: [Int] = [0]
  ) throws(Diagnostic) -> [ValueID] {
    let data = try node.operand(0, "data")
    let kernel = try node.operand(1, "weight")
    let layouts = try ConvolutionLayouts(relay: node)
    let x = try builder.channelsLast(data, layouts, of: node)
    let groups = try node.int("groups", default: 1)
    let weights = try layouts.weights(
      kernel, groups: groups, channels: builder.shape(of: x)[3], &builder, of: node)
    let shape = builder.shape(of: weights)
    let op = IntegerConv2D(
      window: try Window2D(relay: node, kernel: [shape[1], shape[2]]), groups: groups,
      inputZeroPoint: inputZeroPoint, weightZeroPoints: weightZeroPoints,
      element: try node.element("out_dtype", default: builder.type(of: data).element))
    return [try builder.addSpatial(op, [x, weights], layouts, of: node)]
  }
}
