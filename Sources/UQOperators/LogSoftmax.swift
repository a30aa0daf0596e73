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
