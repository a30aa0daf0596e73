import UQGraph
import UQNumerics
import UQSupport

/// Chooses for each activation the range method that changes the network's output least.
///
/// Each value alone is quantized with each method's range while all else stays float; equal ranges are
/// measured once, ties go to the method listed first.
struct AutomaticRanges {
  let activations: ActivationQuantizer
  let prepared: any PreparedGraph
  let error: OutputError
  let wide: Set<ValueID>

  private static let candidates: [RangeMethod] = [.minmax, .percentile, .mse, .entropy]

  func choose() throws -> [ValueID: Quantization] {
    var chosen: [ValueID: Quantization] = [:]
    for id in activations.freeValues() {
      var tried: [Quantization] = []
      for method in AutomaticRanges.candidates {
        let range = try activations.range(of: id, by: method)
        let candidate = activations.quantization(for: range, of: id, wide: wide)
        if !tried.contains(candidate) { tried.append(candidate) }
      }
      var best = tried[0]
      if tried.count > 1 {
        var bestError = Double.infinity
        for candidate in tried {
          let loss = try error.measure(prepared, quantizing: [id: candidate])
          if loss < bestError { (best, bestError) = (candidate, loss) }
        }
      }
      chosen[id] = best
    }
    return chosen
  }
}
