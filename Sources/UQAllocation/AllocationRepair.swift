/// An allocation after the exchanges that measurements asked for.
public struct RepairedAllocation: Hashable, Sendable {
  /// The allocation.
  public var allocation: Allocation
  /// Losses of the samples with all its options together.
  public var losses: [Double]
  /// Exchanges that were made.
  public var exchanges: Int

  /// An allocation as it was found.
  public init(allocation: Allocation, losses: [Double], exchanges: Int = 0) {
    self.allocation = allocation
    self.losses = losses
    self.exchanges = exchanges
  }
}

extension Allocator {
  /// Exchanges in one round that are measured, those of least loss by the sum first.
  private static let repairTrials = 12
  /// Rounds; each makes one exchange.
  private static let repairRounds = 4
  /// Standard errors that an exchange has to lower the mean loss by.
  ///
  /// A dozen exchanges that change nothing pass by chance once in 60 rounds.
  private static let repairErrors = 3.0

  /// Gives one layer its next larger option, and where the budget asks for it another one its next smaller, as
  /// long as the measured losses of the samples fall by more than chance.
  ///
  /// The sum that ``solve(_:)`` minimises takes the losses of layers as independent; where they are not, the
  /// allocation is not the best, and an exchange that costs little by the sum may gain much. The pairs of losses
  /// of a sample before and after say whether it does: the mean of their differences has to exceed three standard
  /// errors.
  ///
  /// - Parameter measure: the loss of every sample, always in the same order, with an option for each layer.
  /// - Complexity: at most 49 measurements.
  public func repair(
    _ found: Allocation, within budget: Budget, measure: ([LayerOption]) throws -> [Double]
  ) rethrows -> RepairedAllocation {
    var picks = zip(options, found.options).map { options, chosen in
      options.firstIndex(of: chosen) ?? 0
    }
    var best = RepairedAllocation(
      allocation: found, losses: try measure(found.options))
    for _ in 0..<Self.repairRounds {
      let trials = exchanges(of: picks, within: budget).prefix(Self.repairTrials)
      var gain = 0.0
      var round: (picks: [Int], losses: [Double])?
      for trial in trials {
        let losses = try measure(zip(options, trial).map { $0[$1] })
        let difference = Self.difference(best.losses, losses)
        guard difference.mean > max(gain, Self.repairErrors * difference.error) else { continue }
        gain = difference.mean
        round = (trial, losses)
      }
      guard let round else { break }
      picks = round.picks
      best.allocation = allocation(picks, lowerBound: found.lowerBound, nodes: found.nodes)
      best.losses = round.losses
      best.exchanges += 1
    }
    return best
  }

  /// Allocations within the budget in which one layer has its next larger option, and at most one other its next
  /// smaller; those of least loss first.
  private func exchanges(of picks: [Int], within budget: Budget) -> [[Int]] {
    var found: [(loss: Double, picks: [Int])] = []
    for up in picks.indices where picks[up] + 1 < options[up].count {
      var raised = picks
      raised[up] += 1
      var trials = [raised]
      for down in picks.indices where down != up && picks[down] > 0 {
        trials.append(raised)
        trials[trials.count - 1][down] -= 1
      }
      for trial in trials {
        let made = allocation(trial, lowerBound: 0, nodes: 0)
        if made.keeps(budget) { found.append((made.loss, trial)) }
      }
    }
    return found.sorted {
      $0.loss != $1.loss ? $0.loss < $1.loss : $0.picks.lexicographicallyPrecedes($1.picks)
    }.map(\.picks)
  }

  /// Mean of `before − after` over the samples, and its standard error; infinite where it is not known.
  private static func difference(_ before: [Double], _ after: [Double])
    -> (mean: Double, error: Double)
  {
    let differences = zip(before, after).map { $0 - $1 }
    let count = Double(differences.count)
    guard differences.count > 1, before.count == after.count else { return (0, .infinity) }
    let mean = differences.reduce(0, +) / count
    let variance = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
    guard mean.isFinite, variance.isFinite else { return (0, .infinity) }
    return (mean, (variance / count).squareRoot())
  }
}

extension Allocation {
  /// Whether it takes no more than a budget allows.
  func keeps(_ budget: Budget) -> Bool {
    weightBytes <= budget.weightBytes ?? .max && flashBytes <= budget.flash ?? .max
      && instructions <= budget.instructions ?? .max
  }
}
