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
  let activations: ActivationQuantizer
  let prepared: any PreparedGraph
  let error: OutputError
  let wide: Set<ValueID>

  private static let candidates: [RangeMethod] = [.minmax, .mse, .percentile, .entropy]
  private static let narrowFactors = [0.7, 0.85, 1.2]
  private static let gain = 0.98

  func choose() throws -> [ValueID: Quantization] {
    let values = activations.freeValues()
    var options: [ValueID: [Quantization]] = [:]
    for id in values { options[id] = try quantizations(of: id) }
    var chosen = options.compactMapValues(\.first)
    var lowest = try measure(chosen)
    for index in Self.candidates.indices.dropFirst() {
      let together = options.compactMapValues { $0[index] }
      let loss = try measure(together)
      if loss.mean < lowest.mean { (chosen, lowest) = (together, loss) }
    }
    let rounds = [values, values.filter(activations.isNarrow)]
    for id in rounds.joined() {
      var tried = [chosen[id]]
      for option in options[id] ?? [] where !tried.contains(option) {
        tried.append(option)
        var changed = chosen
        changed[id] = option
        let loss = try measure(changed)
        if loss.isLower(than: lowest, by: Self.gain) { (chosen, lowest) = (changed, loss) }
      }
    }
    return chosen
  }

  /// What is tried for a value, one for each method first.
  private func quantizations(of id: ValueID) throws -> [Quantization] {
    var ranges = try Self.candidates.map { try activations.range(of: id, by: $0) }
    if activations.isNarrow(id) {
      let all = ranges[0]
      let least = try activations.range(of: id, by: .mse)
      ranges += Self.narrowFactors.map { factor in
        ActivationRange(
          low: max(all.low, factor * least.low), high: min(all.high, factor * least.high)
        ).rounded
      }
    }
    return ranges.map { activations.quantization(for: $0, of: id, wide: wide) }
  }

  /// The error with the chosen quantizations and all that follows from them.
  private func measure(_ chosen: [ValueID: Quantization]) throws -> OutputError.Halves {
    var integer = activations.graph
    activations.assign(chosen, to: &integer)
    return try error.measure(prepared, quantizing: integer.activationQuantizations)
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
