/// The allocations that no other one beats in both weight bytes and loss.
public struct Frontier: Sendable {
  /// By ascending weight bytes and falling loss.
  public var points: [Allocation]
  /// By how much of its loss a point may be above the best of its size; 0 where all are proved best.
  public var gap: Double
}

extension Allocator {
  /// The whole frontier of weight bytes against loss, without budgets.
  ///
  /// A dynamic programme over the layers that keeps what is undominated. Above ``mostFrontierPoints`` at a
  /// time it drops what is within a small factor in loss of a smaller one; that adds up to the gap.
  ///
  /// - Complexity: O(layers · options · points).
  public func frontier() -> Frontier {
    var levels: [[FrontierState]] = [[FrontierState(bytes: 0, loss: 0, parent: 0, pick: 0)]]
    var gap = 1.0
    for choices in options {
      var next: [FrontierState] = []
      for (parent, state) in (levels.last ?? []).enumerated() {
        for (index, option) in choices.enumerated() {
          next.append(
            FrontierState(
              bytes: state.bytes + option.weightBytes, loss: state.loss + option.loss,
              parent: parent, pick: index))
        }
      }
      var kept = Self.undominated(next, factor: 1)
      var factor = 1 + 0.001 / Double(options.count)
      while kept.count > Self.mostFrontierPoints {
        kept = Self.undominated(kept, factor: factor)
        gap *= factor
        factor = 1 + 2 * (factor - 1)
      }
      levels.append(kept)
    }
    let points = (levels.last ?? []).indices.map { index in
      var picks = [Int](repeating: 0, count: options.count)
      var at = index
      for layer in options.indices.reversed() {
        let state = levels[layer + 1][at]
        picks[layer] = state.pick
        at = state.parent
      }
      let made = allocation(picks, lowerBound: 0, nodes: 0)
      return Allocation(
        options: made.options, loss: made.loss, lowerBound: made.loss / gap,
        weightBytes: made.weightBytes, flashBytes: made.flashBytes,
        instructions: made.instructions, nodes: 0)
    }
    return Frontier(points: points, gap: gap - 1)
  }

  /// Most partial allocations that ``frontier()`` follows.
  public static var mostFrontierPoints: Int { 20_000 }

  private struct FrontierState {
    var bytes: Int
    var loss: Double
    var parent: Int
    var pick: Int
  }

  /// Those whose loss, times `factor`, is below that of every smaller one; the largest stays.
  private static func undominated(_ states: [FrontierState], factor: Double) -> [FrontierState] {
    let sorted = states.sorted { ($0.bytes, $0.loss) < ($1.bytes, $1.loss) }
    var kept: [FrontierState] = []
    for state in sorted {
      guard let last = kept.last else {
        kept.append(state)
        continue
      }
      if state.loss * factor < last.loss { kept.append(state) }
    }
    return kept
  }
}
