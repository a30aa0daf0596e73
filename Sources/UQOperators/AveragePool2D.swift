import UQGraph
import UQNumerics
import UQSupport

/// Mean of each window of `[N, H, W, C]`.
public struct AveragePool2D: Operator, FloatEvaluation {
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
    try evaluateAsFloats(operands, results, required: 1)
  }

  /// A pooling, where every window holds an element of the image.
  public func primitive(_ operands: [TensorType?], _ results: [TensorType]) -> EnginePrimitive? {
    guard let x = operands.first ?? nil, window.alwaysHoldsElements(of: x.shape) else {
      return nil
    }
    return .pooling(includesPadding ? .averageIncludingPadding : .averageExcludingPadding, window)
  }

  func compute<T: BinaryFloatingPoint & TensorElement>(
    _ type: T.Type, _ operands: [Tensor], _ shape: Shape
  ) -> Tensor {
    let input = operands[0].shape
    let channels = shape[3]
    var result = Tensor(zeros: T.elementType, shape)
    result.withMutableElements(T.self) { y in
      operands[0].withElements(T.self) { x in
        var next = 0
        for n in 0..<shape[0] {
          for row in 0..<shape[1] {
            let rowTaps = window.taps(0, row, input[1])
            let top = row * window.strides[0] - window.padding[0]
            for column in 0..<shape[2] {
              let columnTaps = window.taps(1, column, input[2])
              let left = column * window.strides[1] - window.padding[1]
              let divisor =
                includesPadding
                ? window.kernel[0] * window.kernel[1] : rowTaps.count * columnTaps.count
              for c in 0..<channels {
                var sum = 0.0
                for i in rowTaps {
                  let line = (n * input[1] + top + i * window.dilations[0]) * input[2]
                  for j in columnTaps {
                    sum += Double(x[(line + left + j * window.dilations[1]) * channels + c])
                  }
                }
                y[next] = T(sum / Double(max(divisor, 1)))
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
