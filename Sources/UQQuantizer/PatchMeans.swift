import UQGraph
import UQNumerics
import UQOperators

/// Mean contribution of a layer's input to its outputs: what closed-form bias correction needs.
///
/// For each output channel, `mean over positions of Σ_k w[o, k] · x_patch[k]`, computed from the mean
/// patch, because the layer is linear before its activation.
enum PatchMeans {
  /// Elements of the mean patch: `[kh, kw, C]` for convolutions, `[K]` for fully connected layers.
  static func length(_ op: any Operator, input: Shape) -> Int? {
    switch op {
    case let op as Conv2D: op.window.kernel[0] * op.window.kernel[1] * input[3]
    case let op as DepthwiseConv2D: op.window.kernel[0] * op.window.kernel[1] * input[3]
    case is FullyConnected: input.dimensions.last
    default: nil
    }
  }

  /// Adds the sum over positions of the patches of `x` to `sums`; returns the number of positions.
  static func accumulate(
    _ op: any Operator, input: Shape, _ x: UnsafeBufferPointer<Float>,
    into sums: UnsafeMutableBufferPointer<Double>
  ) -> Int {
    let window: Window2D
    switch op {
    case let op as Conv2D: window = op.window
    case let op as DepthwiseConv2D: window = op.window
    default:
      let depth = sums.count
      for row in 0..<(x.count / max(depth, 1)) {
        for k in 0..<depth { sums[k] += Double(x[row * depth + k]) }
      }
      return x.count / max(depth, 1)
    }
    guard let output = window.outputExtents([input[1], input[2]]) else { return 0 }
    let (images, height, width, depth) = (input[0], input[1], input[2], input[3])
    for ky in 0..<window.kernel[0] {
      for kx in 0..<window.kernel[1] {
        let base = (ky * window.kernel[1] + kx) * depth
        for row in 0..<images * output[0] {
          let (image, oy) = (row / output[0], row % output[0])
          let y = oy * window.strides[0] - window.padding[0] + ky * window.dilations[0]
          guard y >= 0, y < height else { continue }
          for ox in 0..<output[1] {
            let column = ox * window.strides[1] - window.padding[1] + kx * window.dilations[1]
            guard column >= 0, column < width else { continue }
            let start = ((image * height + y) * width + column) * depth
            for c in 0..<depth { sums[base + c] += Double(x[start + c]) }
          }
        }
      }
    }
    return images * output[0] * output[1]
  }

  /// `Σ_k w[o, k] · mean[k]` for each output channel.
  static func response(_ op: any Operator, weights: Tensor, mean: [Double]) -> [Double] {
    weights.withElements(Float.self) { w in
      mean.withUnsafeBufferPointer { mean in
        switch op {
        case let op as Conv2D:
          let taps = weights.shape[1] * weights.shape[2]
          let depth = weights.shape[3]
          let channels = weights.shape[0]
          let full = depth * op.groups
          return (0..<channels).map { o in
            let first = (o / (channels / op.groups)) * depth
            var sum = 0.0
            for t in 0..<taps {
              for c in 0..<depth {
                sum += Double(w[(o * taps + t) * depth + c]) * mean[t * full + first + c]
              }
            }
            return sum
          }
        case let op as DepthwiseConv2D:
          let taps = weights.shape[0] * weights.shape[1]
          let channels = weights.shape[2]
          let full = channels / op.multiplier
          return (0..<channels).map { o in
            var sum = 0.0
            for t in 0..<taps {
              sum += Double(w[t * channels + o]) * mean[t * full + o / op.multiplier]
            }
            return sum
          }
        default:
          let depth = mean.count
          return (0..<weights.shape[0]).map { o in
            var sum = 0.0
            for k in 0..<depth { sum += Double(w[o * depth + k]) * mean[k] }
            return sum
          }
        }
      }
    }
  }
}
