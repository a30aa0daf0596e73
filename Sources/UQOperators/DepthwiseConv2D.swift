import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// Depthwise 2-D convolution of `[N, H, W, C]` with weights `[kh, kw, C·m]` and an optional bias
/// `[C·m]`; output channel `o` reads input channel `o / m`.
public struct DepthwiseConv2D: Operator, FloatEvaluation {
  /// Geometry; the kernel equals the weights' two first extents.
  public var window: Window2D
  /// Output channels for each input channel.
  public var multiplier: Int
  /// Bounds applied to the result.
  public var activation: Clamp

  /// Creates a depthwise convolution.
  public init(window: Window2D, multiplier: Int = 1, activation: Clamp = .none) {
    self.window = window
    self.multiplier = multiplier
    self.activation = activation
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "depthwise_conv2d", "2-D convolution of each channel by itself, with fused bounds.",
    operands: [
      OperandSpec("x"), OperandSpec("weights", .weight(channelAxis: 2)),
      OperandSpec("bias", .bias, optional: true),
    ])

  /// `[N, H', W', C·m]`.
  ///
  /// - Throws: `shape.depthwise_conv2d.*`, `type.depthwise_conv2d.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("depthwise_conv2d", operands)
    let x = try types.required(0, "x", rank: 4)
    let weights = try types.required(1, "weights", rank: 3)
    try types.checkActivation(x)
    try types.check(weights, "weights", with: x, quantized: [.int8])
    let channels = weights.shape[2]
    guard multiplier > 0, saturatingProduct(x.shape[3], multiplier) == channels else {
      throw Diagnostic(
        id: "shape.depthwise_conv2d.channels",
        "weights \(weights.shape) make \(channels) channels, x \(x.shape) has \(x.shape[3]) and "
          + "the multiplier is \(multiplier)")
    }
    guard window.kernel == [weights.shape[0], weights.shape[1]] else {
      throw Diagnostic(
        id: "shape.depthwise_conv2d.kernel",
        "the window's kernel is \(window.kernel), that of weights \(weights.shape) is "
          + "[\(weights.shape[0]), \(weights.shape[1])]")
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

  /// A depthwise convolution.
  public func primitive(_ operands: [TensorType?], _ results: [TensorType]) -> EnginePrimitive? {
    .depthwiseConvolution(window, clamp: activation)
  }

  /// `N · H' · W' · C · m · kh · kw`.
  public func macs(_ operands: [TensorType?], _ results: [TensorType]) -> Int {
    guard window.kernel.count == 2 else { return 0 }
    return saturatingProduct(results[0].shape.count, window.kernel[0], window.kernel[1])
  }

  func compute<T: BinaryFloatingPoint & TensorElement>(
    _ type: T.Type, _ operands: [Tensor], _ shape: Shape
  ) -> Tensor {
    let input = operands[0].shape
    let channels = shape[3]
    var result = Tensor(zeros: T.elementType, shape)
    guard result.count > 0 else { return result }
    result.withMutableElements(T.self) { y in
      operands[0].withElements(T.self) { x in
        operands[1].withElements(T.self) { w in
          Tensor.withPointer(operands.count > 2 ? operands[2] : nil, T.self) { bias in
            var next = 0
            for n in 0..<shape[0] {
              for row in 0..<shape[1] {
                let rowTaps = window.taps(0, row, input[1])
                let top = row * window.strides[0] - window.padding[0]
                for column in 0..<shape[2] {
                  let columnTaps = window.taps(1, column, input[2])
                  let left = column * window.strides[1] - window.padding[1]
                  for o in 0..<channels {
                    var sum = bias.map { Double($0[o]) } ?? 0
                    for i in rowTaps {
                      let line = (n * input[1] + top + i * window.dilations[0]) * input[2]
                      for j in columnTaps {
                        let pixel = line + left + j * window.dilations[1]
                        sum +=
                          Double(x[pixel * input[3] + o / multiplier])
                          * Double(w[(i * window.kernel[1] + j) * channels + o])
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

extension DepthwiseConv2D: LowerableOperator {
  /// One call of `uq_depthwise_conv2d_s8` or a variant for the weights' bits and int16 images.
  ///
  /// - Throws: `lower.depthwise_conv2d.*`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let operands = try LayerOperands(
      "depthwise_conv2d", node, in: context, operands: [.int8, .int16], results: [.int8, .int16])
    try operands.checkOneWidth("depthwise_conv2d", at: context.place)
    let layer = try context.addRequantizedLayer(
      "depthwise_conv2d", x: operands.x, weights: operands.weights, bias: operands.bias,
      result: node.result, order: .tapRows)
    let geometry = try ImageGeometry(
      "depthwise_conv2d", operands.xType, operands.resultType, window, at: context.place)
    var kernel = DepthwiseConv2DKernel(
      geometry: geometry, multiplier: multiplier, inputZeroPoint: operands.input.zeroPoint,
      outputStage: OutputStage(operands.output, activation, rounding: context.rounding),
      layer: layer, isWide: operands.isWide, input: context.buffer(operands.x),
      output: context.buffer(node.result))
    kernel.scratchBuffer = context.addScratch(
      kernel.scratchBytes, alignment: operands.isWide ? 2 : 1)
    context.emit(kernel, macs: operands.macs)
  }
}
