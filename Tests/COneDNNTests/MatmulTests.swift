import COneDNN
import Testing

@Suite struct MatmulTests {
  @Test(arguments: [(1, 64, 10), (1, 640, 128), (5, 7, 3), (33, 48, 17), (1, 1, 1)])
  func innerProductEqualsNaiveLoops(_ batch: Int, _ inC: Int, _ outC: Int) throws {
    var values = Values(seed: 5)
    let src = values.take(batch * inC)
    let weights = values.take(outC * inC)
    let bias = values.take(outC)
    let shape = uq_dnn_inner_product(batch: Int32(batch), in_c: Int32(inC), out_c: Int32(outC))
    for biased in [true, false] {
      let op = try Prepared { engine, op in
        withUnsafePointer(to: shape) {
          uq_dnn_inner_product_create(
            engine, $0, weights, biased ? bias : nil, biased ? 0 : -.infinity, .infinity, op)
        }
      }
      var expected: [Float] = []
      for m in 0..<batch {
        for o in 0..<outC {
          var sum = biased ? Double(bias[o]) : 0
          for k in 0..<inC { sum += Double(src[m * inC + k]) * Double(weights[o * inC + k]) }
          expected.append(biased ? max(Float(sum), 0) : Float(sum))
        }
      }
      #expect(distance(try op.run(src, count: batch * outC), expected) < 2e-5)
    }
  }

  @Test(arguments: [(1, 1, 1), (3, 3, 3), (3, 1, 3), (3, 3, 1)], [(false, false), (true, true)])
  func matmulEqualsNaiveLoops(
    _ batches: (Int32, Int32, Int32), _ transposed: (Bool, Bool)
  ) throws {
    for (m, k, n) in [(5, 7, 9), (1, 16, 1), (32, 20, 33)] as [(Int32, Int32, Int32)] {
      let shape = uq_dnn_matmul(
        batch: batches.0, a_batch: batches.1, b_batch: batches.2, m: m, k: k, n: n,
        a_transposed: transposed.0 ? 1 : 0, b_transposed: transposed.1 ? 1 : 0)
      var values = Values(seed: 6)
      let a = values.take(Int(shape.a_batch * m * k))
      let b = values.take(Int(shape.b_batch * k * n))
      let op = try Prepared { engine, op in
        withUnsafePointer(to: shape) { uq_dnn_matmul_create(engine, $0, op) }
      }
      let result = try op.run(a, pair: b, count: Int(shape.batch * m * n))
      #expect(distance(result, Reference.matmul(shape, a, b)) < 2e-5)
    }
  }

  @Test func aMissingSourceIsRefused() throws {
    let shape = uq_dnn_matmul(
      batch: 1, a_batch: 1, b_batch: 1, m: 2, k: 2, n: 2, a_transposed: 0, b_transposed: 0)
    let op = try Prepared { engine, op in
      withUnsafePointer(to: shape) { uq_dnn_matmul_create(engine, $0, op) }
    }
    #expect(throws: ShimFailure.self) { try op.run([1, 2, 3, 4], count: 4) }
  }

  @Test func batchesThatDoNotFitAreUnsupported() {
    let shape = uq_dnn_matmul(
      batch: 4, a_batch: 2, b_batch: 4, m: 2, k: 2, n: 2, a_transposed: 0, b_transposed: 0)
    #expect(throws: ShimFailure.self) {
      _ = try Prepared { engine, op in
        withUnsafePointer(to: shape) { uq_dnn_matmul_create(engine, $0, op) }
      }
    }
  }
}
