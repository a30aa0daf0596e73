import UQGraph
import UQNumerics
import UQSupport

/// Chooses for each activation the range method that changes the network's output least.
///
/// First the method that does best for all values together; then, value by value in graph order, another
/// method where it lowers the error with everything else quantized as chosen so far, by more than 2 % on each
/// half of the samples: what helps only one half is chance.
struct AutomaticRanges {
  let activations: ActivationQuantizer
  let prepared: any PreparedGraph
  let error: OutputError
  let wide: Set<ValueID>

  private static let candidates: [RangeMethod] = [.minmax, .mse, .percentile, .entropy]
  private static let gain = 0.98

  func choose() throws -> [ValueID: Quantization] {
    let values = activations.freeValues()
    var options: [ValueID: [Quantization]] = [:]
    for id in values {
      options[id] = try Self.candidates.map { method in
        activations.quantization(
          for: try activations.range(of: id, by: method), of: id, wide: wide)
      }
    }
    var chosen = options.compactMapValues(\.first)
    var lowest = try measure(chosen)
    for index in Self.candidates.indices.dropFirst() {
      let together = options.compactMapValues { $0[index] }
      let loss = try measure(together)
      if loss.mean < lowest.mean { (chosen, lowest) = (together, loss) }
    }
    for id in values {
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
