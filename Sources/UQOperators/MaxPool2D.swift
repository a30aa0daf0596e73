import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// Largest element of each window of `[N, H, W, C]`; padding never wins.
public struct MaxPool2D: Operator {
  /// Geometry.
  public var window: Window2D

  /// Creates a max pooling.
  public init(window: Window2D) { self.window = window }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "max_pool2d", "Largest element of each window over NHWC.", operands: [OperandSpec("x")])

  /// `[N, H', W', C]`.
  ///
  /// - Throws: `shape.max_pool2d.*`, `type.max_pool2d.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("max_pool2d", operands)
    let x = try types.required(0, "x", rank: 4)
    guard x.element != .bool else {
      throw Diagnostic(id: "type.max_pool2d.element", "x is bool, expected numbers")
    }
    return [TensorType(x.element, try types.windowed(x, window, channels: x.shape[3]))]
  }

  /// The definition.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    guard let x = operands.first ?? nil, let shape = results.first?.shape else {
      throw Diagnostic(id: "evaluate.max_pool2d.operands", "operand 'x' is missing")
    }
    switch x.element {
    case .float32: return [largest(x, shape, lowest: -Float.infinity)]
    case .float64: return [largest(x, shape, lowest: -Double.infinity)]
    case .float16, .bfloat16:
      let floats = x.converted(to: .float32)
      return [largest(floats, shape, lowest: -Float.infinity).converted(to: x.element)]
    case .int8: return [largest(x, shape, lowest: Int8.min)]
    case .uint8: return [largest(x, shape, lowest: UInt8.min)]
    case .uint64: return [largest(x, shape, lowest: UInt64.min)]
    default:
      let wide = x.converted(to: .int64)
      let bottom = Tensor(doubles: [-.infinity], x.element, [1]).integers[0]
      return [largest(wide, shape, lowest: Int64(bottom)).converted(to: x.element)]
    }
  }

  /// A pooling, where every window holds an element of the image.
  public func primitive(_ operands: [TensorType?], _ results: [TensorType]) -> EnginePrimitive? {
    guard let x = operands.first ?? nil, window.alwaysHoldsElements(of: x.shape) else {
      return nil
    }
    return .pooling(.maximum, window)
  }

  /// The same as the operand.
  public var quantizationRule: QuantizationRule { .inherit(0) }

  private func largest<T: Comparable & TensorElement>(
    _ tensor: Tensor, _ shape: Shape, lowest: T
  ) -> Tensor {
    let input = tensor.shape
    let channels = shape[3]
    var result = Tensor(zeros: T.elementType, shape)
    result.withMutableElements(T.self) { y in
      tensor.withElements(T.self) { x in
        var next = 0
        for n in 0..<shape[0] {
          for row in 0..<shape[1] {
            let rowTaps = window.taps(0, row, input[1])
            let top = row * window.strides[0] - window.padding[0]
            for column in 0..<shape[2] {
              let columnTaps = window.taps(1, column, input[2])
              let left = column * window.strides[1] - window.padding[1]
              for c in 0..<channels {
                var best = lowest
                for i in rowTaps {
                  let line = (n * input[1] + top + i * window.dilations[0]) * input[2]
                  for j in columnTaps {
                    best = max(best, x[(line + left + j * window.dilations[1]) * channels + c])
                  }
                }
                y[next] = best
                next += 1
              }
            }
          }
        }
      }
    }
    return result
  }
}

extension MaxPool2D {
  /// ONNX `MaxPool` of one or two spatial axes, without indices.
  public static var imports: [ImportRule] {
    [
      .onnx("MaxPool") { node, builder throws(Diagnostic) in
        guard node.results.dropFirst().allSatisfy(\.isEmpty) else {
          throw Diagnostic(
            id: "import.max-pool.indices",
            "result '\(node.results[1])' (Indices) is asked for; only the maxima are computed",
            at: node.place)
        }
        let x = try node.operand(0, "X")
        let shape = builder.shape(of: x)
        let window = try SpatialWindow(
          onnx: node, kernel: try node.poolingKernel(),
          input: try node.spatialExtents(shape, "pool"))
        let operand = try builder.channelsLast(x, of: node)
        return [
          try builder.addSpatial(
            MaxPool2D(window: window.window2D), [operand], of: node, rank: shape.rank)
        ]
      },
      .relay("nn.max_pool1d", pooled("NCW")),
      .relay("nn.max_pool2d", pooled("NCHW")),
    ]
  }

  private static func pooled(
    _ layout: String
  ) -> @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID] {
    { node, builder throws(Diagnostic) in
      let (x, window, layouts) = try builder.relayPooling(node, layout)
      return [
        try builder.addSpatial(
          MaxPool2D(window: window.window2D), [x], layout: layouts, of: node)
      ]
    }
  }
}

extension ForeignNode {
  /// Attribute `kernel_shape` of an ONNX pooling.
  ///
  /// - Throws: `import.attribute.*`.
  func poolingKernel() throws(Diagnostic) -> [Int] {
    guard let kernel = try ints("kernel_shape") else {
      throw Diagnostic(
        id: "import.attribute.missing", "attribute 'kernel_shape' is missing", at: place)
    }
    return kernel
  }
}

extension MaxPool2D: LowerableOperator {
  /// One call of `uq_max_pool2d_s8` or `uq_max_pool2d_s16`.
  ///
  /// - Throws: `lower.max_pool2d.*`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let operands = try LayerOperands(
      "max_pool2d", node, in: context, operands: [.int8, .int16], results: [.int8, .int16])
    guard operands.input.isSameScale(as: operands.output) else {
      throw Diagnostic(
        id: "lower.max_pool2d.quantization",
        "x has scale \(operands.input.scale) and zero point \(operands.input.zeroPoint), the result "
          + "\(operands.output.scale) and \(operands.output.zeroPoint); they must be equal",
        at: context.place)
    }
    context.emit(
      MaxPool2DKernel(
        geometry: try ImageGeometry(
          "max_pool2d", operands.xType, operands.resultType, window, at: context.place),
        outputStage: OutputStage(operands.output, rounding: context.rounding),
        isWide: operands.isWide, input: context.buffer(operands.x),
        output: context.buffer(node.result)))
  }
}
