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
    help: "How activation ranges are chosen: minmax, percentile, mse, entropy or auto (default: auto).")
  var method: RangeMethod?

  @Option(
    help: "How accumulators are scaled: single, double (TFLite) or shift (default: single).")
  var rounding: Rounding?

  @Option(
    help:
      "How to quantize, by name or file: \(Recipe.all.map(\.name).joined(separator: ", ")). Other flags count more.",
    completion: .file(extensions: ["json"]))
  var recipe: String?

  @Option(
    help: ArgumentHelp(
      "Bits of a layer's weights: 'conv1:8', '*pointwise*:4', '@last:8'; may be repeated.",
      valueName: "name:bits"))
  var layer: [String] = []

  /// What a network is made with: the flags, else what the recipe says.
  ///
  /// - Throws: `recipe.*`, `layer.rule.malformed`, `export.activation-bits.unsupported`.
  func options(
    bits: WeightBits?, threads: Int, activationBits: Int? = nil, target: Target? = nil
  ) throws -> CompileOptions {
    let recipe = try recipe.map { try Recipe.named($0) }
    guard activationBits ?? recipe?.activationBits ?? 8 == 8 else {
      throw Diagnostic(
        id: "export.activation-bits.unsupported",
        "16-bit activations have no kernels in this version; use --activation-bits 8")
    }
    var options = CompileOptions(
      layers: (recipe?.layers ?? []) + (try layer.map { try LayerRule(flag: $0) }), target: target,
      method: method ?? recipe?.method ?? .auto, rounding: rounding ?? recipe?.rounding ?? .single,
      threads: threads)
    options.width = bits?.width ?? recipe?.width ?? .uniform(8)
    return options
  }
}

/// Bits of the weights: 8, 4, 3, 2, 1, mixed, or mixed:40K.
struct WeightBits: ExpressibleByArgument {
  let width: WidthRequest

  init?(argument: String) {
    guard let width = WidthRequest(argument) else { return nil }
    self.width = width
  }

  static var allValueStrings: [String] { ["8", "4", "3", "2", "1", "mixed"] }
}
