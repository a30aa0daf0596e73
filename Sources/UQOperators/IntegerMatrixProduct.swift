import UQGraph
import UQNumerics
import UQSupport

/// Matrix product of integers, `Σ (a − za) (b − zb)`, modulo the width of the result.
///
/// `[..., M, K]` by `[..., N, K]`: the second operand is transposed. Leading axes broadcast.
public struct IntegerMatrixProduct: Operator {
  /// Integer of a that stands for 0.
  public var zeroPointA: Int
  /// Integers of b that stand for 0: one, or one for each of N.
  public var zeroPointsB: [Int]
  /// Type of the result: an integer type of up to 32 bits.
  public var element: ElementType

  /// Creates a product.
  public init(zeroPointA: Int = 0, zeroPointsB: [Int] = [0], element: ElementType = .int32) {
    self.zeroPointA = zeroPointA
    self.zeroPointsB = zeroPointsB
    self.element = element
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "integer_matrix_product", "Product of integer matrices, the second transposed, wrapping.",
    operands: [OperandSpec("a"), OperandSpec("b", .parameter)])

  /// `[..., M, N]`.
  ///
  /// - Throws: `shape.integer_matrix_product.*`, `type.integer_matrix_product.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("integer_matrix_product", operands)
    let a = try types.required(0, "a")
    let b = try types.required(1, "b")
    try checkIntegers(a, "a")
    try checkIntegers(b, "b")
    guard a.shape.rank >= 1, b.shape.rank >= 2, a.shape.rank >= b.shape.rank || a.shape.rank >= 2,
      a.shape[a.shape.rank - 1] == b.shape[b.shape.rank - 1]
    else { throw shapeProblem("extents", "\(a.shape) by the transpose of \(b.shape)") }
    guard element.isInteger, element.byteCount <= 4 else {
      throw typeProblem("element", "accumulates in \(element.name); up to 32 bits are supported")
    }
    let n = b.shape[b.shape.rank - 2]
    try checkPerAxis(zeroPointsB.count, "zero points", axis: b.shape.rank - 2, b.shape)
    if b.shape.rank == 2 {
      return [
        TensorType(element, try types.shape(Array(a.shape.dimensions.dropLast()) + [n]))
      ]
    }
    let left = Shape(Array(a.shape.dimensions.dropLast(2)))
    let right = Shape(Array(b.shape.dimensions.dropLast(2)))
    guard let lead = Shape.broadcast(left, right) else {
      throw shapeProblem("broadcast", "batches of \(a.shape) and \(b.shape) do not broadcast")
    }
    let extents = lead.dimensions + [a.shape[a.shape.rank - 2], n]
    return [TensorType(element, try types.shape(extents))]
  }

  /// The definition, modulo 2^32.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let a = try requiredValue(operands, 0).integers(less: [zeroPointA])
    let b = try requiredValue(operands, 1)
    let right = b.integers(less: zeroPointsB, axis: b.shape.rank - 2)
    return [product(a, right, results[0].shape).converted(to: element)]
  }

  /// `count · K`.
  public func macs(_ operands: [TensorType?], _ results: [TensorType]) -> Int {
    guard let depth = operands.first??.shape.last else { return 0 }
    return saturatingProduct(results[0].shape.count, depth)
  }

  private func product(_ a: Tensor, _ b: Tensor, _ shape: Shape) -> Tensor {
    var result = Tensor(zeros: .int32, shape)
    guard result.count > 0, let depth = a.shape.last, depth > 0 else { return result }
    let columns = b.shape[b.shape.rank - 2]
    let isShared = b.shape.rank == 2
    let rows = isShared ? a.count / depth : a.shape[a.shape.rank - 2]
    let lead = isShared ? [] : Array(shape.dimensions.dropLast(2))
    let walk = BroadcastWalk(
      isShared ? [] : Shape(Array(a.shape.dimensions.dropLast(2))),
      isShared ? [] : Shape(Array(b.shape.dimensions.dropLast(2))), Shape(lead))
    let last = walk.extents.count - 1
    result.withMutableElements(Int32.self) { y in
      a.withElements(Int32.self) { a in
        b.withElements(Int32.self) { b in
          walk.forEachRow { row, first, second in
            for i in 0..<walk.extents[last] {
              let x = (first + i * walk.first[last]) * rows * depth
              let w = (second + i * walk.second[last]) * columns * depth
              var next = (row * walk.extents[last] + i) * rows * columns
              for m in 0..<rows {
                for n in 0..<columns {
                  var sum: Int32 = 0
                  for k in 0..<depth {
                    sum &+= a[x + m * depth + k] &* b[w + n * depth + k]
                  }
                  y[next] = sum
                  next += 1
                }
              }
            }
          }
        }
      }
    }
    return result
  }
}

extension IntegerMatrixProduct {
  /// Relay's `qnn.dense` and `qnn.batch_matmul`; the rules of `nn.dense` and `nn.batch_matmul` hand
  /// integers over.
  public static var imports: [ImportRule] {
    [
      .relay("qnn.dense") { node, builder throws(Diagnostic) in
        try importedDense(
          node, &builder, zeroPointA: try builder.zeroPoint(node, 2, "input zero point"),
          zeroPointsB: try builder.zeroPoints(node, 3, "kernel zero point"))
      },
      .relay("qnn.batch_matmul") { node, builder throws(Diagnostic) in
        try importedBatch(
          node, &builder, zeroPointA: try builder.zeroPoint(node, 2, "x zero point"),
          zeroPointB: try builder.zeroPoint(node, 3, "y zero point"))
      },
    ]
  }

  /// Adds the product that `nn.dense` of integers is.
  static func importedDense(
    _ node: ForeignNode, _ builder: inout GraphBuilder, zeroPointA: Int = 0,
    zeroPointsB: [Int] = [0]
  ) throws(Diagnostic) -> [ValueID] {
    let a = try node.operand(0, "data")
    let b = try node.operand(1, "weight")
    let op = IntegerMatrixProduct(
      zeroPointA: zeroPointA, zeroPointsB: zeroPointsB,
      element: try node.element("out_dtype", default: builder.type(of: a).element))
    return try builder.add(op, [a, b], as: node)
  }

  /// Adds the product that `nn.batch_matmul` of integers is.
  static func importedBatch(
    _ node: ForeignNode, _ builder: inout GraphBuilder, zeroPointA: Int = 0, zeroPointB: Int = 0
  ) throws(Diagnostic) -> [ValueID] {
    var a = try node.operand(0, "x")
    var b = try node.operand(1, "y")
    guard builder.shape(of: a).rank == 3, builder.shape(of: b).rank == 3 else {
      throw Diagnostic(
        id: "import.operand.type",
        "operands are \(builder.type(of: a)) and \(builder.type(of: b)), not of rank 3",
        at: node.place)
    }
    if try node.int("transpose_a", default: 0) != 0 {
      a = try builder.addStep(Transpose(permutation: [0, 2, 1]), [a], "x", of: node)
    }
    if try node.int("transpose_b", default: 0) == 0 {
      b = try builder.addStep(Transpose(permutation: [0, 2, 1]), [b], "y", of: node)
    }
    let op = IntegerMatrixProduct(
      zeroPointA: zeroPointA, zeroPointsB: [zeroPointB],
      element: try node.element("out_dtype", default: builder.type(of: a).element))
    return try builder.add(op, [a, b], as: node)
  }
}
