import UQGraph
import UQNumerics
import UQSupport

/// Chooses for each activation the range method that changes the network's output least.
///
/// First the method that does best for all values together; then, value by value in graph order, another
/// method where it lowers the error with everything else quantized as chosen so far, by more than 2 % on each
/// half of the samples: what helps only one half is chance.
///
/// Of 4 bits, where clipping weighs against the width of a step, values are also tried at multiples of the
/// range of least squared error, and a second time, since each choice moves the errors of the others.
struct AutomaticRanges {
  let table: RangeTable
  let prepared: any PreparedGraph
  let error: OutputError

  /// Methods that are tried.
  static let methods: [RangeMethod] = [.minmax, .mse, .percentile, .entropy]
  /// Factor below which an error counts as lower.
  static let gain = 0.98
  private static let narrowFactors = [0.7, 0.85, 1.2]

  /// The rules of all values that have ranges of their own.
  func choose() throws -> [ValueID: RangeRule] {
    let values = table.activations.freeValues()
    var (chosen, lowest) = try together(values)
    try refine(&chosen, &lowest, values)
    return chosen
  }

  /// The best method for all values together, with its error.
  private func together(_ values: [ValueID]) throws -> ([ValueID: RangeRule], OutputError.Halves) {
    var best: (rules: [ValueID: RangeRule], error: OutputError.Halves)?
    for method in Self.methods {
      var rules: [ValueID: RangeRule] = [:]
      for id in values { rules[id] = RangeRule(method: method) }
      let loss = try measure(rules)
      if best.map({ loss.mean < $0.error.mean }) ?? true { best = (rules, loss) }
    }
    return try best ?? ([:], measure([:]))
  }

  /// Changes the rules of `values` where that lowers the error.
  func refine(
    _ chosen: inout [ValueID: RangeRule], _ lowest: inout OutputError.Halves, _ values: [ValueID]
  ) throws {
    for id in values + values.filter(table.activations.isNarrow) {
      var tried = [chosen[id].flatMap { table.quantization(of: id, by: $0) }]
      for rule in options(of: id) {
        let quantization = table.quantization(of: id, by: rule)
        guard !tried.contains(quantization) else { continue }
        tried.append(quantization)
        var changed = chosen
        changed[id] = rule
        let loss = try measure(changed)
        if loss.isLower(than: lowest, by: Self.gain) { (chosen, lowest) = (changed, loss) }
      }
    }
  }

  /// What is tried for a value.
  private func options(of id: ValueID) -> [RangeRule] {
    Self.methods.map { RangeRule(method: $0) }
      + (table.activations.isNarrow(id)
        ? Self.narrowFactors.map { RangeRule(method: .mse, factor: $0) } : [])
  }

  /// The error with rules and all that follows from them.
  func measure(_ rules: [ValueID: RangeRule]) throws -> OutputError.Halves {
    try error.measure(prepared, quantizing: table.activationQuantizations(by: rules))
  }
}

extension RangeTable {
  /// The quantization of every activation by rules and what follows from them.
  func activationQuantizations(by rules: [ValueID: RangeRule]) -> [ValueID: Quantization] {
    var integer = activations.graph
    activations.assign(quantizations(by: rules), to: &integer)
    return integer.activationQuantizations
  }
}

extension Graph {
  /// The quantization of every input and result that has one.
  var activationQuantizations: [ValueID: Quantization] {
    var result: [ValueID: Quantization] = [:]
    for id in inputs + nodes.flatMap(\.results) {
      if let quantization = self[id].type.quantization { result[id] = quantization }
    }
    return result
  }
}
