import ArgumentParser
import UQKernels
import UQQuantizer
import UQSupport
import UQToolkit

extension RangeMethod: ExpressibleByArgument {}
extension Rounding: ExpressibleByArgument {}

/// Options that say how a network is quantized.
struct QuantizationFlags: ParsableArguments {
  @Option(
    help: "How activation ranges are chosen: minmax, percentile, mse, entropy or auto.")
  var method: RangeMethod = .auto

  @Option(help: "How accumulators are scaled: single, double (TFLite) or shift.")
  var rounding: Rounding = .single
}

/// Bits of the weights: 8, 4, 3, 2, 1 or mixed.
struct WeightBits: ExpressibleByArgument {
  let bits: Int?
  let defaultValueDescription: String

  init(_ bits: Int) {
    self.bits = bits
    defaultValueDescription = "\(bits)"
  }

  init?(argument: String) {
    if argument == "mixed" {
      bits = nil
    } else if let value = Int(argument), [8, 4, 3, 2, 1].contains(value) {
      bits = value
    } else {
      return nil
    }
    defaultValueDescription = argument
  }

  static var allValueStrings: [String] { ["8", "4", "3", "2", "1", "mixed"] }

  /// The bits.
  ///
  /// - Throws: `export.bits.mixed`.
  func uniform() throws(Diagnostic) -> Int {
    guard let bits else {
      throw Diagnostic(
        id: "export.bits.mixed",
        "mixed precision is not available in this version; choose 8, 4, 3, 2 or 1")
    }
    return bits
  }
}
