import Testing
import UQNumerics
import UQSupport

@testable import UQQuantizer

/// Rounding one channel of few weights, where everything can be tried.
struct ChannelProblem {
  let size: Int
  let covariance: SymmetricMatrix
  let target: [Double]

  init(_ size: Int, seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    self.size = size
    covariance = randomCovariance(size, ridge: 0.05, &random)
    target = (0..<size).map { _ in Double.random(in: -1...1, using: &random) }
  }

  /// `a · H · b`.
  func product(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in 0..<size {
      for j in 0..<size { sum += a[i] * covariance.elements[i * size + j] * b[j] }
    }
    return sum
  }

  func loss(_ integers: [Int8], _ scale: Double) -> Double {
    let error = zip(integers, target).map { scale * Double($0) - $1 }
    return product(error, error)
  }

  /// The least loss over all integers, each with its best scale of either sign.
  func best(_ levels: [Int]) -> Double {
    var least = product(target, target)
    let count = (0..<size).reduce(1) { count, _ in count * levels.count }
    for code in 0..<count {
      var rest = code
      let q = (0..<size).map { _ -> Double in
        defer { rest /= levels.count }
        return Double(levels[rest % levels.count])
      }
      let energy = product(q, q)
      let along = product(q, target)
      if energy > 0 { least = min(least, product(target, target) - along * along / energy) }
    }
    return least
  }
}

private func grid(_ bits: Int, powerOfTwo: Bool = false) -> LatticeRounding.Grid {
  let range = Quantization(bits: bits, scales: [1])
  return LatticeRounding.Grid(
    lowest: bits == 8 ? -range.highest : range.lowest, highest: range.highest,
    isBinary: bits == 1, powerOfTwo: powerOfTwo, isSigned: !powerOfTwo && bits < 8)
}

private func levels(_ bits: Int) -> [Int] {
  bits == 1 ? [-1, 1] : Array(Quantization(bits: bits, scales: [1]).lowest...grid(bits).highest)
}

@Suite struct LatticeRoundingTests {
  /// Widths with sizes that can be tried completely.
  static let sizes = [(1, 8), (2, 5), (3, 4), (4, 3)]

  @Test(arguments: sizes, 0..<12)
  func closeToTheBestOfAll(_ size: (bits: Int, count: Int), _ seed: Int) throws {
    let problem = ChannelProblem(size.count, seed: seed)
    let rounding = try #require(LatticeRounding(problem.covariance))
    let solution = rounding.round(problem.target, grid: grid(size.bits))
    #expect(solution.integers.allSatisfy { levels(size.bits).contains(Int($0)) })
    let best = problem.best(levels(size.bits))
    #expect(solution.loss >= best - 1e-9)
    #expect((solution.loss - problem.loss(solution.integers, solution.scale)).magnitude < 1e-9)
  }

  /// Real layers have more weights than can be tried; there plain rounding loses much more.
  @Test(arguments: [1, 2, 3, 4])
  func betterThanPlainRounding(_ bits: Int) throws {
    var (found, plain) = (0.0, 0.0)
    for seed in 0..<20 {
      let problem = ChannelProblem(18, seed: 300 + seed)
      let rounding = try #require(LatticeRounding(problem.covariance))
      let solution = rounding.round(problem.target, grid: grid(bits))
      let rounded = WeightQuantizer(bits: bits).quantize(
        Tensor(problem.target.map(Float.init), [1, 18]), axis: 0, floors: [0])
      let nearest = problem.loss(
        rounded.integers.withElements(Int8.self) { Array($0) }, rounded.quantization.scales[0])
      found += solution.loss
      plain += nearest
      // A local optimum may be a little worse in a single channel.
      #expect(solution.loss < nearest * 1.25)
    }
    #expect(found < plain * 0.7)
  }

  /// Over many problems the search ends within a few percent of what could be had.
  @Test(arguments: sizes)
  func littleIsLost(_ size: (bits: Int, count: Int)) throws {
    var (found, best, nothing) = (0.0, 0.0, 0.0)
    for seed in 0..<40 {
      let problem = ChannelProblem(size.count, seed: 1000 + seed)
      let rounding = try #require(LatticeRounding(problem.covariance))
      found += rounding.round(problem.target, grid: grid(size.bits)).loss
      best += problem.best(levels(size.bits))
      nothing += problem.product(problem.target, problem.target)
    }
    #expect(found - best <= 0.02 * nothing)
  }

  @Test(arguments: [1, 2, 3, 4, 8], 0..<6)
  func noSingleStepHelps(_ bits: Int, _ seed: Int) throws {
    let problem = ChannelProblem(24, seed: 50 + seed)
    let rounding = try #require(LatticeRounding(problem.covariance))
    let solution = rounding.round(problem.target, grid: grid(bits))
    let loss = problem.loss(solution.integers, solution.scale)
    let largest = levels(bits).max() ?? 0
    let least = bits == 8 ? -largest : levels(bits).min() ?? 0
    for i in solution.integers.indices {
      for step in bits == 1 ? [-2, 2] : [-1, 1] {
        var other = solution.integers
        let value = Int(other[i]) + step
        guard (least...largest).contains(value) else { continue }
        other[i] = Int8(value)
        #expect(problem.loss(other, solution.scale) >= loss - 1e-7)
      }
    }
    let q = solution.integers.map(Double.init)
    let refit = problem.product(q, problem.target) / problem.product(q, q)
    #expect((refit - solution.scale).magnitude <= 1e-6 * solution.scale.magnitude)
  }

  /// `{2, −1, ...}` fits 2 bits only in the mirrored range.
  @Test func channelsMayBeMirrored() throws {
    let target = [2, -1, 0, 1, -1, 2].map { 0.25 * $0 }
    var random = SeededGenerator(seed: 9)
    let rounding = try #require(LatticeRounding(randomCovariance(6, ridge: 0.5, &random)))
    let mirrored = rounding.round(target, grid: grid(2))
    #expect(mirrored.scale < 0 && (mirrored.scale + 0.25).magnitude < 1e-12)
    #expect(mirrored.integers == [-2, 1, 0, -1, 1, -2] && mirrored.loss < 1e-12)
    var unsigned = grid(2)
    unsigned.isSigned = false
    #expect(rounding.round(target, grid: unsigned).scale > 0)
  }

  @Test func powersOfTwoStayPowersOfTwo() throws {
    for seed in 0..<8 {
      let problem = ChannelProblem(12, seed: 200 + seed)
      let rounding = try #require(LatticeRounding(problem.covariance))
      let solution = rounding.round(problem.target, grid: grid(4, powerOfTwo: true))
      #expect(solution.scale > 0 && solution.scale.significand == 1)
      #expect((solution.loss - problem.loss(solution.integers, solution.scale)).magnitude < 1e-9)
    }
  }

  @Test(arguments: [1, 2, 3, 4, 8])
  func scalesAreFiniteWhateverTheTarget(_ bits: Int) throws {
    let problem = ChannelProblem(4, seed: 3)
    let rounding = try #require(LatticeRounding(problem.covariance))
    for target in [
      [0, 0, 0, 0], [1e-300, 0, 0, 0], [1e300, -1e300, 1, 0], [.nan, 0, 0, 0],
      [.infinity, 1, 1, 1],
    ] {
      for floor in [0, 0x1p-100] {
        var grid = grid(bits)
        grid.floor = floor
        let solution = rounding.round(target, grid: grid)
        #expect(solution.scale.isFinite && solution.scale != 0)
        #expect(solution.integers.allSatisfy { bits > 1 || $0.magnitude == 1 })
      }
    }
    var floored = grid(bits)
    floored.floor = 0.75
    #expect(rounding.round(problem.target, grid: floored).scale.magnitude >= 0.75)
  }
}
