import UQKernels
import UQNumerics

/// Finds integers and a scale for each group of input channels: `min (S·q − v)ᵀ H (S·q − v)` with `S`
/// diagonal, equal within a group.
///
/// From the best solution with one scale, and from integers decided for scales in proportion to what the
/// groups want by themselves, alternate coordinate descent over the integers and the closed form of all scales,
/// `A·s = b` with `A[g, h] = q_gᵀ H q_h` and `b[g] = q_gᵀ H v`. Then the scales are rounded to what the device
/// has and the integers and the common step descend once more.
extension LatticeRounding {
  /// What was found for a channel's groups.
  struct GroupSolution: Sendable {
    /// Integers in the layer's order.
    var integers: [Int8]
    /// Scale of each group, of either sign: a step times a factor of 8 bits.
    var scales: [Double]
    /// `(S·q − v)ᵀ H (S·q − v)`.
    var loss: Double
  }

  /// Starts besides that of one scale that go on to coordinate descent.
  private static let groupSurvivors = 4

  /// Rounds the target weights `v` with a scale for each group, or one where there are no groups.
  func round(_ v: [Double], in groups: ChannelGroups?, grid: Grid) -> GroupSolution {
    if let groups { return round(v, groups: groups, grid: grid) }
    let found = round(v, grid: grid)
    return GroupSolution(integers: found.integers, scales: [found.scale], loss: found.loss)
  }

  /// Rounds the target weights `v`, in the layer's order.
  ///
  /// - Returns: a solution that loses no more than the one with a single scale.
  /// - Complexity: O(starts · depth² + rounds · groups · depth).
  func round(_ v: [Double], groups: ChannelGroups, grid: Grid) -> GroupSolution {
    let single = round(v, grid: grid)
    var best = GroupSolution(
      integers: single.integers, scales: [Double](repeating: single.scale, count: groups.count),
      loss: single.loss)
    guard groups.count > 1, v.contains(where: { $0 != 0 }), v.allSatisfy(\.isFinite) else {
      return best
    }
    let target = order.map { v[$0] }
    let problem = GroupProblem(
      lattice: self, group: order.map { groups.indices[$0] }, count: groups.count, target: target,
      grid: grid)
    var starts = [
      (integers: order.map { Double(single.integers[$0]) }, scales: best.scales, loss: single.loss)
    ]
    starts += problem.starts(like: single.scale).prefix(Self.groupSurvivors)
    for start in starts {
      for found in problem.descend(start.integers, start.scales) where found.loss < best.loss {
        var integers = [Int8](repeating: 0, count: depth)
        for (i, k) in order.enumerated() { integers[k] = Int8(found.integers[i]) }
        best = GroupSolution(integers: integers, scales: found.scales, loss: found.loss)
      }
    }
    return best
  }
}

/// A channel's weights in the order of decision.
private struct GroupProblem {
  let lattice: LatticeRounding
  let group: [Int]
  let count: Int
  let target: [Double]
  let grid: LatticeRounding.Grid
  /// `H · v`.
  let product: [Double]
  /// `vᵀ H v`.
  let constant: Double

  typealias Found = (integers: [Double], scales: [Double], loss: Double)

  init(
    lattice: LatticeRounding, group: [Int], count: Int, target: [Double],
    grid: LatticeRounding.Grid
  ) {
    self.lattice = lattice
    self.group = group
    self.count = count
    self.target = target
    self.grid = grid
    product = lattice.multiply(target)
    constant = zip(product, target).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Integers decided one after the other for scales in proportion to the groups' own, the best first.
  func starts(like single: Double) -> [Found] {
    var members = [[Double]](repeating: [], count: count)
    for (index, value) in zip(group, target) { members[index].append(value) }
    let bits = (grid.highest + 1).trailingZeroBitCount + 1
    let quantizer = WeightQuantizer(bits: bits)
    let template = Quantization(bits: bits, scales: [1])
    // A group of zeros alone has no scale of its own.
    let own = members.map { values in
      values.contains { $0 != 0 } ? quantizer.bestScale(values, template, floor: 0) : single
    }
    let extremes = members.map { values -> Double in
      let extreme = values.max { $0.magnitude < $1.magnitude } ?? 0
      return extreme == 0 ? single : -extreme / Double(grid.highest)
    }
    let candidates =
      stride(from: 0.7, through: 1.31, by: 0.1).map { ratio in own.map { ratio * $0 } }
      + stride(from: 0.3, through: 1.11, by: 0.1).map { ratio in extremes.map { ratio * $0 } }
    let usable = candidates.filter { $0.allSatisfy { $0.isFinite && $0.magnitude >= 0x1p-100 } }
    guard !usable.isEmpty else { return [] }
    let found = lattice.decide(target, usable, group: group, grid)
    return zip(found, usable).map { ($0.integers, $1, $0.loss) }.sorted { $0.loss < $1.loss }
  }

  /// What a start leads to, with scales that the device has.
  func descend(_ integers: [Double], _ scales: [Double]) -> [Found] {
    var state = GroupDescent(self, integers, scales)
    for _ in 0..<LatticeRounding.rounds {
      let isRefitted = state.refitScales()
      if !state.sweep(), !isRefitted { break }
    }
    return DeviceScales.roundings(state.scales, powerOfTwo: grid.powerOfTwo, floor: grid.floor)
      .map { scales in
        var rounded = state
        rounded.setScales(scales)
        for _ in 0..<LatticeRounding.rounds {
          if !rounded.sweep() { break }
          if !grid.powerOfTwo { rounded.refitStep() }
        }
        return (rounded.integers, rounded.scales, rounded.loss)
      }
  }
}

/// Integers and scales of a channel, with `H` times each group's integers.
private struct GroupDescent {
  private(set) var integers: [Double]
  private(set) var scales: [Double]
  private let problem: GroupProblem
  /// `H · q_g` for each group, `[groups, depth]`.
  private var images: [Double]
  /// `H · S · q`.
  private var image: [Double]

  init(_ problem: GroupProblem, _ integers: [Double], _ scales: [Double]) {
    self.problem = problem
    self.integers = integers
    self.scales = scales
    let depth = problem.lattice.depth
    images = [Double](repeating: 0, count: problem.count * depth)
    image = [Double](repeating: 0, count: depth)
    let group = problem.group
    problem.lattice.matrix.withUnsafeBufferPointer { matrix in
      images.withUnsafeMutableBufferPointer { images in
        guard let matrix = matrix.baseAddress, let images = images.baseAddress else { return }
        for (j, q) in integers.enumerated() where q != 0 {
          let (row, to) = (matrix + j * depth, images + group[j] * depth)
          for i in 0..<depth { to[i] += q * row[i] }
        }
      }
    }
    setScales(scales)
  }

  /// Replaces the scales, the integers staying.
  mutating func setScales(_ scales: [Double]) {
    self.scales = scales
    let depth = problem.lattice.depth
    images.withUnsafeBufferPointer { images in
      image.withUnsafeMutableBufferPointer { image in
        guard let images = images.baseAddress, let image = image.baseAddress else { return }
        for i in 0..<depth { image[i] = 0 }
        for (g, scale) in scales.enumerated() {
          let from = images + g * depth
          for i in 0..<depth { image[i] += scale * from[i] }
        }
      }
    }
  }

  /// `(S·q − v)ᵀ H (S·q − v)`.
  var loss: Double {
    var sum = problem.constant
    for (i, q) in integers.enumerated() where q != 0 {
      sum += scales[problem.group[i]] * q * (image[i] - 2 * problem.product[i])
    }
    return sum
  }

  /// Lets each integer go to the best one, the others fixed.
  ///
  /// - Returns: whether any changed.
  mutating func sweep() -> Bool {
    let (problem, depth, scales) = (problem, problem.lattice.depth, scales)
    let (low, high) = (Double(problem.grid.lowest), Double(problem.grid.highest))
    var hasChanged = false
    problem.lattice.matrix.withUnsafeBufferPointer { matrix in
      problem.product.withUnsafeBufferPointer { product in
        problem.group.withUnsafeBufferPointer { group in
          scales.withUnsafeBufferPointer { scales in
            integers.withUnsafeMutableBufferPointer { q in
              image.withUnsafeMutableBufferPointer { image in
                images.withUnsafeMutableBufferPointer { images in
                  guard let matrix = matrix.baseAddress, let image = image.baseAddress,
                    let images = images.baseAddress
                  else { return }
                  for i in 0..<depth {
                    let scale = scales[group[i]]
                    let row = matrix + i * depth
                    let wanted = q[i] + (product[i] - image[i]) / (scale * row[i])
                    let best = min(max(wanted.rounded(.toNearestOrEven), low), high)
                    let gain =
                      (wanted - q[i]) * (wanted - q[i]) - (wanted - best) * (wanted - best)
                    // A tie must not go back and forth.
                    guard best != q[i], gain > 1e-9 else { continue }
                    let step = best - q[i]
                    let own = images + group[i] * depth
                    for k in 0..<depth {
                      own[k] += step * row[k]
                      image[k] += scale * step * row[k]
                    }
                    q[i] = best
                    hasChanged = true
                  }
                }
              }
            }
          }
        }
      }
    }
    return hasChanged
  }

  /// The scales of least loss for the integers; groups of zeros alone keep theirs.
  ///
  /// - Returns: whether the loss fell by more than rounding errors.
  mutating func refitScales() -> Bool {
    let (problem, depth, count) = (problem, problem.lattice.depth, problem.count)
    var gram = [Double](repeating: 0, count: count * count)
    var along = [Double](repeating: 0, count: count)
    images.withUnsafeBufferPointer { images in
      problem.group.withUnsafeBufferPointer { group in
        integers.withUnsafeBufferPointer { q in
          gram.withUnsafeMutableBufferPointer { gram in
            guard let images = images.baseAddress, let gram = gram.baseAddress else { return }
            for g in 0..<count {
              let (from, to) = (images + g * depth, gram + g * count)
              for i in 0..<depth { to[group[i]] += q[i] * from[i] }
            }
          }
        }
      }
    }
    for (i, q) in integers.enumerated() { along[problem.group[i]] += q * problem.product[i] }
    let active = (0..<count).filter { gram[$0 * count + $0] > 0 }
    let system = SymmetricMatrix(
      size: active.count,
      elements: active.flatMap { g in active.map { h in gram[g * count + h] } })
    guard !active.isEmpty, let factor = system.choleskyFactor() else { return false }
    var solution = active.map { along[$0] }
    SymmetricMatrix.solve(factor, size: active.count, &solution, columns: 1)
    guard solution.allSatisfy({ $0.isFinite && $0 != 0 }) else { return false }
    var changed = scales
    for (g, scale) in zip(active, solution) { changed[g] = scale }
    let (before, old) = (loss, scales)
    setScales(changed)
    if loss < before - 1e-9 * problem.constant { return true }
    if loss > before { setScales(old) }
    return false
  }

  /// The common factor of all scales of least loss, where it keeps the largest above its floor.
  mutating func refitStep() {
    var (energy, along) = (0.0, 0.0)
    for (i, q) in integers.enumerated() where q != 0 {
      let weight = scales[problem.group[i]] * q
      energy += weight * image[i]
      along += weight * problem.product[i]
    }
    let factor = along / energy
    let largest = scales.reduce(0) { max($0, $1.magnitude) }
    guard energy > 0, along > 0, factor.isFinite, factor * largest >= problem.grid.floor else {
      return
    }
    setScales(scales.map { $0 * factor })
  }
}
