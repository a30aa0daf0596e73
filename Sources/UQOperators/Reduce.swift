import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// One number for all elements along some axes.
public struct Reduce: Operator {
  /// How elements are combined.
  public enum Kind: String, Hashable, Codable, Sendable, CaseIterable {
    case mean, sum, maximum, minimum, product
    case l1, l2, sumSquare, logSum, logSumExp
  }

  /// How elements are combined.
  public var kind: Kind
  /// The axes, distinct, ascending, not negative.
  public var axes: [Int]
  /// Whether the axes stay with extent 1.
  public var keepsDimensions: Bool

  /// Creates the operator.
  public init(kind: Kind, axes: [Int], keepsDimensions: Bool) {
    self.kind = kind
    self.axes = axes
    self.keepsDimensions = keepsDimensions
  }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "reduce", "One number for all elements along some axes.", operands: [OperandSpec("x")])

  /// The operand's element type without the axes, or with extents of 1 in their place.
  ///
  /// - Throws: `shape.reduce.axes`, `type.reduce.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard Array(Set(axes)).sorted() == axes, axes.allSatisfy({ x.shape.indices.contains($0) })
    else {
      throw shapeProblem("axes", "axes \(axes) are not distinct ascending axes of \(x.shape)")
    }
    let isOrder = kind == .maximum || kind == .minimum
    let isReal = kind == .l2 || kind == .logSum || kind == .logSumExp
    guard x.valueElement.isFloat || (x.valueElement == .bool ? isOrder : !isReal) else {
      throw typeProblem("element", "the \(kind.rawValue) of \(x) is not defined")
    }
    let extents = x.shape.indices.compactMap { axis in
      axes.contains(axis) ? (keepsDimensions ? 1 : nil) : x.shape[axis]
    }
    guard let shape = Shape(checking: extents) else {
      throw shapeProblem("size", "the result would be \(extents)")
    }
    return [isOrder ? x.moved(to: shape) : TensorType(x.valueElement, shape)]
  }

  /// Accumulates floating-point elements in `Double` and integers modulo 2⁶⁴.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let strides = x.shape.strides
    let kept = x.shape.indices.filter { !axes.contains($0) }
    let bases = offsets(kept.map { x.shape[$0] }, kept.map { strides[$0] })
    let steps = offsets(axes.map { x.shape[$0] }, axes.map { strides[$0] })
    let shape = results[0].shape
    if x.element.isFloat {
      let values = reduced(x.converted(to: .float64), bases, steps, kind.reals(count: steps.count))
      return [values.reshaped(shape).converted(to: x.element)]
    }
    if x.element == .uint64 && (kind == .maximum || kind == .minimum || kind == .mean) {
      // Above 2⁶³ the order of the bit patterns is not that of the numbers.
      throw typeProblem("element", "the \(kind.rawValue) of \(x.type) is not supported")
    }
    let values = reduced(x.converted(to: .int64), bases, steps, kind.integers(count: steps.count))
    return [values.reshaped(shape).converted(to: x.element)]
  }

  /// Its own range; the operand's quantization where the result is one of its elements.
  public var quantizationRule: QuantizationRule {
    kind == .maximum || kind == .minimum ? .inherit(0) : .requantize
  }

  private func offsets(_ extents: [Int], _ strides: [Int]) -> [Int] {
    var result = [0]
    for (extent, stride) in zip(extents, strides) {
      result = result.flatMap { base in (0..<extent).map { base + $0 * stride } }
    }
    return result
  }

  private func reduced<T: TensorElement>(
    _ x: Tensor, _ bases: [Int], _ steps: [Int], _ fold: Fold<T>
  ) -> Tensor {
    var result = Tensor(zeros: T.elementType, [bases.count])
    result.withMutableElements(T.self) { output in
      x.withElements(T.self) { input in
        bases.withUnsafeBufferPointer { bases in
          steps.withUnsafeBufferPointer { steps in
            for (position, base) in bases.enumerated() {
              var sum = fold.start
              for step in steps { sum = fold.combine(sum, input[base + step]) }
              output[position] = fold.finish(sum)
            }
          }
        }
      }
    }
    return result
  }
}

/// How a reduction starts, combines and ends.
struct Fold<T> {
  var start: T
  var combine: (T, T) -> T
  var finish: (T) -> T = { $0 }
}

extension Reduce: LowerableOperator {
  /// The reduction kernel over neighbouring axes; others are transposed to be neighbours first.
  ///
  /// - Throws: `lower.reduce.kind` for what no kernel computes, `lower.reduce.size` for no element or
  ///   more than 2²³, `lower.reduce.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    var shape = context.type(of: x).shape
    let count = axes.reduce(1) { $0 * shape[$1] }
    guard shape.count > 0, count <= 1 << 23 else {
      throw context.problem(node, "size", "reduces \(count) elements of \(shape) to one")
    }
    let kernelKind: ReduceKernel.Kind
    switch kind {
    case .sum, .mean: kernelKind = .sum
    case .maximum: kernelKind = .maximum
    case .minimum: kernelKind = .minimum
    default:
      throw context.problem(
        node, "kind", "no integer kernel computes a reduction '\(kind.rawValue)'")
    }
    if count == 1 { return try context.pass(node, x) }
    let to = try context.quantization(node, node.result, bits: 8)
    let from = try context.quantization(node, x, bits: 8)
    var source = kernelKind == .sum ? context.buffer(x) : try context.conformed(node, x, to: to)
    var reduced = axes.filter { shape[$0] != 1 }
    let between = shape.indices.filter {
      $0 > reduced[0] && $0 < reduced[reduced.count - 1] && !reduced.contains($0) && shape[$0] != 1
    }
    if !between.isEmpty {
      let kept = shape.indices.filter { !reduced.contains($0) }
      let move = Transpose(permutation: kept + reduced)
      let (sizes, order) = move.merged(shape)
      guard order.count <= 4 else {
        throw context.problem(node, "axes", "axes \(axes) of \(shape) lie too far apart")
      }
      shape = Shape(move.permutation.map { shape[$0] })
      let moved = context.addTemporary(
        TensorType(.int8, shape, quantization: kernelKind == .sum ? from : to),
        name: "\(node.name) moved")
      context.emit(
        TransposeKernel(sizes: sizes, permutation: order, elementBytes: 1, x: source, y: moved))
      source = moved
      reduced = Array(kept.count..<shape.rank)
    }
    let divisor = kind == .mean ? Double(count) : 1
    let scale = try context.scale(node, from.scale / (to.scale * divisor))
    context.emit(
      ReduceKernel(
        kind: kernelKind, outer: shape[..<reduced[0]].reduce(1, *), reduce: count,
        inner: shape[(reduced[reduced.count - 1] + 1)...].reduce(1, *), zeroPoint: from.zeroPoint,
        scale: scale, output: OutputStage(to, rounding: scale.rounding), x: source,
        y: context.buffer(node.result)))
  }
}
