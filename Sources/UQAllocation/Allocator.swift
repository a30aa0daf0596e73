import UQSupport

/// Chooses an option for each layer so that the sum of the losses is smallest within all budgets.
///
/// The losses of layers are taken to add up. Flash counts code once, however many layers call it: branch
/// and bound over the pieces of code, and for each set of them a multiple-choice knapsack, solved by a
/// dynamic programme with dominance and Lagrangian bounds. The gap to the bound is part of the answer.
public struct Allocator: Sendable {
  /// Names of the layers, in order.
  public let names: [String]
  /// Each layer's options by ascending size; more bits, or more scales, never lose more.
  public let options: [[LayerOption]]
  /// Sizes of the code that options call.
  public let code: KernelCode
  /// What is taken in any case: flash of other code and constants, instructions of other layers.
  public let fixed: Budget

  /// Largest size of a single figure.
  private static let largest = 1 << 40

  /// Takes the layers and makes their losses monotone: with fewer bits a layer loses at least what it
  /// loses with more, negative losses count as 0, and options without a finite loss are left out.
  ///
  /// With scales for groups of input channels a layer loses no more than with one scale and as many bits, and
  /// no less than with more bits and one scale; these options leave the losses of the others as they are.
  ///
  /// - Parameter fixed: flash and instructions that no choice changes; its weight bytes count too.
  /// - Throws: `allocate.options.none`, `allocate.options.invalid`.
  public init(_ layers: [LayerChoices], code: KernelCode = KernelCode(), fixed: Budget = Budget())
    throws
  {
    var problems: [Diagnostic] = []
    names = layers.map(\.name)
    self.code = code
    self.fixed = fixed
    options = layers.map { layer in
      let finite = layer.options.filter { $0.loss.isFinite }
      if finite.isEmpty {
        problems.append(
          Diagnostic(
            id: "allocate.options.none", "no width of the weights has a finite loss",
            at: SourcePlace(node: layer.name)))
      }
      let sizes = finite.flatMap { [$0.weightBytes, $0.flashBytes, $0.instructions] }
      if let wrong = sizes.first(where: { !(0...Self.largest).contains($0) }) {
        problems.append(
          Diagnostic(
            id: "allocate.options.invalid", "\(wrong) is no size", at: SourcePlace(node: layer.name)
          ))
      }
      return Self.monotone(finite)
    }
    if let wrong = code.bytes.values.first(where: { !(0...Self.largest).contains($0) }) {
      problems.append(Diagnostic(id: "allocate.options.invalid", "\(wrong) is no size of code"))
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
  }

  private static func monotone(_ options: [LayerOption]) -> [LayerOption] {
    var floor = 0.0
    let plain = options.filter { $0.groupSize == nil }
      .sorted { ($0.bits, $0.loss) > ($1.bits, $1.loss) }
      .map { option in
        var monotone = option
        floor = max(floor, option.loss)
        monotone.loss = floor
        return monotone
      }
    let grouped = options.filter { $0.groupSize != nil }.map { option in
      var bounded = option
      let least = plain.last { $0.bits > option.bits }?.loss ?? 0
      let most = plain.first { $0.bits == option.bits }?.loss ?? .infinity
      bounded.loss = max(least, min(most, option.loss))
      return bounded
    }
    return (plain + grouped).sorted {
      ($0.bits, -($0.groupSize ?? .max), $0.loss) < ($1.bits, -($1.groupSize ?? .max), $1.loss)
    }
  }

  private var fixedResources: Resources {
    Resources(fixed.flash ?? 0, fixed.weightBytes ?? 0, fixed.instructions ?? 0, 0)
  }

  /// The allocation of least loss within a budget.
  ///
  /// Of equal ones it is always the same one.
  ///
  /// - Throws: `allocate.budget.flash`, `allocate.budget.weights`, `allocate.budget.instructions` where
  ///   nothing keeps the budget: what is needed, and what raising which limit would do.
  public func solve(_ budget: Budget) throws -> Allocation {
    let problem = AllocationProblem(options, code: code, budget: budget, fixed: fixedResources)
    let search = CodeSearch(problem)
    guard let best = search.best else {
      throw Diagnostics(explain(problem, budget))
    }
    let picks = zip(problem.layers, best.picks).map { $0[$1].option }
    return allocation(picks, lowerBound: search.lowerBound, nodes: search.nodes)
  }

  /// An allocation with the fewest weight bytes for the layers at `positions` that lose nothing more, one after the other
  /// within the budget.
  public func smallest(_ found: Allocation, at positions: [Int], within budget: Budget)
    -> Allocation
  {
    var picks = zip(options, found.options).map { $0.firstIndex(of: $1) ?? 0 }
    var best = found
    for position in positions {
      let own = options[position][picks[position]]
      let fewer = options[position].indices.filter {
        options[position][$0].loss <= own.loss
          && options[position][$0].weightBytes < own.weightBytes
      }
      for pick in fewer.sorted(by: {
        options[position][$0].weightBytes < options[position][$1].weightBytes
      }) {
        var changed = picks
        changed[position] = pick
        let made = allocation(changed, lowerBound: found.lowerBound, nodes: found.nodes)
        guard made.keeps(budget) else { continue }
        (picks, best) = (changed, made)
        break
      }
    }
    return best
  }

  /// The allocation of given options, one position for each layer.
  func allocation(_ picks: [Int], lowerBound: Double, nodes: Int) -> Allocation {
    let chosen = zip(options, picks).map { $0[$1] }
    let called = chosen.reduce(into: Set<String>()) { $0.formUnion($1.code) }
    let loss = chosen.reduce(0) { $0 + $1.loss }
    return Allocation(
      options: chosen, loss: loss, lowerBound: min(lowerBound, loss),
      weightBytes: chosen.reduce(fixed.weightBytes ?? 0) { $0 + $1.weightBytes },
      flashBytes: chosen.reduce(fixed.flash ?? 0) { $0 + $1.flashBytes }
        + called.reduce(0) { $0 + (code.bytes[$1] ?? 0) },
      instructions: chosen.reduce(fixed.instructions ?? 0) { $0 + $1.instructions }, nodes: nodes)
  }

  /// A limit that a budget may set.
  private struct Limit {
    var lane: Int
    var name: String
    var unit: String
    var flag: String
  }

  private static let limits = [
    Limit(lane: 0, name: "flash", unit: "B of flash", flag: "--flash"),
    Limit(lane: 1, name: "weights", unit: "B of weights", flag: "the weight bytes"),
    Limit(
      lane: 2, name: "instructions", unit: "instructions", flag: "--instructions"),
  ]

  /// Why nothing keeps the budget: the limits that cannot be kept alone, else the cheapest ways out.
  private func explain(_ problem: AllocationProblem, _ budget: Budget) -> [Diagnostic] {
    let given = [budget.flash, budget.weightBytes, budget.instructions]
    let used = Self.limits.filter { given[$0.lane] != nil }
    func least(_ limit: Limit, keepingOthers: Bool) -> Int? {
      var relaxed = problem.minimizing(limit.lane)
      if !keepingOthers {
        relaxed.capacity = Resources(repeating: AllocationProblem.unlimited)
      }
      guard let best = CodeSearch(relaxed).best else { return nil }
      // What is there anyway was taken off the limit.
      let anyway = (given[limit.lane] ?? 0) - problem.capacity[limit.lane]
      return Int(best.loss.rounded()) + anyway
    }
    func id(_ limit: Limit) -> String {
      switch limit.lane {
      case 0: "allocate.budget.flash"
      case 1: "allocate.budget.weights"
      default: "allocate.budget.instructions"
      }
    }
    var alone: [Diagnostic] = []
    var relaxations: [(share: Double, limit: Limit, needed: Int)] = []
    for limit in used {
      let wanted = given[limit.lane] ?? 0
      if let needed = least(limit, keepingOthers: false), needed > max(wanted, -1) {
        alone.append(
          Diagnostic(
            id: id(limit),
            "the network needs at least \(thousands(needed)) \(limit.unit), "
              + "\(thousands(wanted)) given: raise \(limit.flag) by \(thousands(needed - wanted))"))
      } else if let needed = least(limit, keepingOthers: true) {
        relaxations.append((Double(needed) / Double(max(wanted, 1)), limit, needed))
      }
    }
    if !alone.isEmpty { return alone }
    relaxations.sort { $0.share < $1.share }
    guard let first = relaxations.first else {
      return [
        Diagnostic(
          id: "allocate.budget.flash", "no two of the limits can be kept together: raise them all")
      ]
    }
    let ways = relaxations.map { way in
      "raise \(way.limit.flag) by \(thousands(way.needed - (given[way.limit.lane] ?? 0)))"
    }
    return [
      Diagnostic(
        id: id(first.limit),
        "within the other limits the network needs \(thousands(first.needed)) \(first.limit.unit), "
          + "\(thousands(given[first.limit.lane] ?? 0)) given: \(ways.joined(separator: ", or "))")
    ]
  }
}

/// `18,432`.
func thousands(_ count: Int) -> String {
  var text = ""
  for (index, digit) in String(count.magnitude).reversed().enumerated() {
    if index > 0, index % 3 == 0 { text.append(",") }
    text.append(digit)
  }
  return (count < 0 ? "-" : "") + String(text.reversed())
}
