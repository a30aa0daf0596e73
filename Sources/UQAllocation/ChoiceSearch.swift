/// Finds the best choices where the code is decided on: a multiple-choice knapsack with up to three limits.
///
/// Layer by layer over partial allocations; one is dropped where another is no worse in loss and use
/// (dominance), or where the Lagrangian bound of its completion is no better than the best allocation
/// known (Pisinger, *A minimal algorithm for the multiple-choice knapsack problem*, 1995). More than
/// a width at a time are not followed: those of the highest bounds are dropped too, and the lowest
/// bound among them is part of the result.
struct ChoiceSearch {
  /// The best choices found below the limit that was given, and their loss.
  private(set) var best: (loss: Double, picks: [Int])?
  /// No choices have a smaller loss than this or than ``best``.
  private(set) var lowerBound: Double
  /// Partial allocations looked at.
  private(set) var nodes = 0

  /// Most partial allocations that are followed at a time, by the number of limits.
  private static let width = (one: 8192, several: 1024)
  /// Kept ones that a new one is compared with where several resources are limited.
  private static let window = 16
  /// With several limits, what could be better by no more than this share is not followed.
  private static let tolerance = 0.0005

  private struct Partial {
    var loss: Double
    var use: Resources
    var bound: Double
    var parent: Int
    var pick: Int
  }

  /// - Parameters:
  ///   - root: the bound of the same layers and capacity.
  ///   - limit: loss of the best allocation known elsewhere.
  init(_ layers: [[Choice]], capacity: Resources, root: LagrangianBound, below limit: Double) {
    lowerBound = root.value
    guard root.value < limit else { return }
    var limit = limit
    if let found = root.incumbent, found.loss < limit {
      best = found
      limit = found.loss
    }
    let limits = (0..<3).filter { capacity[$0] != AllocationProblem.unlimited }
    let width = limits.count > 1 ? Self.width.several : Self.width.one
    let enough = limits.count > 1 ? limit * (1 - Self.tolerance) : limit
    lowerBound = enough
    guard root.value < enough else {
      lowerBound = root.value
      return
    }
    let priced = layers.map { choices in
      choices.map { $0.loss + (root.prices * SIMD4<Double>($0.use)).sum() }
    }
    let least = priced.map { $0.min() ?? 0 }
    let open = zip(layers.indices, priced).map { layer, costs in
      layers[layer].indices.filter { root.value + costs[$0] - least[layer] < enough }
    }
    // A choice left out costs at least the limit, which is what the best one has.
    let order = layers.indices.sorted { a, b in
      let spreadA = open[a].map { priced[a][$0] }.max() ?? 0
      let spreadB = open[b].map { priced[b][$0] }.max() ?? 0
      return (spreadB - least[b], a) < (spreadA - least[a], b)
    }
    var tails = [(cost: Double, use: Resources)](
      repeating: (0, Resources(repeating: 0)), count: order.count + 1)
    for position in order.indices.reversed() {
      let layer = order[position]
      let uses = open[layer].map { layers[layer][$0].use }
      let smallest = uses.dropFirst().reduce(uses.first ?? Resources(repeating: 0)) {
        pointwiseMin($0, $1)
      }
      tails[position] = (
        tails[position + 1].cost + least[layer], tails[position + 1].use &+ smallest
      )
    }
    var charge = 0.0
    for lane in 0..<3 where root.prices[lane] > 0 {
      charge += root.prices[lane] * Double(capacity[lane])
    }
    var levels = [
      [
        Partial(
          loss: 0, use: Resources(repeating: 0), bound: root.value, parent: 0, pick: 0)
      ]
    ]
    for (position, layer) in order.enumerated() {
      let tail = tails[position + 1]
      var next: [Partial] = []
      for (parent, state) in levels[position].enumerated() {
        for index in open[layer] {
          let choice = layers[layer][index]
          let use = state.use &+ choice.use
          guard all(use &+ tail.use .<= capacity) else { continue }
          let loss = state.loss + choice.loss
          let bound =
            loss + (root.prices * SIMD4<Double>(use)).sum() + tail.cost - charge
          guard bound < enough else { continue }
          next.append(Partial(loss: loss, use: use, bound: bound, parent: parent, pick: index))
        }
      }
      nodes += next.count
      next = Self.undominated(next, capacity)
      if next.count > width {
        next.sort { ($0.bound, $0.loss) < ($1.bound, $1.loss) }
        lowerBound = min(lowerBound, next[width].bound)
        next.removeLast(next.count - width)
      }
      levels.append(next)
    }
    if let last = levels[order.count].enumerated().min(by: { $0.element.loss < $1.element.loss }),
      last.element.loss < limit
    {
      var picks = [Int](repeating: 0, count: layers.count)
      var at = last.offset
      for position in order.indices.reversed() {
        let state = levels[position + 1][at]
        picks[order[position]] = state.pick
        at = state.parent
      }
      best = (last.element.loss, picks)
    }
    lowerBound = min(lowerBound, best?.loss ?? .infinity)
  }

  private static func undominated(_ states: [Partial], _ capacity: Resources) -> [Partial] {
    let limited = (0..<3).filter { capacity[$0] != AllocationProblem.unlimited }
    let first = limited.first ?? 0
    let sorted = states.sorted {
      ($0.use[first], $0.loss, $0.use[1], $0.use[2]) < (
        $1.use[first], $1.loss, $1.use[1], $1.use[2]
      )
    }
    var kept: [Partial] = []
    for state in sorted {
      let rivals = limited.count > 1 ? kept.suffix(window) : kept.suffix(1)
      if rivals.contains(where: { $0.loss <= state.loss && all($0.use .<= state.use) }) { continue }
      kept.append(state)
    }
    return kept
  }
}
