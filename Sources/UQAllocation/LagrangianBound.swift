/// A lower bound on the loss by pricing resources instead of limiting them, and a good allocation found
/// on the way.
///
/// For prices `λ ≥ 0` the sum over layers of `min (loss + λ · use)` minus `λ · capacity` is below every
/// allocation that keeps the limits (Everett 1963; Fisher, *The Lagrangian relaxation method*, 1981). The
/// prices are raised one resource after the other to where its use meets the limit.
struct LagrangianBound {
  /// The bound; infinite where no allocation keeps the limits.
  private(set) var value = -Double.infinity
  /// The prices that give it.
  private(set) var prices = SIMD4<Double>(repeating: 0)
  /// Each layer's choice at these prices.
  private(set) var picks: [Int] = []
  /// The best allocation seen that keeps the limits: loss and choices.
  private(set) var incumbent: (loss: Double, picks: [Int])?

  private let layers: [[Choice]]
  private let capacity: Resources
  private static let rounds = 4
  private static let halvings = 40
  private static let steps = 150
  private static let hintedSteps = 30

  /// - Parameters:
  ///   - hint: prices to begin with.
  ///   - limit: a bound of at least this is not improved on, as nothing better is there.
  init(
    _ layers: [[Choice]], capacity: Resources, hint: SIMD4<Double>? = nil,
    limit: Double = .infinity
  ) {
    self.layers = layers
    self.capacity = capacity
    var least = Resources(repeating: 0)
    for choices in layers {
      guard let first = choices.first else {
        value = .infinity
        return
      }
      least &+= choices.reduce(first.use) { pointwiseMin($0, $1.use) }
    }
    guard all(least .<= capacity) else {
      value = .infinity
      return
    }
    let limited = (0..<3).filter { capacity[$0] != AllocationProblem.unlimited }
    if let hint {
      _ = evaluate(hint)
      if limited.count > 1 { climb(limited, limit, steps: Self.hintedSteps) }
      guard value < limit else { return }
    }
    var used = evaluate(SIMD4<Double>(repeating: 0))
    guard limited.contains(where: { used[$0] > capacity[$0] }) else {
      improve()
      return
    }
    var current = SIMD4<Double>(repeating: 0)
    for _ in 0..<(limited.count > 1 ? Self.rounds : 1) {
      let before = value
      for lane in limited { used = settle(lane, &current) }
      if value >= limit || value <= before { break }
    }
    guard value < limit else { return }
    raise(current, limited)
    improve()
    if limited.count > 1 { climb(limited, limit, steps: Self.steps) }
  }

  /// Finds the smallest price of a resource at which its limit is kept, the others' prices as they are.
  private mutating func settle(_ lane: Int, _ current: inout SIMD4<Double>) -> Resources {
    current[lane] = 0
    var used = evaluate(current)
    guard used[lane] > capacity[lane] else { return used }
    var high = startingPrice(lane)
    current[lane] = high
    used = evaluate(current)
    while used[lane] > capacity[lane], high < 1e30 {
      high *= 4
      current[lane] = high
      used = evaluate(current)
    }
    var low = 0.0
    for _ in 0..<Self.halvings {
      let middle = (low + high) / 2
      current[lane] = middle
      used = evaluate(current)
      if used[lane] > capacity[lane] { low = middle } else { high = middle }
    }
    current[lane] = high
    return evaluate(current)
  }

  /// Follows the subgradient, use beyond the limit, from the best prices (steps of Polyak 1969).
  ///
  /// With several limits, prices that no single change improves need not be the best.
  private mutating func climb(_ limited: [Int], _ limit: Double, steps: Int) {
    let goal = min(limit, incumbent?.loss ?? .infinity)
    guard goal < .infinity else { return }
    var current = prices
    var boldness = 1.0
    for step in 0..<steps {
      let before = value
      let used = evaluate(current)
      guard value < limit, boldness > 1e-4 else { return }
      var slope = SIMD4<Double>(repeating: 0)
      var norm = 0.0
      for lane in limited {
        let scale = Double(max(capacity[lane], 1))
        slope[lane] = Double(used[lane] - capacity[lane]) / scale
        if current[lane] > 0 || slope[lane] > 0 { norm += slope[lane] * slope[lane] }
      }
      guard norm > 0 else { return }
      if step % 8 == 7, value <= before { boldness /= 2 }
      let length = boldness * max(goal - value, 0) / norm
      for lane in limited {
        let scale = Double(max(capacity[lane], 1))
        current[lane] = max(0, current[lane] + length * slope[lane] / scale)
      }
    }
  }

  /// Raises all prices together until the limits are kept, for a first allocation.
  private mutating func raise(_ start: SIMD4<Double>, _ limited: [Int]) {
    var current = start
    for _ in 0..<60 where incumbent == nil {
      for lane in limited { current[lane] = max(current[lane] * 2, startingPrice(lane) * 1e-6) }
      _ = evaluate(current)
    }
  }

  /// Loss by unit of the resource, about.
  private func startingPrice(_ lane: Int) -> Double {
    var loss = 0.0
    var use = 1.0
    for choices in layers {
      loss += (choices.map(\.loss).max() ?? 0) - (choices.map(\.loss).min() ?? 0)
      let uses = choices.map { $0.use[lane] }
      use += Double((uses.max() ?? 0) - (uses.min() ?? 0))
    }
    return max(loss / use, 1e-30)
  }

  /// Computes the bound at prices, keeps it where it is better, and returns what is used.
  private mutating func evaluate(_ prices: SIMD4<Double>) -> Resources {
    var total = 0.0
    var loss = 0.0
    var used = Resources(repeating: 0)
    var chosen = [Int](repeating: 0, count: layers.count)
    for (layer, choices) in layers.enumerated() {
      var best = Double.infinity
      for (index, choice) in choices.enumerated() {
        let cost = choice.loss + (prices * SIMD4<Double>(choice.use)).sum()
        if cost < best { (best, chosen[layer]) = (cost, index) }
      }
      total += best
      loss += choices[chosen[layer]].loss
      used &+= choices[chosen[layer]].use
    }
    for lane in 0..<3 where prices[lane] > 0 { total -= prices[lane] * Double(capacity[lane]) }
    if total > value { (value, self.prices, picks) = (total, prices, chosen) }
    if all(used .<= capacity), loss < incumbent?.loss ?? .infinity { incumbent = (loss, chosen) }
    return used
  }

  /// Takes what room the best allocation leaves for the exchanges that lower the loss most by what they
  /// use.
  private mutating func improve() {
    guard var (loss, picks) = incumbent else { return }
    var used = zip(layers, picks).reduce(Resources(repeating: 0)) { $0 &+ $1.0[$1.1].use }
    while true {
      var best: (rate: Double, layer: Int, index: Int)?
      for (layer, choices) in layers.enumerated() {
        let now = choices[picks[layer]]
        for (index, choice) in choices.enumerated() where choice.loss < now.loss {
          let change = choice.use &- now.use
          guard all(used &+ change .<= capacity) else { continue }
          var share = 1e-12
          for lane in 0..<3 where change[lane] > 0 {
            share += Double(change[lane]) / Double(max(capacity[lane], 1))
          }
          let rate = (now.loss - choice.loss) / share
          if rate > best?.rate ?? 0 { best = (rate, layer, index) }
        }
      }
      guard let best else { break }
      let (now, then) = (
        layers[best.layer][picks[best.layer]], layers[best.layer][best.index]
      )
      loss += then.loss - now.loss
      used = used &+ then.use &- now.use
      picks[best.layer] = best.index
    }
    incumbent = (loss, picks)
  }
}

extension SIMD4<Double> {
  /// Converts each lane.
  init(_ resources: Resources) {
    self.init(
      Double(resources[0]), Double(resources[1]), Double(resources[2]), Double(resources[3]))
  }
}
