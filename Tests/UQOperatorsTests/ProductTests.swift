import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@Suite struct ProductTests {
  static let a = Tensor([1, 2, 3, 4, 5, 6] as [Float], [2, 3])
  static let b = Tensor([1, 0, 2, 0, 1, 3] as [Float], [3, 2])

  /// a · b by hand.
  static let product: [Float] = [8, 9, 20, 18]

  @Test func constantSidesBecomeFullyConnected() throws {
    for (left, right) in [
      (ForeignModel.Operand.input(Self.a), .constant(Self.b)),
      (.constant(Self.a), .input(Self.b)),
    ] as [(ForeignModel.Operand, ForeignModel.Operand)] {
      let model = try ForeignModel("MatMul", version: 13, [left, right])
      #expect(model.has("fully_connected") && !model.has("matrix_product"))
      let y = try model.evaluate()[0]
      #expect(y.shape == [2, 2])
      #expect(y.floats == Self.product)
    }
    let model = try ForeignModel("MatMul", version: 13, [.input(Self.a), .input(Self.b)])
    #expect(model.operators == ["matrix_product"])
    #expect(try model.evaluate()[0].floats == Self.product)
  }

  /// Every combination of ranks and constant sides against the definition.
  @Test func shapesFollowNumPy() throws {
    let cases: [([Int], [Int], [Int])] = [
      ([3], [3], []), ([3], [3, 2], [2]), ([2, 3], [3], [2]), ([4, 2, 3], [3], [4, 2]),
      ([3], [4, 3, 2], [4, 2]), ([4, 2, 3], [3, 2], [4, 2, 2]), ([2, 3], [4, 3, 5], [4, 2, 5]),
      ([4, 1, 2, 3], [2, 3, 5], [4, 2, 2, 5]), ([2, 3], [1, 1, 3, 2], [1, 1, 2, 2]),
      ([1, 2, 3], [4, 3, 2], [4, 2, 2]),
    ]
    for (left, right, shape) in cases {
      let a = Tensor.counting(Shape(left), from: -2)
      let b = Tensor.counting(Shape(right), from: 1, by: 0.5)
      for constant in 0..<3 {
        let model = try ForeignModel(
          "MatMul", version: 9,
          [constant == 1 ? .constant(a) : .input(a), constant == 2 ? .constant(b) : .input(b)])
        let y = try model.evaluate()[0]
        #expect(y.shape.dimensions == shape)
        #expect(y.floats == definition(a, b), "\(left) \(right) \(constant)")
      }
    }
  }

  @Test func gemmFoldsFactorsAndTransposes() throws {
    let c = Tensor([10, 20] as [Float], [2])
    let model = try ForeignModel(
      "Gemm", version: 13,
      attributes: ["alpha": .float(2), "beta": .float(0.5), "transB": .int(1), "transA": .int(1)],
      [
        .input(Tensor([1, 4, 2, 5, 3, 6] as [Float], [3, 2])),
        .constant(Tensor([1, 2, 1, 0, 0, 3] as [Float], [2, 3])), .constant(c),
      ])
    #expect(model.operators == ["transpose", "fully_connected"])
    // Bᵀ = [[1, 0], [2, 0], [1, 3]]: A · B = [[8, 9], [20, 18]].
    #expect(try model.evaluate()[0].floats == [21, 28, 45, 46])
  }

  @Test(arguments: [[], [1], [2], [1, 2], [2, 1], [2, 2]], [true, false])
  func gemmAddsWhatBroadcasts(extents: [Int], isConstant: Bool) throws {
    let c = Tensor.counting(Shape(extents), from: 1)
    let expected = [0, 1, 2, 3].map { (index: Int) -> Float in
      let row = extents.count == 2 && extents[0] == 2 ? index / 2 : 0
      let column = extents.last == 2 ? index % 2 : 0
      return Self.product[index] + 3 * c.floats[row * (extents.last ?? 1) + column]
    }
    for weights in [ForeignModel.Operand.constant(Self.b), .input(Self.b)] {
      let model = try ForeignModel(
        "Gemm", version: 11, attributes: ["beta": .float(3)],
        [.input(Self.a), weights, isConstant ? .constant(c) : .input(c)])
      #expect(try model.evaluate()[0].floats == expected)
    }
  }

  @Test func gemmOfValuesScales() throws {
    let model = try ForeignModel(
      "Gemm", version: 11, attributes: ["alpha": .float(2)], [.input(Self.a), .input(Self.b)])
    #expect(try model.evaluate()[0].floats == Self.product.map { 2 * $0 })
    #expect(model.graph[model.graph.outputs[0]].name == "y")
  }

  @Test func unsoundProductsAreRefused() {
    let refusals: [(String, String, [Shape])] = [
      ("import.matmul.depth", "MatMul", [[2, 3], [2, 3]]),
      ("import.matmul.rank", "MatMul", [[], [2]]),
      ("import.matmul.batch", "MatMul", [[2, 1, 1], [3, 1, 1]]),
      ("import.gemm.rank", "Gemm", [[1, 2, 3], [3, 2]]),
      ("import.gemm.bias", "Gemm", [[2, 3], [3, 2], [3]]),
      ("shape.fully_connected.depth", "Gemm", [[2, 3], [2, 2]]),
    ]
    for (id, name, shapes) in refusals {
      let problem = #expect(throws: Diagnostic.self) {
        _ = try ForeignModel(
          name, version: 13,
          shapes.enumerated().map { index, shape in
            let tensor = Tensor(zeros: .float32, shape)
            return index == 0 ? .input(tensor) : .constant(tensor)
          })
      }
      #expect(problem?.id == id)
    }
  }

  private func definition(_ a: Tensor, _ b: Tensor) -> [Float] {
    let left = a.shape.rank == 1 ? [1] + a.shape.dimensions : a.shape.dimensions
    let right = b.shape.rank == 1 ? b.shape.dimensions + [1] : b.shape.dimensions
    let (m, k, n) = (left[left.count - 2], left[left.count - 1], right[right.count - 1])
    let leads = (Shape(Array(left.dropLast(2))), Shape(Array(right.dropLast(2))))
    guard let lead = Shape.broadcast(leads.0, leads.1) else { return [] }
    let (x, y) = (a.floats, b.floats)
    var result: [Float] = []
    for batch in 0..<lead.count {
      var offsets = (0, 0)
      for axis in 0..<lead.rank {
        let index = batch / lead.strides[axis] % lead[axis]
        let own = (axis - lead.rank + leads.0.rank, axis - lead.rank + leads.1.rank)
        if own.0 >= 0, leads.0[own.0] > 1 { offsets.0 += index * leads.0.strides[own.0] }
        if own.1 >= 0, leads.1[own.1] > 1 { offsets.1 += index * leads.1.strides[own.1] }
      }
      for row in 0..<m {
        for column in 0..<n {
          result.append(
            (0..<k).reduce(0) { sum, i in
              sum + x[offsets.0 * m * k + row * k + i] * y[offsets.1 * k * n + i * n + column]
            })
        }
      }
    }
    return result
  }
}
