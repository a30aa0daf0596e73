import UQKernels
import UQNumerics
import UQSupport

extension ProgramPort {
  /// The integers for real values: `round(x / scale) + zeroPoint`, ties to even, saturated; NaN is the
  /// zero point.
  ///
  /// `float64` values are divided in double, all others in single precision, as NumPy's
  /// `rint(x / scale)` does. Integer and bool ports take the values converted to their type.
  ///
  /// - Throws: `simulate.input.shape` where the number of elements differs.
  public func quantize(_ values: Tensor) throws(Diagnostic) -> Tensor {
    guard values.count == type.shape.count else {
      throw Diagnostic(
        id: "simulate.input.shape",
        "'\(name)' takes \(type.shape) (\(type.shape.count) elements), got \(values.shape)")
    }
    guard let quantization = type.quantization else {
      return values.converted(to: type.element).reshaped(type.shape)
    }
    if values.element == .float64 {
      return quantize(values, as: Double.self, quantization)
    }
    return quantize(values.converted(to: .float32), as: Float.self, quantization)
  }

  /// The real values of integers: `scale · (q − zeroPoint)`, computed in double, as `float32`.
  ///
  /// - Precondition: `values` has the port's element type.
  public func dequantize(_ values: Tensor) -> Tensor {
    guard let quantization = type.quantization else { return values.converted(to: .float32) }
    let wide = values.converted(to: .int32)
    let scale = quantization.scale
    let zeroPoint = quantization.zeroPoint
    var result = Tensor(zeros: .float32, values.shape)
    wide.withElements(Int32.self) { source in
      result.withMutableElements(Float.self) { target in
        for index in source.indices {
          target[index] = Float(scale * Double(Int(source[index]) - zeroPoint))
        }
      }
    }
    return result
  }

  private func quantize<Real: BinaryFloatingPoint & TensorElement>(
    _ values: Tensor, as real: Real.Type, _ quantization: Quantization
  ) -> Tensor {
    var integers = Tensor(zeros: .int32, type.shape)
    let scale = Real(quantization.scale)
    let zeroPoint = Real(quantization.zeroPoint)
    let lowest = Real(max(quantization.lowest, Int(Int32.min)))
    // The largest Real below 2^31 where that is no Real itself.
    let highest = min(
      Real(quantization.highest), Real(sign: .plus, exponent: 31, significand: 1).nextDown)
    values.withElements(Real.self) { source in
      integers.withMutableElements(Int32.self) { target in
        for index in source.indices {
          let level = (source[index] / scale).rounded(.toNearestOrEven) + zeroPoint
          target[index] = Int32(level.isNaN ? zeroPoint : min(max(level, lowest), highest))
        }
      }
    }
    return integers.converted(to: type.element)
  }
}
