import UQSupport

/// Flash, weight bytes and instructions, in this order; the fourth lane is unused.
typealias Resources = SIMD4<Int>

/// An option as the search sees it.
struct Choice: Sendable {
  /// Position among the layer's options.
  var option: Int
  var loss: Double
  var use: Resources
  /// Pieces of code by position in ``AllocationProblem/pieces``.
  var code: UInt64
}

/// Layers with open options, budgets, and the code that still has to be decided on.
struct AllocationProblem: Sendable {
  /// For each layer the options that are open.
  var layers: [[Choice]]
  /// What may be used; ``unlimited`` where no budget is given, and then no choice uses any.
  var capacity: Resources
  /// Bytes of flash of each piece of code that several layers could share.
  var pieces: [Int]
  /// What each piece adds to the objective.
  var pieceLosses: [Double]

  static let unlimited = 1 << 60
  /// More pieces than a mask has bits are charged to each layer.
  static let mostPieces = 60

  /// Takes the layers' options, already monotone, and closes those that another one dominates.
  ///
  /// Code of every option of a layer is there anyway and charged at once; code that one layer alone can
  /// call is part of its options.
  init(_ layers: [[LayerOption]], code: KernelCode, budget: Budget, fixed: Resources) {
    let limits = [budget.flash, budget.weightBytes, budget.instructions]
    var capacity = Resources(repeating: Self.unlimited)
    for (lane, limit) in limits.enumerated() {
      if let limit { capacity[lane] = max(limit, -1) - fixed[lane] }
    }
    var shared: [String] = []
    var always: Set<String> = []
    if budget.flash != nil {
      var users: [String: Set<Int>] = [:]
      for (index, options) in layers.enumerated() {
        for option in options {
          for name in option.code { users[name, default: []].insert(index) }
        }
        always.formUnion(
          options.dropFirst().reduce(options.first?.code ?? []) { $0.intersection($1.code) })
      }
      capacity[0] -= always.reduce(0) { $0 + (code.bytes[$1] ?? 0) }
      shared = users.filter { $0.value.count > 1 && !always.contains($0.key) }.keys
        .sorted { (code.bytes[$0] ?? 0, $1) > (code.bytes[$1] ?? 0, $0) }
      shared = Array(shared.prefix(Self.mostPieces))
    }
    let position = Dictionary(uniqueKeysWithValues: shared.enumerated().map { ($1, $0) })
    self.layers = layers.map { options in
      let choices = options.enumerated().map { index, option -> Choice in
        var use = Resources(
          option.flashBytes, option.weightBytes, option.instructions, 0)
        var mask: UInt64 = 0
        for name in option.code where !always.contains(name) {
          if let bit = position[name] {
            mask |= 1 << UInt64(bit)
          } else {
            use[0] += code.bytes[name] ?? 0
          }
        }
        use.replace(with: 0, where: capacity .== Self.unlimited)
        return Choice(option: index, loss: option.loss, use: use, code: mask)
      }
      return Self.undominated(choices)
    }
    self.capacity = capacity
    pieces = shared.map { code.bytes[$0] ?? 0 }
    pieceLosses = [Double](repeating: 0, count: shared.count)
    mergePieces()
  }

  /// The same problem with the use of one resource as the objective and no limit on it.
  func minimizing(_ lane: Int) -> AllocationProblem {
    var copy = self
    copy.layers = layers.map { choices in
      choices.map { choice in
        var changed = choice
        changed.loss = Double(choice.use[lane])
        changed.use[lane] = 0
        return changed
      }
    }
    copy.capacity[lane] = Self.unlimited
    if lane == 0 {
      (copy.pieceLosses, copy.pieces) = (pieces.map(Double.init), pieces.map { _ in 0 })
    }
    return copy
  }

  /// The choices that no other one beats or equals in everything; of equals the first stays.
  private static func undominated(_ choices: [Choice]) -> [Choice] {
    choices.enumerated().filter { index, choice in
      !choices.enumerated().contains { other, better in
        guard other != index, better.loss <= choice.loss, all(better.use .<= choice.use),
          better.code & ~choice.code == 0
        else { return false }
        let isEqual =
          better.loss == choice.loss && better.use == choice.use && better.code == choice.code
        return !isEqual || other < index
      }
    }.map(\.element)
  }

  /// Makes one piece of those that always come together.
  private mutating func mergePieces() {
    var signatures: [[Bool]: Int] = [:]
    var target: [Int] = []
    var merged: [Int] = []
    let masks = layers.flatMap { $0.map(\.code) }
    for (bit, bytes) in pieces.enumerated() {
      let signature = masks.map { $0 >> UInt64(bit) & 1 == 1 }
      if let known = signatures[signature] {
        merged[known] += bytes
        target.append(known)
      } else {
        signatures[signature] = merged.count
        target.append(merged.count)
        merged.append(bytes)
      }
    }
    for layer in layers.indices {
      for choice in layers[layer].indices {
        let old = layers[layer][choice].code
        layers[layer][choice].code = target.enumerated().reduce(0) { mask, item in
          old >> UInt64(item.offset) & 1 == 1 ? mask | 1 << UInt64(item.element) : mask
        }
      }
    }
    pieces = merged
    pieceLosses = [Double](repeating: 0, count: merged.count)
  }
}
