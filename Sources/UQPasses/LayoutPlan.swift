import UQGraph
import UQNumerics
import UQOperators

/// How a node is rewritten to compute from operands in another order of axes.
struct LayoutPlan {
  /// The operator with its axes renamed.
  var op: any Operator
  /// Axis `i` of the operands is axis `operandPermutation[i]` of what they are made from.
  var operandPermutation: [Int]
  /// The same of the result.
  var permutation: [Int]
  /// Shape of the result after a reshape that mixes axes.
  var flattened: Shape?
  /// Operands that stay as they are (indices).
  var keptOperands: Set<Int> = []

  func moves(_ index: Int) -> Bool { !keptOperands.contains(index) }

  /// A plan for an operator of one operand that works element by element.
  init(op: any Operator, permutation: [Int], flattened: Shape?) {
    self.op = op
    operandPermutation = permutation
    self.permutation = permutation
    self.flattened = flattened
  }

  /// A plan for operands that are made by `permutation`; `nil` where the operator depends on the order
  /// of its axes.
  init?(_ node: Node, _ permutation: [Int], operands: [Shape?], result: Shape) {
    let rank = permutation.count
    let back = inverse(permutation)
    let reordered = { (list: [Int]) in back.map { list[$0] } }
    operandPermutation = permutation
    self.permutation = permutation
    switch node.op {
    case let op where op.isBinaryElementwise:
      guard result.rank == rank, operands.allSatisfy({ ($0?.rank ?? 0) <= rank }) else {
        return nil
      }
      self.op = op
    case var op as Concat:
      op.axis = permutation[op.axis]
      self.op = op
    case var op as Pad:
      op.before = reordered(op.before)
      op.after = reordered(op.after)
      self.op = op
    case var op as Slice:
      op.starts = reordered(op.starts)
      op.ends = reordered(op.ends)
      op.steps = reordered(op.steps)
      self.op = op
    case var op as Softmax:
      op.axis = permutation[op.axis]
      self.op = op
    case var op as LogSoftmax:
      op.axis = permutation[op.axis]
      self.op = op
    case var op as Broadcast:
      guard op.shape.rank == rank else { return nil }
      op.shape = op.shape.permuted(back)
      self.op = op
    case var op as Reduce:
      let removed = Set(op.axes.map { permutation[$0] })
      let kept = permutation.filter { !removed.contains($0) }
      op.axes = removed.sorted()
      if !op.keepsDimensions {
        self.permutation = kept.map { axis in kept.count { $0 < axis } }
      }
      self.op = op
    case var op as Gather:
      guard operands.count == 2, operands[1]?.rank == 1 else { return nil }
      op.axis = permutation[op.axis]
      keptOperands = [1]
      self.op = op
    case let op as FullyConnected:
      guard permutation.last == rank - 1 else { return nil }
      keptOperands = [1, 2]
      self.op = op
    default:
      return nil
    }
  }
}

extension Operator {
  /// Whether the operator applies one function to every element of its only operand.
  var isUnaryElementwise: Bool {
    switch self {
    case is Clip, is Pointwise, is Cast, is LookupTable, is QuantizedLeakyRelu, is RoundToStep,
      is ScaleLabel:
      true
    case let op as Requantize: op.axis == nil
    case let op as QuantizeLinear: op.axis == nil
    case let op as DequantizeLinear: op.axis == nil
    case let op as FixedPointMultiply: op.axis == nil
    default: false
    }
  }

  /// Whether the operator combines its two operands element by element with broadcasting.
  var isBinaryElementwise: Bool {
    self is Add || self is Subtract || self is Multiply || self is Divide || self is Minimum
      || self is Maximum || self is Power || self is PRelu || self is QuantizedArithmetic
      || self is RightShift || self is LeftShift
  }
}
