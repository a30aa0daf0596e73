import Testing
import UQSupport

@testable import UQQuantizer

@Suite struct SymmetricMatrixTests {
  @Test(arguments: [1, 2, 3, 8, 33])
  func factorsMultiplyToTheMatrix(_ n: Int) throws {
    var random = SeededGenerator(seed: UInt64(n))
    let matrix = randomCovariance(n, ridge: 0.1, &random)
    let l = try #require(matrix.choleskyFactor())
    for i in 0..<n {
      for j in 0..<n {
        if j > i { #expect(l[i * n + j] == 0) }
        let product = (0..<n).reduce(0) { $0 + l[i * n + $1] * l[j * n + $1] }
        #expect((product - matrix.elements[i * n + j]).magnitude < 1e-9 * Double(n))
      }
    }
  }

  @Test(arguments: [1, 4, 17])
  func systemsAreSolved(_ n: Int) throws {
    var random = SeededGenerator(seed: UInt64(100 + n))
    let matrix = randomCovariance(n, ridge: 0.5, &random)
    let l = try #require(matrix.choleskyFactor())
    let x = (0..<n * 3).map { _ in Double.random(in: -2...2, using: &random) }
    var b = [Double](repeating: 0, count: n * 3)
    for i in 0..<n {
      for c in 0..<3 {
        b[i * 3 + c] = (0..<n).reduce(0) { $0 + matrix.elements[i * n + $1] * x[$1 * 3 + c] }
      }
    }
    SymmetricMatrix.solve(l, size: n, &b, columns: 3)
    #expect(zip(x, b).allSatisfy { ($0 - $1).magnitude < 1e-8 })
  }

  @Test(
    arguments: [
      [0], [-1], [.nan], [.infinity], [1, 2, 2, 1], [1, 1, 1, 1], [1, .nan, .nan, 1],
      [1, .infinity, .infinity, 1],
    ] as [[Double]])
  func othersHaveNoFactor(_ elements: [Double]) {
    let size = elements.count == 1 ? 1 : 2
    #expect(SymmetricMatrix(size: size, elements: elements).choleskyFactor() == nil)
  }
}
