import Foundation
import UQGraph
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
    ]
  }
}
