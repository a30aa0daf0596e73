import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Gradients at the operands of linear operators.
///
/// Bounds are no part of it: whoever runs the graph of gradients stops what does not pass them.
extension Graph {
  /// Whether ``appendAdjoint(of:slot:in:gradient:)`` knows the node's operand.
  func hasAdjoint(_ node: Node, slot: Int) -> Bool {
    guard node.results.count == 1, let operand = node.operands[slot],
      type(of: operand).element == .float32
    else { return false }
    let (x, y) = (type(of: operand).shape, type(of: node.result).shape)
    switch node.op {
    case is Conv2D, is DepthwiseConv2D:
      return slot == 0 && constant(node.operands[1]) != nil && x.rank == 4
    case is FullyConnected: return slot == 0 && constant(node.operands[1]) != nil
    case let op as AveragePool2D:
      return op.includesPadding || op.window.padding.allSatisfy { $0 == 0 }
    case is Add: return x == y
    case is Reshape: return true
    default: return false
    }
  }

  /// Appends what turns the gradient at a node's result into that at an operand; ``hasAdjoint(_:slot:)`` holds.
  ///
  /// - Parameter source: the graph that the node is of.
  /// - Returns: a value of its own, never `gradient` itself.
  mutating func appendAdjoint(
    of node: Node, slot: Int, in source: Graph, gradient: ValueID
  ) -> ValueID? {
    guard let operand = node.operands[slot] else { return nil }
    let shape = source.type(of: operand).shape
    switch node.op {
    case let op as Conv2D:
      return source.constant(node.operands[1]).map { weights in
        appendConvolutionAdjoint(
          op.window, groups: op.groups, exchangingChannels(weights, groups: op.groups), shape,
          gradient, name: node.name)
      }
    case let op as DepthwiseConv2D:
      return source.constant(node.operands[1]).map { weights in
        appendConvolutionAdjoint(
          op.window, groups: shape[3], channelsFirst(weights, multiplier: op.multiplier), shape,
          gradient, name: node.name)
      }
    case is FullyConnected:
      return source.constant(node.operands[1]).map { weights in
        let columns = appendConstant(transposed(weights), name: uniqueValueName(node.name))
        return appendNode(
          FullyConnected(), [gradient, columns, nil], shape, name: node.name)
      }
    case let op as AveragePool2D:
      let taps = op.window.kernel[0] * op.window.kernel[1]
      let weights = Tensor(
        [Float](repeating: 1 / Float(taps), count: shape[3] * taps),
        [shape[3], op.window.kernel[0], op.window.kernel[1], 1])
      return appendConvolutionAdjoint(
        op.window, groups: shape[3], weights, shape, gradient, name: node.name)
    default: return appendNode(Reshape(shape: shape), [gradient], shape, name: node.name)
    }
  }

  /// The sum of two gradients of one shape.
  mutating func appendSum(_ a: ValueID, _ b: ValueID) -> ValueID {
    appendNode(Add(), [a, b], type(of: a).shape, name: "sum")
  }

  private mutating func appendNode(
    _ op: any Operator, _ operands: [ValueID?], _ shape: Shape, name: String
  ) -> ValueID {
    let result = append(
      Value(name: uniqueValueName(name), type: TensorType(.float32, shape)))
    nodes.append(Node(name: name, op: op, operands: operands, results: [result]))
    return result
  }

  private mutating func appendConvolutionAdjoint(
    _ forward: Window2D, groups: Int, _ weights: Tensor, _ input: Shape, _ gradient: ValueID,
    name: String
  ) -> ValueID {
    let output = type(of: gradient).shape
    var window = forward
    var covered = input.dimensions
    for axis in 0..<2 {
      let span = (window.kernel[axis] - 1) * window.dilations[axis] + 1
      let end = (output[axis + 1] - 1) * window.strides[axis] + span - window.padding[axis]
      // Strides may leave pixels at the end that no window reads.
      covered[axis + 1] = min(input[axis + 1], end)
      window.padding[axis + 2] = end - covered[axis + 1]
    }
    let kernel = appendConstant(weights, name: uniqueValueName("\(name)/weights"))
    let part = appendNode(
      ConvolutionAdjoint(window: window, groups: groups, result: Shape(covered)),
      [gradient, kernel], Shape(covered), name: name)
    guard covered != input.dimensions else { return part }
    return appendNode(
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
