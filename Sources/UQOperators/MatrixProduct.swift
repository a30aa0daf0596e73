import UQGraph
import UQNumerics
import UQSupport

/// `[..., M, K] · [..., K, N]` of two activations with equal leading extents.
public struct MatrixProduct: Operator {
  /// Creates a matrix product.
  public init() {}

  /// Names and operands.
  public static let spec = OperatorSpec(
    "matrix_product", "Product of two activations over their last two axes.",
    operands: [OperandSpec("a"), OperandSpec("b")])

  /// `[..., M, N]`.
  ///
  /// - Throws: `shape.matrix_product.*`, `type.matrix_product.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("matrix_product", operands)
    let a = try types.required(0, "a")
    let b = try types.required(1, "b", rank: a.shape.rank)
    try types.checkActivation(a)
    try types.check(b, "b", with: a, quantized: [.int8, .int16])
    let rank = a.shape.rank
    guard rank >= 2 else {
      throw Diagnostic(
        id: "shape.matrix_product.rank", "operands \(a.shape) and \(b.shape) have no two axes")
    }
    guard a.shape.dimensions.dropLast(2) == b.shape.dimensions.dropLast(2) else {
      throw Diagnostic(
        id: "shape.matrix_product.batch",
        "operands \(a.shape) and \(b.shape) differ in their leading extents")
    }
    guard a.shape[rank - 1] == b.shape[rank - 2] else {
      throw Diagnostic(
        id: "shape.matrix_product.depth",
        "a \(a.shape) has \(a.shape[rank - 1]) columns, b \(b.shape) has \(b.shape[rank - 2]) rows")
    }
    let shape = try types.shape(a.shape.dimensions.dropLast() + [b.shape[rank - 1]])
    return [TensorType(a.element, shape)]
  }

  /// The definition, accumulated in `Double`.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    throw Self.notEvaluated
  }

  /// A matrix product.
  public func primitive(_ operands: [TensorType?], _ results: [TensorType]) -> EnginePrimitive? {
    .matrixProduct
  }

  /// Elements of the result times `K`.
  public func macs(_ operands: [TensorType?], _ results: [TensorType]) -> Int {
    guard let depth = operands.first??.shape.dimensions.last else { return 0 }
    return saturatingProduct(results[0].shape.count, depth)
  }
}
