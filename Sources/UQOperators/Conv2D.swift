import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// 2-D convolution of `[N, H, W, C]` with weights `[O, kh, kw, C / groups]` and an optional bias `[O]`.
public struct Conv2D: Operator, FloatEvaluation {
  /// Geometry; the kernel equals the weights' two middle extents.
  public var window: Window2D
  /// Number of groups that input and output channels are split into.
  public var groups: Int
  /// Bounds applied to the result.
  public var activation: Clamp

  /// Creates a convolution.
  public init(window: Window2D, groups: Int = 1, activation: Clamp = .none) {
    self.window = window
    self.groups = groups
    self.activation = activation
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "conv2d", "2-D convolution over NHWC with OHWI weights and fused bounds.",
    operands: [
      OperandSpec("x"), OperandSpec("weights", .weight(channelAxis: 0)),
      OperandSpec("bias", .bias, optional: true),
    ])

  /// `[N, H', W', O]`.
  ///
  /// - Throws: `shape.conv2d.*`, `type.conv2d.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("conv2d", operands)
    let x = try types.required(0, "x", rank: 4)
    let weights = try types.required(1, "weights", rank: 4)
    try types.checkActivation(x)
    try types.check(weights, "weights", with: x, quantized: [.int8])
    let channels = weights.shape[0]
    guard groups > 0, channels % groups == 0, x.shape[3] % groups == 0 else {
      throw Diagnostic(
        id: "shape.conv2d.groups",
        "\(groups) groups do not divide \(x.shape[3]) input channels and \(channels) output "
          + "channels")
    }
    guard weights.shape[3] == x.shape[3] / groups else {
      throw Diagnostic(
        id: "shape.conv2d.channels",
        "weights \(weights.shape) read \(weights.shape[3]) channels a group, x \(x.shape) has "
          + "\(x.shape[3] / groups) in each of \(groups) groups")
    }
    guard window.kernel == [weights.shape[1], weights.shape[2]] else {
      throw Diagnostic(
        id: "shape.conv2d.kernel",
        "the window's kernel is \(window.kernel), that of weights \(weights.shape) is "
          + "[\(weights.shape[1]), \(weights.shape[2])]")
    }
    try types.checkBias(2, channels: channels, x: x)
    return [TensorType(x.element, try types.windowed(x, window, channels: channels))]
  }

  /// The definition, accumulated in `Double`.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    try evaluateAsFloats(operands, results, required: 2)
  }

  /// A convolution.
  public func primitive(_ operands: [TensorType?], _ results: [TensorType]) -> EnginePrimitive? {
    .convolution(window, groups: groups, clamp: activation)
  }

  /// `N · H' · W' · O · kh · kw · C / groups`.
  public func macs(_ operands: [TensorType?], _ results: [TensorType]) -> Int {
    guard operands.count > 1, let weights = operands[1], weights.shape.rank == 4 else { return 0 }
    return saturatingProduct(
      results[0].shape.count, weights.shape[1], weights.shape[2], weights.shape[3])
  }

  func compute<T: BinaryFloatingPoint & TensorElement>(
    _ type: T.Type, _ operands: [Tensor], _ shape: Shape
  ) -> Tensor {
    let input = operands[0].shape
    let depth = operands[1].shape[3]
    let channels = shape[3]
    let kernel = window.kernel
    var result = Tensor(zeros: T.elementType, shape)
    guard result.count > 0 else { return result }
    result.withMutableElements(T.self) { y in
      operands[0].withElements(T.self) { xs in
        operands[1].withElements(T.self) { ws in
          Tensor.withPointer(operands.count > 2 ? operands[2] : nil, T.self) { bias in
            guard let x = xs.baseAddress, let w = ws.baseAddress else {
              // No input channels or taps: the sum is empty.
              for i in y.indices {
                y[i] = T(activation.bound(bias.map { Double($0[i % channels]) } ?? 0))
              }
              return
            }
            var next = 0
            for n in 0..<shape[0] {
              for row in 0..<shape[1] {
                let rowTaps = window.taps(0, row, input[1])
                let top = row * window.strides[0] - window.padding[0]
                for column in 0..<shape[2] {
                  let columnTaps = window.taps(1, column, input[2])
                  let left = column * window.strides[1] - window.padding[1]
                  for o in 0..<channels {
                    let firstChannel = o / (channels / groups) * depth
                    var sum = bias.map { Double($0[o]) } ?? 0
                    for i in rowTaps {
                      let line = (n * input[1] + top + i * window.dilations[0]) * input[2]
                      for j in columnTaps {
                        let pixel = line + left + j * window.dilations[1]
                        sum += dot(
                          x + pixel * input[3] + firstChannel,
                          w + ((o * kernel[0] + i) * kernel[1] + j) * depth, depth)
                      }
                    }
                    y[next] = T(activation.bound(sum))
                    next += 1
                  }
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

extension Conv2D {
  /// ONNX `Conv` of one or two spatial axes.
  public static var imports: [ImportRule] {
    [
      .onnx("Conv") { node, builder throws(Diagnostic) in
        let weights = try builder.convolutionConstant(node, 1, "W")
        let x = builder.shape(of: try node.operand(0, "X"))
        let extents = try node.spatialExtents(x, "conv")
        guard weights.shape.rank == x.rank else {
          throw Diagnostic(
            id: "import.conv.rank", "weights are \(weights.shape), x is \(x)", at: node.place)
        }
        let kernel = Array(weights.shape.dimensions.dropFirst(2))
        if let given = try node.ints("kernel_shape"), given != kernel {
          throw Diagnostic(
            id: "import.conv.kernel",
            "kernel_shape is \(given), that of weights \(weights.shape) is \(kernel)",
            at: node.place)
        }
        let window = try SpatialWindow(onnx: node, kernel: kernel, input: extents)
        return [
          try builder.addConvolution(
            node, window: window.window2D, groups: try node.int("group", default: 1))
        ]
      },
      .relay("nn.conv1d") { node, builder throws(Diagnostic) in
        [try builder.addConvolution(node, dataLayout: "NCW", kernelLayout: "OIW")]
      },
      .relay("nn.conv2d") { node, builder throws(Diagnostic) in
        if builder.type(of: try node.operand(0, "data")).element.isInteger {
          return try IntegerConv2D.imported(node, &builder)
        }
        return [try builder.addConvolution(node, dataLayout: "NCHW", kernelLayout: "OIHW")]
      },
    ]
  }
}

extension GraphBuilder {
  /// The constant behind an operand of a convolution.
  ///
  /// - Throws: `import.conv.weights`.
  fileprivate func convolutionConstant(
    _ node: ForeignNode, _ index: Int, _ role: String
  ) throws(Diagnostic) -> Tensor {
    let id = try node.operand(index, role)
    guard let tensor = constant(id) else {
      throw Diagnostic(
        id: "import.conv.weights",
        "operand \(index) (\(role)) '\(graph[id].name)' is not constant", at: node.place)
    }
    return tensor
  }

  /// Adds the convolution of operand 0, `[N, C, L]` or `[N, C, H, W]`, by the constant operand 1,
  /// `[O, C / groups, ...]`, with the constant operand 2 as bias if there is one.
  fileprivate mutating func addConvolution(
    _ node: ForeignNode, window: Window2D, groups: Int
  ) throws(Diagnostic) -> ValueID {
    let x = try node.operand(0, "X")
    let rank = shape(of: x).rank
    let channels = shape(of: x)[1]
    let name = graph[try node.operand(1, "W")].name
    var weights = try convolutionConstant(node, 1, "W")
    let outputs = weights.shape[0]
    guard groups > 0, channels % groups == 0, outputs % groups == 0,
      weights.shape[1] == channels / groups
    else {
      throw Diagnostic(
        id: "shape.conv2d.channels",
        "weights \(weights.shape) in \(groups) groups do not go with the \(channels) channels of x "
          + "\(shape(of: x))", at: node.place)
    }
    if rank == 3 {
      weights = weights.reshaped([outputs, weights.shape[1], 1, weights.shape[2]])
    }
    var operands: [ValueID?] = [try channelsLast(x, of: node)]
    let isDepthwise = groups == channels && groups > 1
    if isDepthwise {
      let taps = weights.permuted([2, 3, 0, 1])
        .reshaped([weights.shape[2], weights.shape[3], outputs])
      operands.append(addConstant(taps, name: "\(name):hwc"))
    } else {
      operands.append(addConstant(weights.permuted([0, 2, 3, 1]), name: "\(name):ohwi"))
    }
    if node.optionalOperand(2) != nil {
      _ = try convolutionConstant(node, 2, "B")
      operands.append(node.optionalOperand(2))
    }
    if isDepthwise {
      let op = DepthwiseConv2D(window: window, multiplier: outputs / channels)
      return try addSpatial(op, operands, of: node, rank: rank)
    }
    return try addSpatial(
      Conv2D(window: window, groups: groups), operands, of: node, rank: rank)
  }
}

extension Conv2D: LowerableOperator {
  /// One call of `uq_conv2d_s8` or a variant for the weights' bits, groups of input channels and int16
  /// images.
  ///
  /// - Throws: `lower.conv2d.*`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let operands = try LayerOperands(
      "conv2d", node, in: context, operands: [.int8, .int16], results: [.int8, .int16])
    try operands.checkOneWidth("conv2d", at: context.place)
    let layer = try context.addRequantizedLayer(
      "conv2d", x: operands.x, weights: operands.weights, bias: operands.bias, result: node.result,
      order: .channelRows, takesGroups: groups == 1 && !operands.isWide,
      takesWideSums: operands.isWide)
    let geometry = try ImageGeometry(
      "conv2d", operands.xType, operands.resultType, window, at: context.place)
    var kernel = Conv2DKernel(
      geometry: geometry, groups: groups, inputZeroPoint: operands.input.zeroPoint,
      outputStage: OutputStage(operands.output, activation, rounding: context.rounding),
      layer: layer, isWide: operands.isWide, input: context.buffer(operands.x),
      output: context.buffer(node.result))
    kernel.scratchBuffer = context.addScratch(
      kernel.scratchBytes, alignment: operands.isWide ? 2 : 1)
    context.emit(kernel, macs: operands.macs)
  }
}
