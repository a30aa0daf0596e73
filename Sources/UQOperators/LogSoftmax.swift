import Foundation
import UQGraph
import UQNumerics
import UQSupport

/// `x − log Σ exp(x)` along an axis.
public struct LogSoftmax: Operator, FloatEvaluation {
  /// Axis, from 0.
  public var axis: Int

  /// Creates a log-softmax.
  public init(axis: Int) { self.axis = axis }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "log_softmax", "Logarithm of the softmax along an axis.", operands: [OperandSpec("x")])

  /// The shape of x.
  ///
  /// - Throws: `shape.log_softmax.axis`, `type.log_softmax.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("log_softmax", operands)
    let x = try types.required(0, "x")
    try types.checkActivation(x)
    guard x.shape.dimensions.indices.contains(axis) else {
      throw Diagnostic(id: "shape.log_softmax.axis", "x \(x.shape) has no axis \(axis)")
    }
    return [TensorType(x.element, x.shape)]
  }

  /// The definition, less the largest element first, in `Double`.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    try evaluateAsFloats(operands, results, required: 1)
  }

  func compute<T: BinaryFloatingPoint & TensorElement>(
    _ type: T.Type, _ operands: [Tensor], _ shape: Shape
  ) -> Tensor {
    operands[0].mappedLines(along: axis) { (x: UnsafePointer<T>, y, count, step) in
      var largest = -Double.infinity
      for i in 0..<count { largest = max(largest, Double(x[i * step])) }
      var sum = 0.0
      for i in 0..<count { sum += exp(Double(x[i * step]) - largest) }
      let logarithm = log(sum)
      for i in 0..<count { y[i * step] = T(Double(x[i * step]) - largest - logarithm) }
    }
  }
}

extension LogSoftmax {
  /// ONNX `LogSoftmax`; before operator set 13 over all axes from `axis` on.
  public static var imports: [ImportRule] {
    [
      .onnx("LogSoftmax", 1...12) { node, builder throws(Diagnostic) in
        try builder.addOverTrailingAxes(node, axis: try node.int("axis", default: 1)) {
          LogSoftmax(axis: $0)
        }
      },
      .onnx("LogSoftmax", 13...1000) { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "input")
        let rank = builder.shape(of: x).rank
        let axis = try node.axis(try node.int("axis", default: -1), rank: rank)
        return try builder.add(LogSoftmax(axis: axis), [x], as: node)
      },
      .relay("nn.log_softmax", along),
    ]
  }

  @Sendable private static func along(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let x = try node.operand(0, "data")
    let rank = builder.shape(of: x).rank
    let axis = try node.axis(try node.int("axis", default: -1), rank: rank)
    return try builder.add(LogSoftmax(axis: axis), [x], as: node)
  }
}
