import UQGraph
import UQNumerics
import UQOperators
import UQSupport

extension Conv2D: DifferentiableOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    guard slot == 0, let weights = builder.source.constant(node.operands[1]) else { return nil }
    return builder.appendConvolutionAdjoint(
      window, groups: groups, exchangingChannels(weights, groups: groups), builder.shape(node, 0),
      gradient, name: node.name)
  }
}

extension DepthwiseConv2D: DifferentiableOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    guard slot == 0, let weights = builder.source.constant(node.operands[1]) else { return nil }
    let shape = builder.shape(node, 0)
    return builder.appendConvolutionAdjoint(
      window, groups: shape[3], channelsFirst(weights, multiplier: multiplier), shape, gradient,
      name: node.name)
  }
}

extension FullyConnected: DifferentiableOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    guard slot == 0, let weights = builder.source.constant(node.operands[1]) else { return nil }
    let columns = builder.append(transposed(weights), name: node.name)
    return builder.append(
      FullyConnected(), [gradient, columns, nil], builder.shape(node, 0), name: node.name)
  }
}

extension AdjointBuilder {
  /// The adjoint of a sliding window of weights `[C, kh, kw, O / groups]` over `[N, H, W, C]`.
  mutating func appendConvolutionAdjoint(
    _ forward: Window2D, groups: Int, _ weights: Tensor, _ input: Shape, _ gradient: ValueID,
    name: String
  ) -> ValueID {
    let output = graph.type(of: gradient).shape
    var window = forward
    var covered = input.dimensions
    for axis in 0..<2 {
      let span = (window.kernel[axis] - 1) * window.dilations[axis] + 1
      let end = (output[axis + 1] - 1) * window.strides[axis] + span - window.padding[axis]
      // Strides may leave pixels at the end that no window reads.
      covered[axis + 1] = min(input[axis + 1], end)
      window.padding[axis + 2] = end - covered[axis + 1]
    }
    let kernel = append(weights, name: "\(name)/weights")
    let part = append(
      ConvolutionAdjoint(window: window, groups: groups, result: Shape(covered)),
      [gradient, kernel], Shape(covered), name: name)
    guard covered != input.dimensions else { return part }
    return append(
      Pad(before: [0, 0, 0, 0], after: zip(input.dimensions, covered).map { $0 - $1 }), [part],
      input, name: name)
  }
}

/// `[O, kh, kw, C / groups]` as `[C, kh, kw, O / groups]`.
private func exchangingChannels(_ weights: Tensor, groups: Int) -> Tensor {
  let (outputs, taps, inputs) = (
    weights.shape[0] / groups, weights.shape[1] * weights.shape[2], weights.shape[3]
  )
  return rearranged(weights, [inputs * groups, weights.shape[1], weights.shape[2], outputs]) {
    from, to in
    for group in 0..<groups {
      for o in 0..<outputs {
        for tap in 0..<taps {
          for i in 0..<inputs {
            to[((group * inputs + i) * taps + tap) * outputs + o] =
              from[((group * outputs + o) * taps + tap) * inputs + i]
          }
        }
      }
    }
  }
}

/// `[kh, kw, C·m]` as `[C, kh, kw, m]`.
private func channelsFirst(_ weights: Tensor, multiplier: Int) -> Tensor {
  let taps = weights.shape[0] * weights.shape[1]
  let channels = weights.shape[2] / multiplier
  return rearranged(weights, [channels, weights.shape[0], weights.shape[1], multiplier]) {
    from, to in
    for tap in 0..<taps {
      for c in 0..<channels {
        for m in 0..<multiplier {
          to[(c * taps + tap) * multiplier + m] = from[(tap * channels + c) * multiplier + m]
        }
      }
    }
  }
}

/// `[O, K]` as `[K, O]`.
private func transposed(_ weights: Tensor) -> Tensor {
  let (rows, columns) = (weights.shape[0], weights.shape[1])
  return rearranged(weights, [columns, rows]) { from, to in
    for i in 0..<rows { for j in 0..<columns { to[j * rows + i] = from[i * columns + j] } }
  }
}

private func rearranged(
  _ tensor: Tensor, _ shape: Shape,
  _ body: (UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) -> Void
) -> Tensor {
  var result = Tensor(zeros: .float32, shape)
  tensor.withElements(Float.self) { from in
    result.withMutableElements(Float.self) { to in body(from, to) }
  }
  return result
}
