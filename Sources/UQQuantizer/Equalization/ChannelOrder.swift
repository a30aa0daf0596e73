import UQGraph
import UQNumerics
import UQOperators

/// Which output and input channel each weight of a layer lies between.
struct ChannelOrder {
  private enum Kind {
    /// `[O, ..., I]`: each output reads the `perGroup` inputs of its group.
    case rows(perGroup: Int, outputsPerGroup: Int)
    /// `[..., C·m]`: output `o` reads input `o / m`.
    case taps(multiplier: Int)
  }

  private let kind: Kind
  private let outputs: Int

  /// The order of a layer; `nil` for operators without weights.
  init?(_ op: any Operator, weights: Shape) {
    switch op {
    case let op as Conv2D:
      outputs = weights[0]
      kind = .rows(perGroup: weights[3], outputsPerGroup: max(1, weights[0] / op.groups))
    case let op as DepthwiseConv2D:
      outputs = weights[2]
      kind = .taps(multiplier: op.multiplier)
    case is FullyConnected:
      outputs = weights[0]
      kind = .rows(perGroup: weights[1], outputsPerGroup: max(1, weights[0]))
    default: return nil
    }
  }

  /// Calls `body` with the position, the output and the input channel of every one of `count` weights.
  @inline(__always)
  func forEach(_ count: Int, _ body: (_ index: Int, _ output: Int, _ input: Int) -> Void) {
    guard outputs > 0, count > 0 else { return }
    switch kind {
    case .taps(let multiplier):
      for tap in 0..<count / outputs {
        for output in 0..<outputs { body(tap * outputs + output, output, output / multiplier) }
      }
    case .rows(let perGroup, let outputsPerGroup):
      guard perGroup > 0 else { return }
      let row = count / outputs
      for output in 0..<outputs {
        let first = output / outputsPerGroup * perGroup
        for tap in 0..<row / perGroup {
          let start = output * row + tap * perGroup
          for input in 0..<perGroup { body(start + input, output, first + input) }
        }
      }
    }
  }

  /// The largest magnitude of the weights of each of `channels`, by output or by input channel.
  func peaks(of weights: Tensor, channels: Int, byInput: Bool) -> [Float] {
    var result = [Float](repeating: 0, count: channels)
    result.withUnsafeMutableBufferPointer { peaks in
      weights.withElements(Float.self) { w in
        forEach(w.count) { index, output, input in
          let channel = (byInput ? input : output) % channels
          peaks[channel] = max(peaks[channel], w[index].magnitude)
        }
      }
    }
    return result
  }

  /// The weights with those of each output or input channel `c` multiplied by `factors[c mod count]`.
  func scaled(_ weights: Tensor, by factors: [Float], byInput: Bool) -> Tensor {
    var result = weights
    result.withMutableElements(Float.self) { w in
      factors.withUnsafeBufferPointer { factors in
        forEach(w.count) { index, output, input in
          w[index] *= factors[(byInput ? input : output) % factors.count]
        }
      }
    }
    return result
  }
}
