import UQGraph
import UQNumerics
import UQSupport

/// One rule applied to all chains of a network.
struct EqualizationCandidate {
  var rule: EqualizationRule
  /// By chain; `nil` where they are all 1, or not allowed.
  var factors: [[Float]?]
  /// Ranges of the scaled values.
  var table: RangeTable
  /// Statistics of all values with those of the scaled ones.
  var statistics: [String: TensorStatistics]
}

/// Looks for the candidate of each chain that loses least at the network's output.
struct EqualizationSearch {
  let equalizer: Equalizer
  let chains: [EqualizationChain]
  let candidates: [EqualizationCandidate]
  /// Ranges of the network as it is, and the rules that were chosen for them.
  let table: RangeTable
  let rules: [ValueID: RangeRule]

  /// Rules that chains are tried with one by one.
  private static let most = 2

  /// The position of each chain's candidate; `nil` where it stays as it is.
  func run() throws -> [Int?] {
    var chosen = [Int?](repeating: nil, count: chains.count)
    let start = try measure(chosen)
    var lowest = start
    func attempt(_ changed: [Int?]) throws -> Double {
      let loss = try measure(changed)
      if loss.isLower(than: lowest, by: AutomaticRanges.gain) {
        (chosen, lowest) = (changed, loss)
      }
      return loss.mean
    }
    let together = try candidates.indices.map { position in
      let all = candidates[position].factors.map { $0 == nil ? nil : position }
      return (position: position, error: try attempt(all))
    }
    // Ranges of 8 bits are wide enough for most networks: where no rule helps them as a whole, no chain does.
    guard lowest.mean < start.mean || !equalizer.options.narrowValues.isEmpty else { return chosen }
    let best = together.sorted { ($0.error, $0.position) < ($1.error, $1.position) }
      .prefix(Self.most).map(\.position)
    for index in chains.indices {
      for position in [nil] + best.map(Optional.some) where position != chosen[index] {
        guard position.map({ candidates[$0].factors[index] != nil }) ?? true else { continue }
        var changed = chosen
        changed[index] = position
        _ = try attempt(changed)
      }
    }
    return chosen
  }

  /// The network with the chosen candidates; the ranges of scaled values are chosen again.
  func result(of chosen: [Int?]) throws -> Equalizer.Result {
    let graph = scaled(chosen)
    let table = table(of: chosen)
    var calibration = equalizer.calibration
    var changed: Set<ValueID> = []
    var described: [EqualizedChain] = []
    for (index, position) in chosen.enumerated() {
      guard let position, let factors = candidates[position].factors[index] else { continue }
      let chain = chains[index]
      for id in chain.values {
        changed.insert(id)
        let name = graph[id].name
        calibration.tensors[name] = candidates[position].statistics[name]
      }
      described.append(
        EqualizedChain(
          layers: chain.makers.map { graph.nodes[$0].name },
          readers: chain.readers.map { graph.nodes[$0].name }, rule: candidates[position].rule,
          factors: factors))
    }
    var rules = rules
    if equalizer.options.method == .auto {
      let ranges = AutomaticRanges(
        table: table, prepared: try equalizer.evaluator.prepare(graph), error: equalizer.error)
      var lowest = try ranges.measure(rules)
      try ranges.refine(
        &rules, &lowest, table.activations.freeValues().filter(changed.contains))
    }
    return Equalizer.Result(
      graph: graph, calibration: calibration, table: table, rules: rules, chains: described)
  }

  private func measure(_ chosen: [Int?]) throws -> OutputError.Halves {
    try equalizer.error.measure(
      equalizer.evaluator.prepare(scaled(chosen)),
      quantizing: table(of: chosen).activationQuantizations(by: rules))
  }

  private func scaled(_ chosen: [Int?]) -> Graph {
    equalizer.scaling.apply(
      chosen.enumerated().compactMap { index, position in
        position.flatMap { candidates[$0].factors[index] }.map { (chains[index], $0) }
      })
  }

  private func table(of chosen: [Int?]) -> RangeTable {
    var result = table
    for (index, position) in chosen.enumerated() {
      guard let position else { continue }
      result = result.replacing(chains[index].values, from: candidates[position].table)
    }
    return result
  }
}
