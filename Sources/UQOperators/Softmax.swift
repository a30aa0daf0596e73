import Foundation
import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// `exp(x) / Σ exp(x)` along an axis.
public struct Softmax: Operator, FloatEvaluation {
  /// Axis, from 0.
  public var axis: Int

  /// Creates a softmax.
  public init(axis: Int) { self.axis = axis }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "softmax", "Exponentials along an axis, divided by their sum.", operands: [OperandSpec("x")])

  /// The shape of x.
  ///
  /// - Throws: `shape.softmax.axis`, `type.softmax.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("softmax", operands)
    let x = try types.required(0, "x")
    try types.checkActivation(x)
    guard x.shape.dimensions.indices.contains(axis) else {
      throw Diagnostic(id: "shape.softmax.axis", "x \(x.shape) has no axis \(axis)")
    }
    return [TensorType(x.element, x.shape)]
  }

  /// The definition, less the largest element first, in `Double`.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    try evaluateAsFloats(operands, results, required: 1)
  }

  /// 8 bits over `[0, 1)`: scale 1/256, zero point −128.
  public var quantizationRule: QuantizationRule {
    .fixed(Quantization(bits: 8, scales: [0x1p-8], zeroPoint: -128))
  }

  func compute<T: BinaryFloatingPoint & TensorElement>(
    _ type: T.Type, _ operands: [Tensor], _ shape: Shape
  ) -> Tensor {
    operands[0].mappedLines(along: axis) { (x: UnsafePointer<T>, y, count, step) in
      var largest = -Double.infinity
      for i in 0..<count { largest = max(largest, Double(x[i * step])) }
      var sum = 0.0
      for i in 0..<count { sum += exp(Double(x[i * step]) - largest) }
      for i in 0..<count { y[i * step] = T(exp(Double(x[i * step]) - largest) / sum) }
    }
  }
}

extension Softmax {
  /// ONNX `Softmax`; before operator set 13 over all axes from `axis` on.
  public static var imports: [ImportRule] {
    [
      .onnx("Softmax", 1...12) { node, builder throws(Diagnostic) in
        try builder.addOverTrailingAxes(node, axis: try node.int("axis", default: 1)) {
          Softmax(axis: $0)
        }
      },
      .onnx("Softmax", 13...1000) { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "input")
        let rank = builder.shape(of: x).rank
        let axis = try node.axis(try node.int("axis", default: -1), rank: rank)
        return try builder.add(Softmax(axis: axis), [x], as: node)
      },
      .relay("nn.softmax", along),
      .relay("nn.fast_softmax", along),
    ]
  }

  @Sendable private static func along(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let x = try node.operand(0, "data")
    let rank = builder.shape(of: x).rank
    let axis = try node.axis(try node.int("axis", default: -1), rank: rank)
    return try builder.add(Softmax(axis: axis), [x], as: node)
  }
}

extension Softmax: LowerableOperator {
  /// One call of `uq_softmax_s8` or, for an int16 operand, `uq_softmax_s16_s8`, between transposes
  /// where the axis is not the innermost.
  ///
  /// - Throws: `lower.softmax.*`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let operands = try LayerOperands(
      "softmax", node, in: context, operands: [.int8, .int16], results: [.int8])
    let shape = operands.xType.shape
    guard case .fixed(let wanted) = quantizationRule, operands.output.isSameScale(as: wanted) else {
      throw Diagnostic(
        id: "lower.softmax.quantization",
        "the result has scale \(operands.output.scale) and zero point \(operands.output.zeroPoint), "
          + "the kernel makes 1/256 and -128", at: context.place)
    }
    guard shape.dimensions.indices.contains(axis), (1...65536).contains(shape[axis]),
      shape.count > 0, shape.count < 1 << 31
    else {
      throw Diagnostic(
        id: "lower.softmax.size",
        "x is \(shape), the kernel takes 1 to 65536 elements along an axis",
        at: context.place)
    }
    let extent = shape[axis]
    let inner = shape.strides[axis]
    let outer = shape.count / (extent * inner)
    guard inner > 1 else {
      context.emit(
        SoftmaxKernel(
          rows: outer, depth: extent, scale: operands.input.scale,
          isWide: operands.xType.element == .int16, input: context.buffer(operands.x),
          output: context.buffer(node.result)))
      return
    }
    // The kernel reads lines side by side, so the axis moves inside and back.
    let lines: Shape = [outer, inner, extent]
    let moved = context.addTemporary(
      TensorType(operands.xType.element, lines, quantization: operands.input),
      name: "\(node.name) lines")
    let result = context.addTemporary(
      TensorType(.int8, lines, quantization: operands.output), name: "\(node.name) softmax")
    context.emit(
      TransposeKernel(
        sizes: [1, outer, extent, inner], permutation: [0, 1, 3, 2],
        elementBytes: operands.xType.element.byteCount, x: context.buffer(operands.x), y: moved))
    context.emit(
      SoftmaxKernel(
        rows: outer * inner, depth: extent, scale: operands.input.scale,
        isWide: operands.xType.element == .int16, input: moved, output: result))
    context.emit(
      TransposeKernel(
        sizes: [1, outer, inner, extent], permutation: [0, 1, 3, 2], elementBytes: 1, x: result,
        y: context.buffer(node.result)))
  }
}
