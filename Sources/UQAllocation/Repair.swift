import UQSupport

/// An allocation that was tried out and bettered.
public struct RepairedAllocation: Sendable {
  /// What is left.
  public var allocation: Allocation
  /// Measured loss of the allocation that the repair started from.
  public var before: Double
  /// Measured loss of ``allocation``.
  public var after: Double
  /// Pairs of layers that exchanged bits.
  public var exchanges: Int
}

extension Allocator {
  /// Least share by which an exchange has to lower the loss, on either half of the samples.
  private static let leastGain = 0.02

  /// Exchanges bits between two layers, one up and one down, while that lowers the measured loss.
  ///
  /// Losses of layers do not quite add up: an allocation of the least sum is a start. Exchanges are tried in
  /// the order of what they change in the sum, and kept where the loss falls on both halves of the samples,
  /// which chance seldom does.
  ///
  /// - Parameters:
  ///   - start: an allocation within the budget.
  ///   - trials: measurements at most.
  ///   - measure: the losses of options, one for each layer, over the two halves of the samples.
  /// - Complexity: O(layers²) for each exchange that is kept, and the measurements.
  public func repair(
    _ start: Allocation, within budget: Budget, trials: Int,
    measure: ([LayerOption]) throws -> SIMD2<Double>
  ) throws -> RepairedAllocation {
    var picks = zip(options, start.options).map { $0.firstIndex(of: $1) ?? 0 }
    var loss = try measure(start.options)
    let before = (loss[0] + loss[1]) / 2
    var left = trials
    var seen: Set<[Int]> = [picks]
    var exchanges = 0
    search: while left > 0, exchanges < options.count {
      for candidate in neighbours(of: picks, within: budget) where !seen.contains(candidate) {
        guard left > 0 else { break search }
        left -= 1
        seen.insert(candidate)
        let found = try measure(zip(options, candidate).map { $0[$1] })
        guard all(found .< loss * (1 - Self.leastGain)) else { continue }
        (picks, loss) = (candidate, found)
        exchanges += 1
        continue search
      }
      break
    }
    return RepairedAllocation(
      allocation: allocation(picks, lowerBound: start.lowerBound, nodes: start.nodes),
      before: before, after: (loss[0] + loss[1]) / 2, exchanges: exchanges)
  }

  /// Picks within the budget that differ by one step up and at most one step down, by ascending sum of losses.
  private func neighbours(of picks: [Int], within budget: Budget) -> [[Int]] {
    var found: [(picks: [Int], loss: Double)] = []
    let fits = { (result: Allocation) in
      result.weightBytes <= budget.weightBytes ?? .max
        && result.flashBytes <= budget.flash ?? .max
        && result.instructions <= budget.instructions ?? .max
    }
    for up in picks.indices where picks[up] + 1 < options[up].count {
      for down in picks.indices where down == up || picks[down] > 0 {
        var candidate = picks
        candidate[up] += 1
        if down != up { candidate[down] -= 1 }
        let result = allocation(candidate, lowerBound: 0, nodes: 0)
        if fits(result) { found.append((candidate, result.loss)) }
      }
    }
    return found.sorted { $0.loss < $1.loss }.map(\.picks)
  }
}
