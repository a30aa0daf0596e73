import UQEngine
import UQKernels
import UQNumerics
import UQPlanner
import UQQuantizer
import UQSupport

/// Chooses activations to be stored in 4 bits until the planned arena fits a budget.
struct ActivationSearch {
  let widths: ActivationWidths
  let ram: Int
  /// Candidates that may be chosen, by position.
  let open: [Int]

  /// What was found.
  struct Result {
    var chosen: Set<Int>
    /// Loss of each candidate that was weighed.
    var losses: [Int: Double]
    /// Bytes of the arena before and after.
    var before: Int
    var after: Int
  }

  /// The candidates that make the arena fit, besides those of `given`.
  ///
  /// Greedy: of the activations alive where the arena is fullest, the one that loses least at the network's
  /// output for each byte it saves there, until the planned arena fits; then those without which it still
  /// fits are dropped again, the most harmful first.
  ///
  /// Where not even all together fit, the least arena found is the result, for the refusal to name.
  ///
  /// - Complexity: O(candidates²) plans at most.
  func fit(from given: Set<Int>) throws -> Result {
    let plan = try widths.arena(given)
    var result = Result(
      chosen: given, losses: [:], before: plan.byteCount, after: plan.byteCount)
    guard plan.byteCount > ram else { return result }
    let least = try least(given, plan.byteCount)
    guard least.bytes <= ram else {
      (result.chosen, result.after) = least
      return result
    }
    result.losses = try losses()
    while result.after > ram {
      guard let next = next(result) else {
        // Where no single step saves anything, many together do.
        (result.chosen, result.after) = least
        break
      }
      result.chosen.insert(next)
      result.after = try widths.arena(result.chosen).byteCount
    }
    try drop(&result, keeping: given)
    return result
  }

  /// The choice of the least arena: all, less those whose scratch memory costs more than they save.
  private func least(_ given: Set<Int>, _ bytes: Int) throws -> (chosen: Set<Int>, bytes: Int) {
    var best = (chosen: given, bytes: bytes)
    var current = given.union(open)
    var bytes = try widths.arena(current).byteCount
    if bytes < best.bytes { best = (current, bytes) }
    var isStable = false
    while best.bytes > ram, !isStable {
      isStable = true
      for position in open where current.contains(position) {
        let without = current.subtracting([position])
        let tried = try widths.arena(without).byteCount
        if tried < bytes { (current, bytes, isStable) = (without, tried, false) }
      }
      if bytes < best.bytes { best = (current, bytes) }
    }
    return best
  }

  /// The loss of each open candidate; none where the calibration keeps no samples.
  private func losses() throws -> [Int: Double] {
    let options = widths.options
    let trials = try ActivationTrials(
      widths.graph, calibration: widths.calibration,
      options: QuantizationOptions(
        powerOfTwoScales: options.rounding == .shift, threads: options.threads),
      groups: open.count, evaluator: FloatEngine())
    var result: [Int: Double] = [:]
    for position in open {
      result[position] = try trials?.loss(of: widths.candidates[position].group)
    }
    return result
  }

  /// The candidate with the lowest loss for each byte that it saves at the fullest call.
  private func next(_ result: Result) -> Int? {
    let program = widths.packed(result.chosen)
    let live = program.liveBytes
    guard let most = live.max() else { return nil }
    let fullest = live.indices.filter { live[$0] == most }
    var best: (position: Int, rate: Double, saved: Int)?
    for position in open where !result.chosen.contains(position) {
      let then = widths.packed(result.chosen.union([position])).liveBytes
      let saved = fullest.map { most - then[$0] }.max() ?? 0
      guard saved > 0 else { continue }
      let rate = (result.losses[position] ?? 0) / Double(saved)
      if best.map({ (rate, -saved) < ($0.rate, -$0.saved) }) ?? true {
        best = (position, rate, saved)
      }
    }
    return best?.position
  }

  /// Takes back what the budget does not need.
  private func drop(_ result: inout Result, keeping given: Set<Int>) throws {
    let order = result.chosen.subtracting(given).sorted {
      (-(result.losses[$0] ?? 0), $0) < (-(result.losses[$1] ?? 0), $1)
    }
    for position in order {
      let without = result.chosen.subtracting([position])
      let bytes = try widths.arena(without).byteCount
      if bytes <= ram { (result.chosen, result.after) = (without, bytes) }
    }
  }
}

extension KernelProgram {
  /// Bytes of the arena that hold something during each call; what is computed in place counts once.
  ///
  /// - Complexity: O(calls · buffers).
  var liveBytes: [Int] {
    var spans: [Int: ClosedRange<Int>] = [:]
    for (step, call) in calls.enumerated() {
      for id in call.kernel.reads + call.kernel.writes + call.kernel.scratch
      where self[id].kind == .activation || self[id].kind == .scratch {
        spans[id.index] = (spans[id.index]?.lowerBound ?? step)...step
      }
    }
    var result = [Int](repeating: 0, count: calls.count)
    for (index, span) in spans {
      for step in span { result[step] += buffers[index].byteCount }
    }
    for (step, call) in calls.enumerated() {
      guard let pair = call.kernel.inPlace, let read = spans[pair.read.index],
        let write = spans[pair.write.index], read.upperBound == step, write.lowerBound == step,
        pair.read != pair.write
      else { continue }
      result[step] -= min(self[pair.read].byteCount, self[pair.write].byteCount)
    }
    return result
  }
}
