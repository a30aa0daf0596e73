import UQNumerics

/// `function` of every element of a floating-point tensor, computed in `Double` and rounded once.
@inline(__always)
func floatMap(_ x: Tensor, _ function: (Double) -> Double) -> Tensor {
  guard x.element == .float32 else {
    let source = x.converted(to: .float64)
    var result = Tensor(zeros: .float64, x.shape)
    result.withMutableElements(Double.self) { output in
      source.withElements(Double.self) { input in
        for i in input.indices { output[i] = function(input[i]) }
      }
    }
    return result.converted(to: x.element)
  }
  var result = Tensor(zeros: .float32, x.shape)
  result.withMutableElements(Float.self) { output in
    x.withElements(Float.self) { input in
      for i in input.indices { output[i] = Float(function(Double(input[i]))) }
    }
  }
  return result
}
