import Foundation

/// Finds integers and a scale for one channel's weights: `min (s·q − v)ᵀ H (s·q − v)`.
///
/// `H` is the (damped) covariance of the layer's quantized inputs and `v` the weights that would reproduce
/// the float outputs from them. For each starting scale the integers are decided one after the other, the
/// undecided ones making up for the error so far (GPTQ, Frantar et al. 2022, as Babai's nearest plane on the
/// Cholesky factor); the best starts go through coordinate descent and closed-form scale refits until
/// nothing changes. Scales of either sign are tried.
struct LatticeRounding {
  /// Rows of `H`.
  let depth: Int
  /// `H`, in the order of decision from last to first.
  let matrix: [Double]
  /// Its lower Cholesky factor.
  private let factor: [Double]
  /// Position in the layer's order for each row of `matrix`.
  let order: [Int]

  /// Integers that may be chosen, and scales.
  struct Grid: Sendable {
    /// Smallest integer.
    var lowest: Int
    /// Largest integer.
    var highest: Int
    /// Whether there is no 0 between −1 and 1.
    var isBinary = false
    /// Whether scales are powers of two.
    var powerOfTwo = false
    /// Whether a channel may use the mirrored range.
    var isSigned = true
    /// Least magnitude of the scale.
    var floor = 0x1p-100
    /// Step of the few levels that the weights were trained for, if they were (``WeightGrid``).
    var step: Double?
  }

  /// What was found.
  struct Solution: Sendable {
    /// Integers in the layer's order.
    var integers: [Int8]
    /// Scale, of either sign.
    var scale: Double
    /// `(s·q − v)ᵀ H (s·q − v)`.
    var loss: Double
  }

  /// Orders and factors a damped covariance; `nil` where it is not positive definite.
  ///
  /// - Complexity: O(depth³).
  init?(_ covariance: SymmetricMatrix) {
    let n = covariance.size
    depth = n
    // The largest variances are decided first: they can no longer be made up for by others afterwards.
    let order = (0..<n).sorted {
      let a = covariance.elements[$0 * n + $0]
      let b = covariance.elements[$1 * n + $1]
      return a == b ? $0 > $1 : a < b
    }
    var permuted = SymmetricMatrix(size: n, elements: [Double](repeating: 0, count: n * n))
    for i in 0..<n {
      for j in 0..<n {
        permuted.elements[i * n + j] = covariance.elements[order[i] * n + order[j]]
      }
    }
    guard let factor = permuted.choleskyFactor() else { return nil }
    self.order = order
    self.factor = factor
    matrix = permuted.elements
  }

  /// `H⁻¹ · t` for right-hand sides `[depth, columns]` in the layer's order.
  func solve(_ t: [Double], columns: Int) -> [Double] {
    var ordered = [Double](repeating: 0, count: t.count)
    for (i, k) in order.enumerated() {
      for c in 0..<columns { ordered[i * columns + c] = t[k * columns + c] }
    }
    SymmetricMatrix.solve(factor, size: depth, &ordered, columns: columns)
    var result = [Double](repeating: 0, count: t.count)
    for (i, k) in order.enumerated() {
      for c in 0..<columns { result[k * columns + c] = ordered[i * columns + c] }
    }
    return result
  }

  /// Starts that go on to coordinate descent.
  private static let survivors = 6
  /// Rounds of refit and descent at most.
  static let rounds = 24

  /// Rounds the target weights `v`, in the layer's order.
  ///
  /// - Complexity: O(starts · depth²).
  func round(_ v: [Double], grid: Grid) -> Solution {
    let target = order.map { v[$0] }
    let largest = target.reduce(0) { max($0, $1.magnitude) }
    guard largest > 0, largest.isFinite else {
      return Solution(
        integers: [Int8](repeating: grid.isBinary ? 1 : 0, count: depth),
        scale: max(grid.isBinary ? 0x1p-100 : 1, grid.floor), loss: 0)
    }
    let starts = scales(largest, grid)
    let ends = decide(
      target, starts.map { [$0] }, group: [Int](repeating: 0, count: depth), grid)
    let found = zip(starts, ends).map { Start(scale: $0, integers: $1.integers, loss: $1.loss) }
      .sorted { $0.loss < $1.loss }
    let product = multiply(target)
    let constant = zip(product, target).reduce(0) { $0 + $1.0 * $1.1 }
    var best: Start?
    for start in found.prefix(Self.survivors) {
      let refined = descend(start, product, constant, grid)
      if refined.loss < best?.loss ?? .infinity { best = refined }
    }
    guard let best else {
      return Solution(
        integers: [Int8](repeating: grid.isBinary ? 1 : 0, count: depth),
        scale: max(grid.isBinary ? 0x1p-100 : 1, grid.floor), loss: constant)
    }
    var integers = [Int8](repeating: 0, count: depth)
    for (i, k) in order.enumerated() { integers[k] = Int8(best.integers[i]) }
    return Solution(integers: integers, scale: best.scale, loss: best.loss)
  }

  /// A solution for slightly other target weights, from one that was found; `nil` where that is as good.
  ///
  /// - Complexity: O(depth²) at first, O(depth) for each integer that changes.
  func refine(_ solution: Solution, _ v: [Double], grid: Grid) -> Solution? {
    let target = order.map { v[$0] }
    let start = Start(
      scale: solution.scale, integers: order.map { Double(solution.integers[$0]) }, loss: .infinity)
    let product = multiply(target)
    let constant = zip(product, target).reduce(0) { $0 + $1.0 * $1.1 }
    let before = loss(start.integers, start.scale, product, constant)
    let refined = descend(start, product, constant, grid)
    guard refined.loss < before - 1e-9 * constant.magnitude else { return nil }
    var integers = [Int8](repeating: 0, count: depth)
    for (i, k) in order.enumerated() { integers[k] = Int8(refined.integers[i]) }
    return Solution(integers: integers, scale: refined.scale, loss: refined.loss)
  }

  private func loss(
    _ q: [Double], _ scale: Double, _ product: [Double], _ constant: Double
  ) -> Double {
    let image = multiply(q)
    let along = zip(q, product).reduce(0) { $0 + $1.0 * $1.1 }
    let energy = zip(q, image).reduce(0) { $0 + $1.0 * $1.1 }
    return scale * scale * energy - 2 * scale * along + constant
  }

  private struct Start {
    var scale: Double
    var integers: [Double]
    var loss: Double
  }

  /// Scales to start from.
  private func scales(_ largest: Double, _ grid: Grid) -> [Double] {
    let levels = Double(grid.highest - grid.lowest)
    // Ratios of the scale that just holds the largest weight.
    let full = largest / Double(grid.highest)
    let ratios: [Double]
    if levels > 100 {
      ratios = stride(from: 0.8, through: 1.0001, by: 0.025).map { $0 }
    } else if grid.isBinary {
      ratios = stride(from: 0.1, through: 1.0, by: 0.06).map { $0 }
    } else {
      ratios = stride(from: 0.2, through: 1.1001, by: 0.06).map { $0 }
    }
    var result: [Double] = []
    let isMirrored = grid.isSigned && !grid.powerOfTwo && grid.lowest != -grid.highest
    let magnitudes = ratios.map { full * $0 } + (grid.step.map { [$0] } ?? [])
    for sign in isMirrored ? [1.0, -1.0] : [1.0] {
      for magnitude in magnitudes {
        let scale = legal(sign * magnitude, grid)
        if !result.contains(scale) { result.append(scale) }
      }
    }
    return result
  }

  private func legal(_ scale: Double, _ grid: Grid) -> Double {
    var magnitude = max(scale.magnitude, grid.floor, 0x1p-100)
    if grid.powerOfTwo {
      let exponent = Int(magnitude.exponent) + (magnitude.significand > 1 ? 1 : 0)
      magnitude = Double(sign: .plus, exponent: exponent, significand: 1)
    }
    return scale < 0 ? -magnitude : magnitude
  }

  /// Decides the integers from the last row to the first for all starts at once.
  ///
  /// - Parameters:
  ///   - starts: for each start a scale for each group of rows.
  ///   - group: of each row.
  func decide(_ target: [Double], _ starts: [[Double]], group: [Int], _ grid: Grid)
    -> [(integers: [Double], loss: Double)]
  {
    guard let groups = starts.first?.count else { return [] }
    let n = depth
    let count = starts.count
    let scales = (0..<groups).flatMap { g in starts.map { $0[g] } }
    var carried = [Double](repeating: 0, count: n * count)
    var integers = [Double](repeating: 0, count: n * count)
    var losses = [Double](repeating: 0, count: count)
    var errors = [Double](repeating: 0, count: count)
    let low = Double(grid.lowest)
    let high = Double(grid.highest)
    factor.withUnsafeBufferPointer { factor in
      carried.withUnsafeMutableBufferPointer { carried in
        integers.withUnsafeMutableBufferPointer { integers in
          errors.withUnsafeMutableBufferPointer { errors in
            guard let factor = factor.baseAddress, let carried = carried.baseAddress,
              let integers = integers.baseAddress, let errors = errors.baseAddress
            else { return }
            for j in stride(from: n - 1, through: 0, by: -1) {
              let pivot = factor[j * n + j]
              let inverse = 1 / pivot
              let first = group[j] * count
              for b in 0..<count {
                let scale = scales[first + b]
                let wanted = target[j] + carried[j * count + b] * inverse
                let q = LatticeRounding.nearest(wanted / scale, low, high, grid.isBinary)
                integers[j * count + b] = q
                errors[b] = target[j] - scale * q
                let miss = pivot * (wanted - scale * q)
                losses[b] += miss * miss
              }
              let row = factor + j * n
              for i in 0..<j {
                let l = row[i]
                let sums = carried + i * count
                for b in 0..<count { sums[b] += l * errors[b] }
              }
            }
          }
        }
      }
    }
    return (0..<count).map { b in
      (integers: (0..<n).map { integers[$0 * count + b] }, loss: losses[b])
    }
  }

  /// `H · x`.
  func multiply(_ x: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: depth)
    for (j, value) in x.enumerated() where value != 0 { add(value, row: j, to: &result) }
    return result
  }

  /// `result += factor · H[row]`.
  private func add(_ factor: Double, row: Int, to result: inout [Double]) {
    matrix.withUnsafeBufferPointer { matrix in
      result.withUnsafeMutableBufferPointer { result in
        guard let from = matrix.baseAddress?.advanced(by: row * depth),
          let to = result.baseAddress
        else { return }
        for i in 0..<depth { to[i] += factor * from[i] }
      }
    }
  }

  /// Alternates closed-form scales and coordinate descent until neither changes anything.
  ///
  /// - Parameters:
  ///   - product: `H · v`.
  ///   - constant: `vᵀ H v`.
  private func descend(
    _ start: Start, _ product: [Double], _ constant: Double, _ grid: Grid
  ) -> Start {
    var q = start.integers
    var scale = start.scale
    var image = multiply(q)
    let low = Double(grid.lowest)
    let high = Double(grid.highest)
    for _ in 0..<Self.rounds {
      let along = zip(q, product).reduce(0) { $0 + $1.0 * $1.1 }
      let energy = zip(q, image).reduce(0) { $0 + $1.0 * $1.1 }
      if energy > 0, along != 0, !grid.powerOfTwo {
        let refit = legal(along / energy, grid)
        if grid.isSigned || refit > 0 { scale = refit }
      }
      var changed = false
      for i in 0..<depth {
        let curvature = matrix[i * depth + i]
        let wanted = q[i] + (product[i] / scale - image[i]) / curvature
        let best = LatticeRounding.nearest(wanted, low, high, grid.isBinary)
        if best != q[i] {
          // A tie must not go back and forth.
          let gain =
            (wanted - q[i]) * (wanted - q[i]) - (wanted - best) * (wanted - best)
          guard gain > 1e-9 else { continue }
          add(best - q[i], row: i, to: &image)
          q[i] = best
          changed = true
        }
      }
      if !changed { break }
    }
    let along = zip(q, product).reduce(0) { $0 + $1.0 * $1.1 }
    let energy = zip(q, image).reduce(0) { $0 + $1.0 * $1.1 }
    let loss = scale * scale * energy - 2 * scale * along + constant
    return Start(scale: scale, integers: q, loss: loss)
  }

  @inline(__always)
  private static func nearest(_ x: Double, _ low: Double, _ high: Double, _ isBinary: Bool)
    -> Double
  {
    if isBinary { return x < 0 ? -1 : 1 }
    return min(max(x.rounded(.toNearestOrEven), low), high)
  }
}
