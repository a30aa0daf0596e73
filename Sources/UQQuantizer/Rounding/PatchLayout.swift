import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// A layer with weights seen as matrix products, one for each group of channels.
///
/// `y[r, o] = Σ_k x[r, k] · w[o, k] + b[o]` over the patches `r` of the input: `[kh, kw, C / groups]` for
/// convolutions, the last axis for fully connected layers. In a depthwise convolution every input channel
/// is a group.
struct PatchLayout: Sendable {
  /// Groups that are rounded on their own.
  let groups: Int
  /// Elements of a patch of one group.
  let depth: Int
  /// Output channels of one group.
  let channels: Int
  /// Patches of one sample.
  let rows: Int

  private let op: any Operator
  private let input: Shape

  private enum Source: Sendable {
    case image(Window2D, input: [Int], output: [Int], isDepthwise: Bool)
    case rows
  }

  private let source: Source

  /// The layout of a layer; `nil` for operators whose weights are used otherwise.
  init?(_ op: any Operator, input: Shape, weights: Shape) {
    self.op = op
    self.input = input
    switch op {
    case let op as Conv2D:
      guard let output = op.window.outputExtents([input[1], input[2]]) else { return nil }
      groups = op.groups
      depth = weights[1] * weights[2] * weights[3]
      channels = weights[0] / op.groups
      rows = input[0] * output[0] * output[1]
      source = .image(op.window, input: input.dimensions, output: output, isDepthwise: false)
    case let op as DepthwiseConv2D:
      guard let output = op.window.outputExtents([input[1], input[2]]) else { return nil }
      groups = input[3]
      depth = weights[0] * weights[1]
      channels = op.multiplier
      rows = input[0] * output[0] * output[1]
      source = .image(op.window, input: input.dimensions, output: output, isDepthwise: true)
    case is FullyConnected:
      groups = 1
      depth = weights[1]
      channels = weights[0]
      rows = input.count / max(depth, 1)
      source = .rows
    default: return nil
    }
  }

  /// Where the weight of output channel `o` of a group and patch element `k` lies in the tensor.
  func weightIndex(group: Int, channel: Int, element: Int) -> Int {
    if case .image(_, let input, _, let isDepthwise) = source, isDepthwise {
      return element * input[3] * channels + group * channels + channel
    }
    return (group * channels + channel) * depth + element
  }

  /// The output channel of the layer.
  func outputChannel(group: Int, channel: Int) -> Int { group * channels + channel }

  /// The weights as `[groups, channels, depth]`.
  func arrange(_ weights: Tensor) -> [Float] {
    weights.withElements(Float.self) { w in
      var result = [Float](repeating: 0, count: w.count)
      for group in 0..<groups {
        for channel in 0..<channels {
          for k in 0..<depth {
            result[(group * channels + channel) * depth + k] =
              w[weightIndex(group: group, channel: channel, element: k)]
          }
        }
      }
      return result
    }
  }

  /// The mean over the patches of an input, `[groups, depth]`.
  func meanPatch(_ x: [Float]) -> [Double] {
    var sums = [Double](repeating: 0, count: groups * depth)
    let count = x.withUnsafeBufferPointer { x in
      sums.withUnsafeMutableBufferPointer { sums in
        PatchMeans.accumulate(op, input: input, x, into: sums)
      }
    }
    let scale = 1 / Double(max(count, 1))
    // Elements of one group stand together in a patch; pixels hold those of all groups.
    let span = if case .image(_, let input, _, _) = source { input[3] / groups } else { depth }
    return (0..<groups).flatMap { group in
      (0..<depth).map { k in
        sums[k / span * span * groups + group * span + k % span] * scale
      }
    }
  }

  /// Weights `[groups, channels, depth]` in the order of a tensor of the layer's weights.
  func disarrange(_ weights: [Float], _ shape: Shape) -> Tensor {
    var result = Tensor(zeros: .float32, shape)
    result.withMutableElements(Float.self) { w in
      weights.withUnsafeBufferPointer { weights in
        for group in 0..<groups {
          for channel in 0..<channels {
            for k in 0..<depth {
              w[weightIndex(group: group, channel: channel, element: k)] =
                weights[(group * channels + channel) * depth + k]
            }
          }
        }
      }
    }
    return result
  }

  /// Writes the patches at every `step`-th row from `first`, `[rows', depth]` for one group after the other.
  ///
  /// - Returns: rows written for each group.
  func extract(
    _ x: UnsafePointer<Float>, first: Int, step: Int, into patches: UnsafeMutablePointer<Float>
  ) -> Int {
    let chosen = (rows - first + step - 1) / step
    switch source {
    case .rows:
      for (index, row) in stride(from: first, to: rows, by: step).enumerated() {
        (patches + index * depth).update(from: x + row * depth, count: depth)
      }
    case .image(let window, let input, let output, let isDepthwise):
      for (index, row) in stride(from: first, to: rows, by: step).enumerated() {
        let image = row / (output[0] * output[1])
        let within = row % (output[0] * output[1])
        let origin = (
          y: within / output[1] * window.strides[0] - window.padding[0],
          x: within % output[1] * window.strides[1] - window.padding[1]
        )
        for ky in 0..<window.kernel[0] {
          for kx in 0..<window.kernel[1] {
            let y = origin.y + ky * window.dilations[0]
            let column = origin.x + kx * window.dilations[1]
            let isInside = y >= 0 && y < input[1] && column >= 0 && column < input[2]
            let pixel =
              isInside ? x + ((image * input[1] + y) * input[2] + column) * input[3] : nil
            let tap = ky * window.kernel[1] + kx
            if isDepthwise {
              let target = patches + index * depth + tap
              for c in 0..<groups { target[c * chosen * depth] = pixel?[c] ?? 0 }
            } else {
              let span = input[3] / groups
              for group in 0..<groups {
                let target = patches + (group * chosen + index) * depth + tap * span
                if let pixel {
                  target.update(from: pixel + group * span, count: span)
                } else {
                  target.update(repeating: 0, count: span)
                }
              }
            }
          }
        }
      }
    }
    return chosen
  }

  /// Adds `Σ_r g[r, o] · x[r, k]` over the patches of one sample to gradients `[groups, channels, depth]`.
  ///
  /// - Parameter gradient: at the responses, `[rows, groups · channels]`.
  func accumulateWeightGradient(
    _ x: [Float], _ gradient: UnsafeBufferPointer<Float>, _ evaluator: any GraphEvaluator,
    into weights: inout [Float]
  ) throws(Diagnostic) {
    let all = groups * channels
    var patches = [Float](repeating: 0, count: rows * groups * depth)
    _ = x.withUnsafeBufferPointer { x in
      x.baseAddress.map { extract($0, first: 0, step: 1, into: &patches) }
    }
    var own = [Float](repeating: 0, count: groups > 1 ? rows * channels : 0)
    for group in 0..<groups {
      if groups > 1 {
        own.withUnsafeMutableBufferPointer { own in
          for row in 0..<rows {
            for c in 0..<channels {
              own[row * channels + c] = gradient[row * all + group * channels + c]
            }
          }
        }
      }
      try multiply(
        groups > 1 ? own : Array(gradient), patches, group: group, evaluator, into: &weights)
    }
  }

  private func multiply(
    _ gradient: [Float], _ patches: [Float], group: Int, _ evaluator: any GraphEvaluator,
    into weights: inout [Float]
  ) throws(Diagnostic) {
    var problem: Diagnostic?
    gradient.withUnsafeBufferPointer { gradient in
      patches.withUnsafeBufferPointer { patches in
        weights.withUnsafeMutableBufferPointer { weights in
          guard let g = gradient.baseAddress,
            let p = patches.baseAddress?.advanced(by: group * rows * depth),
            let w = weights.baseAddress?.advanced(by: group * channels * depth)
          else { return }
          do {
            try evaluator.accumulate(
              MatrixProductShape(m: channels, n: depth, k: rows, transposesA: true), g, p, into: w)
          } catch { problem = error as? Diagnostic }
        }
      }
    }
    if let problem { throw problem }
  }
}
