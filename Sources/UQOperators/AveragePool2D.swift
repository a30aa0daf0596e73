import UQGraph
import UQNumerics
import UQSupport

/// Mean of each window of `[N, H, W, C]`.
public struct AveragePool2D: Operator {
  /// Geometry.
  public var window: Window2D
  /// Whether padding counts as zeros (the divisor is `kh · kw`) or not at all.
  public var includesPadding: Bool

  /// Creates an average pooling.
  public init(window: Window2D, includesPadding: Bool = false) {
    self.window = window
    self.includesPadding = includesPadding
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "average_pool2d", "Mean of each window over NHWC.", operands: [OperandSpec("x")])

  /// `[N, H', W', C]`.
  ///
  /// - Throws: `shape.average_pool2d.*`, `type.average_pool2d.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("average_pool2d", operands)
    let x = try types.required(0, "x", rank: 4)
    try types.checkActivation(x)
    return [TensorType(x.element, try types.windowed(x, window, channels: x.shape[3]))]
  }

  /// The definition, accumulated in `Double`; the mean of no element is 0.
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
    return .pooling(includesPadding ? .averageIncludingPadding : .averageExcludingPadding, window)
  }
}
