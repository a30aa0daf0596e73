/// Rounds the channels of a layer so that their errors make up for each other at the network's outputs.
///
/// With the errors `E = V − s·Q` of all channels, the curvature `F` of the outputs by channels and the
/// covariance `H` of the inputs it lowers `tr(F E H Eᵀ)`. Channels are decided one after the other, those that
/// matter most first; with `F = L·Lᵀ` the target of a channel `o` is shifted by `Σ (L_io / L_oo) E_i` over the
/// decided ones, as GPTQ does along the inputs (rounding with factors on both sides: Tseng et al., *Model-
/// Preserving Adaptive Rounding*, 2025). Then each goes through descent again with the errors of all others in
/// view, `Σ (F_io / F_oo) E_i`, until nothing changes.
struct CoupledRounding: Sendable {
  private let lattice: LatticeRounding
  /// `F`, damped, in the order of decision from last to first, and its factor.
  private let curvature: SymmetricMatrix
  private let factor: [Double]
  private let order: [Int]

  /// Rounds over all channels at most.
  private static let sweeps = 4
  /// Share of the mean that is added to the diagonal: of .1, .3 and 1 all did about as well.
  private static let damping = 0.3

  /// Damps and factors the curvature `[channels, channels]`; `nil` for a single channel and where there is none.
  ///
  /// - Complexity: O(channels³).
  init?(_ lattice: LatticeRounding, curvature: [Double]) {
    let n = Int(Double(curvature.count).squareRoot().rounded())
    var trace = 0.0
    for i in 0..<n { trace += curvature[i * n + i] }
    guard n > 1, trace > 0, trace.isFinite else { return nil }
    let unit = Double(n) / trace
    let order = (0..<n).sorted {
      let (a, b) = (curvature[$0 * n + $0], curvature[$1 * n + $1])
      return a == b ? $0 > $1 : a < b
    }
    var matrix = SymmetricMatrix(size: n, elements: [Double](repeating: 0, count: n * n))
    for i in 0..<n {
      for j in 0..<n {
        matrix.elements[i * n + j] = curvature[order[i] * n + order[j]] * unit
      }
      matrix.elements[i * n + i] += Self.damping
    }
    guard let factor = matrix.choleskyFactor() else { return nil }
    self.lattice = lattice
    self.curvature = matrix
    self.factor = factor
    self.order = order
  }

  /// Integers and scales for the targets `[depth, channels]`, with a grid for each channel.
  ///
  /// Channels with a scale for each of several groups are decided once: their scales are a system of their own.
  ///
  /// - Complexity: O(channels · starts · depth² + channels² · depth).
  func round(
    _ targets: [Double], grids: [LatticeRounding.Grid], groups: ChannelGroups? = nil
  ) -> [LatticeRounding.GroupSolution] {
    let (n, depth) = (order.count, lattice.depth)
    // Targets and errors by channel in the order of decision.
    let wanted = order.map { channel in (0..<depth).map { targets[$0 * n + channel] } }
    var errors = [[Double]](repeating: [Double](repeating: 0, count: depth), count: n)
    var found = [LatticeRounding.GroupSolution](
      repeating: LatticeRounding.GroupSolution(integers: [], scales: [1], loss: 0), count: n)
    for j in stride(from: n - 1, through: 0, by: -1) {
      var target = wanted[j]
      for i in j + 1..<max(n, j + 1) {
        Self.add(factor[i * n + j] / factor[j * n + j], errors[i], to: &target)
      }
      found[j] = lattice.round(target, in: groups, grid: grids[order[j]])
      errors[j] = Self.error(wanted[j], found[j], groups)
    }
    for _ in 0..<(groups == nil ? Self.sweeps : 0) {
      var changed = false
      for j in stride(from: n - 1, through: 0, by: -1) {
        var target = wanted[j]
        for i in 0..<n where i != j {
          Self.add(
            curvature.elements[j * n + i] / curvature.elements[j * n + j], errors[i], to: &target)
        }
        let old = LatticeRounding.Solution(
          integers: found[j].integers, scale: found[j].scales[0], loss: found[j].loss)
        guard let refined = lattice.refine(old, target, grid: grids[order[j]]) else { continue }
        found[j] = LatticeRounding.GroupSolution(
          integers: refined.integers, scales: [refined.scale], loss: refined.loss)
        errors[j] = Self.error(wanted[j], found[j], groups)
        changed = true
      }
      if !changed { break }
    }
    var result = found
    for (j, channel) in order.enumerated() { result[channel] = found[j] }
    return result
  }

  private static func error(
    _ target: [Double], _ solution: LatticeRounding.GroupSolution, _ groups: ChannelGroups?
  ) -> [Double] {
    guard let groups else {
      let scale = solution.scales[0]
      return zip(target, solution.integers).map { $0 - scale * Double($1) }
    }
    return zip(zip(target, solution.integers), groups.indices).map {
      $0.0 - solution.scales[$1] * Double($0.1)
    }
  }

  private static func add(_ factor: Double, _ x: [Double], to y: inout [Double]) {
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in for i in y.indices { y[i] += factor * x[i] } }
    }
  }
}
