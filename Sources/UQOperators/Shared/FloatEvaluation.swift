import UQGraph
import UQNumerics
import UQSupport

/// An operator whose evaluation is written once for `Float` and `Double`.
protocol FloatEvaluation: Operator {
  /// The result of the given shape; all operands hold elements of type `T`.
  func compute<T: BinaryFloatingPoint & TensorElement>(
    _ type: T.Type, _ operands: [Tensor], _ shape: Shape
  ) -> Tensor
}

extension FloatEvaluation {
  /// Evaluates `float64` in `Double`, the narrower types in `Float`.
  ///
  /// - Parameter count: required operands; further ones may be absent.
  /// - Throws: `evaluate.<operator>.operands`, `evaluate.<operator>.element`.
  func evaluateAsFloats(
    _ operands: [Tensor?], _ results: [TensorType], required count: Int
  ) throws(Diagnostic) -> [Tensor] {
    let present = operands.compactMap { $0 }
    guard operands.prefix(count).allSatisfy({ $0 != nil }), present.count >= count,
      let result = results.first
    else {
      throw Diagnostic(
        id: "evaluate.\(Self.spec.name).operands",
        "\(present.count) operands are there, \(count) are required")
    }
    guard result.element.isFloat, present.allSatisfy({ $0.element.isFloat }) else {
      throw Diagnostic(
        id: "evaluate.\(Self.spec.name).element",
        "evaluates floating-point tensors, the result is \(result)")
    }
    if result.element == .float64 {
      return [compute(Double.self, present, result.shape)]
    }
    let floats = present.map { $0.converted(to: .float32) }
    return [compute(Float.self, floats, result.shape).converted(to: result.element)]
  }
}

extension Clamp {
  /// `min(max(value, low), high)` of an accumulator.
  @inline(__always)
  func bound(_ value: Double) -> Double {
    if value < Double(low) { return Double(low) }
    if value > Double(high) { return Double(high) }
    return value
  }
}

/// Sum over `count` products of neighbouring elements.
@inline(__always)
func dot<T: BinaryFloatingPoint>(_ a: UnsafePointer<T>, _ b: UnsafePointer<T>, _ count: Int)
  -> Double
{
  var sum = 0.0
  for k in 0..<count { sum += Double(a[k]) * Double(b[k]) }
  return sum
}

extension Tensor {
  /// Calls `body` with the address of the elements, and with `nil` for a tensor that is absent.
  static func withPointer<T: TensorElement, R>(
    _ tensor: Tensor?, _ type: T.Type, _ body: (UnsafePointer<T>?) -> R
  ) -> R {
    guard let tensor else { return body(nil) }
    return tensor.withElements(T.self) { body($0.baseAddress) }
  }
}
