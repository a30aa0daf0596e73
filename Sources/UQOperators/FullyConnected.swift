import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// `y = x · Wᵀ + b` for x `[..., K]`, weights `[O, K]` and an optional bias `[O]`.
public struct FullyConnected: Operator, FloatEvaluation {
  /// Bounds applied to the result.
  public var activation: Clamp

  /// Creates a fully connected layer.
  public init(activation: Clamp = .none) { self.activation = activation }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "fully_connected", "Product with constant weights over the last axis, with fused bounds.",
    operands: [
      OperandSpec("x"), OperandSpec("weights", .weight(channelAxis: 0)),
      OperandSpec("bias", .bias, optional: true),
    ])

  /// `[..., O]`.
  ///
  /// - Throws: `shape.fully_connected.*`, `type.fully_connected.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("fully_connected", operands)
    let x = try types.required(0, "x")
    let weights = try types.required(1, "weights", rank: 2)
    try types.checkActivation(x)
    try types.check(weights, "weights", with: x, quantized: [.int8])
    guard let depth = x.shape.dimensions.last, depth == weights.shape[1] else {
      throw Diagnostic(
        id: "shape.fully_connected.depth",
        "the last extent of x \(x.shape) is not the \(weights.shape[1]) that weights "
          + "\(weights.shape) read")
    }
    try types.checkBias(2, channels: weights.shape[0], x: x)
    let shape = try types.shape(x.shape.dimensions.dropLast() + [weights.shape[0]])
    return [TensorType(x.element, shape)]
  }

  /// The definition, accumulated in `Double`.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    try evaluateAsFloats(operands, results, required: 2)
  }

  /// A fully connected layer over all but the last axis as rows.
  public func primitive(_ operands: [TensorType?], _ results: [TensorType]) -> EnginePrimitive? {
    .fullyConnected(clamp: activation)
  }

  /// Elements of the result times `K`.
  public func macs(_ operands: [TensorType?], _ results: [TensorType]) -> Int {
    guard let depth = operands.first??.shape.dimensions.last else { return 0 }
    return saturatingProduct(results[0].shape.count, depth)
  }

  func compute<T: BinaryFloatingPoint & TensorElement>(
    _ type: T.Type, _ operands: [Tensor], _ shape: Shape
  ) -> Tensor {
    let channels = operands[1].shape[0]
    let depth = operands[1].shape[1]
    var result = Tensor(zeros: T.elementType, shape)
    guard result.count > 0 else { return result }
    result.withMutableElements(T.self) { y in
      Tensor.withPointer(operands[0], T.self) { x in
        Tensor.withPointer(operands[1], T.self) { w in
          Tensor.withPointer(operands.count > 2 ? operands[2] : nil, T.self) { bias in
            for row in 0..<y.count / channels {
              for o in 0..<channels {
                var sum = bias.map { Double($0[o]) } ?? 0
                if let x, let w { sum += dot(x + row * depth, w + o * depth, depth) }
                y[row * channels + o] = T(activation.bound(sum))
              }
            }
          }
        }
      }
    }
    return result
  }
}

extension FullyConnected: LowerableOperator {
  /// One call of `uq_fully_connected_s8` or a variant for the weights' bits, groups of inputs and int16
  /// results.
  ///
  /// - Throws: `lower.fully_connected.*`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let operands = try LayerOperands(
      "fully_connected", node, in: context, operands: [.int8, .int16], results: [.int8, .int16])
    let layer = try context.addRequantizedLayer(
      "fully_connected", x: operands.x, weights: operands.weights, bias: operands.bias,
      result: node.result, order: .channelRows,
      takesGroups: !operands.isWide && operands.resultType.element == .int8,
      takesWideSums: operands.isWide && operands.resultType.element == .int16)
    let x = operands.xType.shape
    let y = operands.resultType.shape
    guard let depth = x.last, let channels = y.last, x.count > 0, y.count > 0,
      x.count < 1 << 31, y.count < 1 << 31
    else {
      throw Diagnostic(
        id: "lower.fully_connected.size",
        "x \(x), result \(y): an extent is 0 or sizes leave 31 bits", at: context.place)
    }
    let isWide = operands.resultType.element == .int16
    let stage = OutputStage(operands.output, activation, rounding: context.rounding)
    let (input, output) = (context.buffer(operands.x), context.buffer(node.result))
    if layer.accumulatorShift > 0 {
      // Rows of a matrix are pixels of a line.
      let line = { (count: Int) in TensorType(.int16, [1, 1, x.count / depth, count]) }
      let geometry = try ImageGeometry(
        "fully_connected", line(depth), line(channels), Window2D(kernel: [1, 1]),
        at: context.place)
      context.emit(
        Conv2DKernel(
          geometry: geometry, groups: 1, inputZeroPoint: operands.input.zeroPoint,
          outputStage: stage, layer: layer, isWide: true, input: input, output: output),
        macs: operands.macs)
    } else if operands.isWide {
      context.emit(
        WideFullyConnectedKernel(
          batch: x.count / depth, depth: depth, channels: channels, isWide: isWide,
          outputStage: stage, layer: layer, input: input, output: output), macs: operands.macs)
    } else {
      context.emit(
        FullyConnectedKernel(
          batch: x.count / depth, depth: depth, channels: channels, isWide: isWide,
          outputStage: stage, layer: layer, input: input, output: output), macs: operands.macs)
    }
  }
}
