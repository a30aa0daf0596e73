import UQGraph
import UQNumerics
import UQSupport

/// `[..., M, K] · [..., K, N]` of two activations with equal leading extents.
public struct MatrixProduct: Operator, FloatEvaluation {
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
    try evaluateAsFloats(operands, results, required: 2)
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

  func compute<T: BinaryFloatingPoint & TensorElement>(
    _ type: T.Type, _ operands: [Tensor], _ shape: Shape
  ) -> Tensor {
    let rank = shape.rank
    let rows = shape[rank - 2]
    let columns = shape[rank - 1]
    let depth = operands[0].shape[rank - 1]
    var result = Tensor(zeros: T.elementType, shape)
    guard result.count > 0 else { return result }
    var sums = [Double](repeating: 0, count: columns)
    result.withMutableElements(T.self) { y in
      operands[0].withElements(T.self) { a in
        operands[1].withElements(T.self) { b in
          sums.withUnsafeMutableBufferPointer { sums in
            for row in 0..<y.count / columns {
              let matrix = row / rows * depth
              sums.update(repeating: 0)
              for k in 0..<depth {
                let factor = Double(a[row * depth + k])
                let line = (matrix + k) * columns
                for column in 0..<columns { sums[column] += factor * Double(b[line + column]) }
              }
              for column in 0..<columns { y[row * columns + column] = T(sums[column]) }
            }
          }
        }
      }
    }
    return result
  }
}
