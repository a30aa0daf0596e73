import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// Every pixel repeated a whole number of times in height and width; `x` is `[N, H, W, C]`.
public struct ResizeNearest: Operator {
  /// Repetitions, `[height, width]`.
  public var factors: [Int]

  /// Creates the operator.
  public init(factors: [Int]) { self.factors = factors }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "resize_nearest", "Enlarges an image by whole factors, repeating pixels.",
    operands: [OperandSpec("x")])

  /// `[N, H · factors[0], W · factors[1], C]`.
  ///
  /// - Throws: `shape.resize_nearest.rank`, `shape.resize_nearest.factors`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard x.shape.rank == 4 else {
      throw shapeProblem("rank", "operand is \(x.shape), not [N, H, W, C]")
    }
    guard factors.count == 2, factors.allSatisfy({ (1...1 << 20).contains($0) }),
      x.shape.allSatisfy({ $0 <= 1 << 40 }),
      let shape = Shape(checking: [
        x.shape[0], x.shape[1] * factors[0], x.shape[2] * factors[1], x.shape[3],
      ])
    else {
      throw shapeProblem("factors", "factors \(factors) do not enlarge \(x.shape)")
    }
    return [x.moved(to: shape)]
  }

  /// Repeats the pixels.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let strides = x.shape.strides
    let apart = Shape([
      x.shape[0], x.shape[1], factors[0], x.shape[2], factors[1], x.shape[3],
    ])
    let box = StridedBox(
      offset: 0, strides: [strides[0], strides[1], 0, strides[2], 0, strides[3]])
    return [viewed(x, box, as: apart).reshaped(results[0].shape)]
  }

  /// The operand's quantization.
  public var quantizationRule: QuantizationRule { .inherit(0) }
}

extension ResizeNearest: LowerableOperator {
  /// One call of the kernel; the images of a batch stand above each other.
  ///
  /// - Throws: `lower.resize_nearest.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    let shape = context.type(of: x).shape
    let to = try context.quantization(node, node.result)
    if factors == [1, 1] { return try context.pass(node, x) }
    let source = try context.conformed(node, x, to: to)
    context.emit(
      ResizeNearestKernel(
        height: shape[0] * shape[1], width: shape[2], pixelBytes: shape[3] * to.storageBytes,
        factors: factors, x: source, y: context.buffer(node.result)))
  }
}
