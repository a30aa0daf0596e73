import COneDNN
import UQGraph
import UQNumerics
import UQSupport

/// One node, ready to run: a primitive of oneDNN, a plain loop, or the operator's own evaluation.
final class EngineStep: @unchecked Sendable {
  enum Kind {
    case primitive(OpaquePointer, sources: Int)
    case sum(Clamp)
    case copy
    case evaluate
  }

  let node: Node
  let kind: Kind
  let scratchBytes: Int

  init(_ node: Node, _ graph: Graph, _ engine: FloatEngine) throws {
    self.node = node
    kind = try EngineStep.prepare(node, graph, engine)
    if case .primitive(let op, _) = kind {
      scratchBytes = uq_dnn_op_scratch_bytes(op)
    } else {
      scratchBytes = 0
    }
  }

  deinit { if case .primitive(let op, _) = kind { uq_dnn_op_destroy(op) } }

  private static func prepare(_ node: Node, _ graph: Graph, _ engine: FloatEngine) throws -> Kind {
    let operands = graph.types(of: node.operands)
    let results = node.results.map { graph.type(of: $0) }
    let types = operands.compactMap { $0 } + results
    guard types.allSatisfy({ $0.element == .float32 }), results.count == 1,
      let input = operands.first ?? nil,
      let primitive = node.op.primitive(operands, results)
    else { return .evaluate }
    let constants = node.operands.map { graph.constant($0) }
    let isActivation = node.operands.map { $0 != nil && graph.constant($0) == nil }
    var op: OpaquePointer?
    var status = Int32(UQ_DNN_UNSUPPORTED)
    var sources = 1
    switch primitive {
    case .convolution(let window, let groups, let clamp):
      guard let weights = constants[1] else { return .evaluate }
      var shape = convolution(window, input, results[0], groups: groups)
      status = create(weights, constants, clamp) { w, b in
        uq_dnn_convolution_create(engine.handle, &shape, w, b, clamp.low, clamp.high, &op)
      }
    case .depthwiseConvolution(let window, let clamp):
      guard let weights = constants[1] else { return .evaluate }
      var shape = convolution(window, input, results[0], groups: input.shape[3])
      status = create(channelsFirst(weights), constants, clamp) { w, b in
        uq_dnn_convolution_create(engine.handle, &shape, w, b, clamp.low, clamp.high, &op)
      }
    case .transposedConvolution(let window, let groups, let clamp):
      guard let weights = constants[1] else { return .evaluate }
      var shape = convolution(window, input, results[0], groups: groups)
      status = create(weights, constants, clamp) { w, b in
        uq_dnn_transposed_convolution_create(
          engine.handle, &shape, w, b, clamp.low, clamp.high, &op)
      }
    case .fullyConnected(let clamp):
      guard let weights = constants[1] else { return .evaluate }
      var shape = uq_dnn_inner_product(
        batch: Int32(clamping: input.shape.count / max(1, weights.shape[1])),
        in_c: Int32(clamping: weights.shape[1]), out_c: Int32(clamping: weights.shape[0]))
      status = create(weights, constants, clamp) { w, b in
        uq_dnn_inner_product_create(engine.handle, &shape, w, b, clamp.low, clamp.high, &op)
      }
    case .matrixProduct:
      return .evaluate
    case .pooling(let kind, let window):
      var shape = pooling(kind, window, input, results[0])
      status = uq_dnn_pooling_create(engine.handle, &shape, &op)
    case .sum(let clamp):
      guard isActivation == [true, true], operands[0]?.shape == operands[1]?.shape else {
        return .evaluate
      }
      return .sum(clamp)
    case .copy:
      return isActivation[0] ? .copy : .evaluate
    }
    sources = 1
    switch (Int(status), op) {
    case (Int(UQ_DNN_OK), let op?) where isActivation[0]: return .primitive(op, sources: sources)
    case (Int(UQ_DNN_OUT_OF_MEMORY), _):
      throw Diagnostic(
        id: "engine.memory.exhausted", "no memory for the layer's packed weights",
        at: SourcePlace(node: node.name, operatorName: node.spec.name))
    default:
      uq_dnn_op_destroy(op)
      return .evaluate
    }
  }

  private static func create(
    _ weights: Tensor, _ constants: [Tensor?], _ clamp: Clamp,
    _ body: (UnsafePointer<Float>?, UnsafePointer<Float>?) -> Int32
  ) -> Int32 {
    let bias = constants.count > 2 ? constants[2] : nil
    return weights.withElements(Float.self) { w in
      guard let bias else { return body(w.baseAddress, nil) }
      return bias.withElements(Float.self) { b in body(w.baseAddress, b.baseAddress) }
    }
  }

  /// `[kh, kw, C]` weights as `[C, kh, kw, 1]`.
  private static func channelsFirst(_ weights: Tensor) -> Tensor {
    let taps = weights.shape[0] * weights.shape[1]
    let channels = weights.shape[2]
    var result = Tensor(zeros: .float32, [channels, weights.shape[0], weights.shape[1], 1])
    weights.withElements(Float.self) { source in
      result.withMutableElements(Float.self) { target in
        for t in 0..<taps {
          for c in 0..<channels { target[c * taps + t] = source[t * channels + c] }
        }
      }
    }
    return result
  }

  private static func convolution(
    _ window: Window2D, _ input: TensorType, _ output: TensorType, groups: Int
  ) -> uq_dnn_convolution {
    let n = { (value: Int) in Int32(clamping: value) }
    let (x, y) = (input.shape, output.shape)
    return uq_dnn_convolution(
      batch: n(x[0]), in_h: n(x[1]), in_w: n(x[2]), in_c: n(x[3]), out_h: n(y[1]), out_w: n(y[2]),
      out_c: n(y[3]), kernel_h: n(window.kernel[0]), kernel_w: n(window.kernel[1]),
      stride_h: n(window.strides[0]), stride_w: n(window.strides[1]),
      dilation_h: n(window.dilations[0]), dilation_w: n(window.dilations[1]),
      pad_top: n(window.padding[0]), pad_left: n(window.padding[1]),
      pad_bottom: n(window.padding[2]), pad_right: n(window.padding[3]), groups: n(groups))
  }

  private static func pooling(
    _ kind: EnginePrimitive.PoolingKind, _ window: Window2D, _ input: TensorType,
    _ output: TensorType
  ) -> uq_dnn_pooling {
    let n = { (value: Int) in Int32(clamping: value) }
    let (x, y) = (input.shape, output.shape)
    let code: Int
    switch kind {
    case .maximum: code = Int(UQ_DNN_POOL_MAX)
    case .averageIncludingPadding: code = Int(UQ_DNN_POOL_AVERAGE_INCLUDE_PADDING)
    case .averageExcludingPadding: code = Int(UQ_DNN_POOL_AVERAGE_EXCLUDE_PADDING)
    }
    return uq_dnn_pooling(
      kind: n(code), batch: n(x[0]), in_h: n(x[1]), in_w: n(x[2]), out_h: n(y[1]), out_w: n(y[2]),
      channels: n(x[3]), kernel_h: n(window.kernel[0]), kernel_w: n(window.kernel[1]),
      stride_h: n(window.strides[0]), stride_w: n(window.strides[1]),
      dilation_h: n(window.dilations[0]), dilation_w: n(window.dilations[1]),
      pad_top: n(window.padding[0]), pad_left: n(window.padding[1]),
      pad_bottom: n(window.padding[2]), pad_right: n(window.padding[3]))
  }
}
