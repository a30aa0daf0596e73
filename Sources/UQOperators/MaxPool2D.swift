import UQGraph
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
    throw Self.notEvaluated
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
}
