import UQGraph
import UQNumerics
import UQSupport

/// The adjoint of a convolution: from gradients at its results `[N, H', W', O]` to gradients at its input
/// `[N, H, W, C]`.
///
/// Exists only in graphs of gradients; the engine runs it as a transposed convolution.
struct ConvolutionAdjoint: Operator, Codable {
  /// Geometry of the transposed convolution; its last paddings are such that the extents come out.
  var window: Window2D
  var groups: Int
  /// `[N, H, W, C]`.
  var result: Shape

  static let spec = OperatorSpec(
    "conv2d_adjoint", "Gradient at the input of a 2-D convolution.",
    operands: [OperandSpec("gradient"), OperandSpec("weights", .parameter)])

  func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    [TensorType(.float32, result)]
  }

  func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor] {
    guard let gradient = operands[0], let weights = operands[1] else {
      throw Diagnostic(id: "engine.primitive.failed", "an operand is missing")
    }
    let (y, x) = (gradient.shape, result)
    let (outputs, inputs) = (y[3] / groups, x[3] / groups)
    let (kernelHeight, kernelWidth) = (window.kernel[0], window.kernel[1])
    var sum = Tensor(zeros: .float32, x)
    sum.withMutableElements(Float.self) { sum in
      gradient.withElements(Float.self) { g in
        weights.withElements(Float.self) { w in
          for row in 0..<y[0] * y[1] {
            for column in 0..<y[2] {
              for tap in 0..<kernelHeight * kernelWidth {
                let i =
                  row % y[1] * window.strides[0] - window.padding[0]
                  + tap / kernelWidth * window.dilations[0]
                let j =
                  column * window.strides[1] - window.padding[1]
                  + tap % kernelWidth * window.dilations[1]
                guard (0..<x[1]).contains(i), (0..<x[2]).contains(j) else { continue }
                let from = (row * y[2] + column) * y[3]
                let to = ((row / y[1] * x[1] + i) * x[2] + j) * x[3]
                for c in 0..<x[3] {
                  let group = c / inputs
                  let taps = (c * kernelHeight * kernelWidth + tap) * outputs
                  for o in 0..<outputs {
                    sum[to + c] += g[from + group * outputs + o] * w[taps + o]
                  }
                }
              }
            }
          }
        }
      }
    }
    return [sum]
  }

  func primitive(_ operands: [TensorType?], _ results: [TensorType]) -> EnginePrimitive? {
    .transposedConvolution(window, groups: groups, clamp: .none)
  }
}
