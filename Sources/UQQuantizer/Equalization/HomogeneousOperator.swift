import UQGraph
import UQNumerics
import UQOperators

extension Operator {
  /// The bounds of the results of a layer, a sum or a clip; `nil` for other operators.
  var resultBounds: Clamp? {
    switch self {
    case let op as Conv2D: op.activation
    case let op as DepthwiseConv2D: op.activation
    case let op as FullyConnected: op.activation
    case let op as Add: op.activation
    case let op as Clip: op.bounds
    default: nil
    }
  }

  /// The operator with other bounds; itself where it has none.
  func bounded(by bounds: Clamp) -> any Operator {
    switch self {
    case var op as Conv2D:
      op.activation = bounds
      return op
    case var op as DepthwiseConv2D:
      op.activation = bounds
      return op
    case var op as FullyConnected:
      op.activation = bounds
      return op
    case var op as Add:
      op.activation = bounds
      return op
    case var op as Clip:
      op.bounds = bounds
      return op
    default: return self
    }
  }
}

extension Clamp {
  /// The bounds without those that values seen in `minimum...maximum` never reached.
  func relaxed(for statistics: TensorStatistics) -> Clamp {
    Clamp(
      low: statistics.minimum > low ? -.infinity : low,
      high: statistics.maximum < high ? .infinity : high)
  }

  /// Whether `clamp(s · x) = s · clamp(x)` for every `s > 0`.
  var isHomogeneous: Bool {
    (low == 0 || low == -.infinity) && (high == 0 || high == .infinity)
  }
}

extension Graph {
  /// The operands of a node that are scaled with its result, channel by channel of the last axis, where
  /// `f(s · x) = s · f(x)` for every `s > 0`; `nil` for all other nodes.
  ///
  /// Bounds are not looked at.
  func scaledOperands(of node: Node) -> [ValueID]? {
    guard node.results.count == 1, let x = node.operands.first ?? nil else { return nil }
    let shape = type(of: x).shape
    let last = shape.rank - 1
    switch node.op {
    case is Clip, is MaxPool2D, is AveragePool2D, is ResizeNearest, is Reshape: return [x]
    case let op as Pointwise:
      switch op.function {
      case .leakyRelu, .abs, .negate: return [x]
      case .affine(_, let offset): return offset == 0 ? [x] : nil
      default: return nil
      }
    case is PRelu: return constant(node.operands[1]) == nil ? nil : [x]
    case let op as Pad:
      return op.value == 0 && op.before.last == 0 && op.after.last == 0 ? [x] : nil
    case let op as Slice:
      return op.starts.last == 0 && op.ends.last == shape.dimensions.last && op.steps.last == 1
        ? [x] : nil
    case let op as Transpose: return op.permutation.last == last ? [x] : nil
    case let op as Reduce:
      switch op.kind {
      case .mean, .sum, .maximum, .minimum, .l1, .l2: return op.axes.contains(last) ? nil : [x]
      case .product, .sumSquare, .logSum, .logSumExp: return nil
      }
    case is Add:
      let operands = node.operands.compactMap { $0 }
      let result = type(of: node.result).shape
      return operands.allSatisfy { constant($0) == nil && type(of: $0).shape == result }
        ? operands : nil
    default: return nil
    }
  }
}
