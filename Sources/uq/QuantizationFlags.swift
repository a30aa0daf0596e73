import ArgumentParser
import UQKernels
import UQNumerics
import UQQuantizer
import UQToolkit

extension RangeMethod: ExpressibleByArgument {}
extension Rounding: ExpressibleByArgument {}

/// Options that say how a network is quantized.
struct QuantizationFlags: ParsableArguments {
  @Option(
    help:
      "How activation ranges are chosen: minmax, percentile, mse, entropy or auto (default: auto).")
  var method: RangeMethod?

  @Option(
    help: "How accumulators are scaled: single, double (TFLite) or shift (default: single).")
  var rounding: Rounding?

  @Option(
    help:
      "Bits of the activations: 16, 8, or 4 for inner ones that all their kernels take so (default: 8, and 4 where --ram needs it)."
  )
  var activationBits: Int?

  @Flag(
    help: "Leave channels of activations as they are, where scaling them would lower the error.")
  var noEqualization = false

  @Option(
    help:
      "How to quantize, by name or file: \(Recipe.all.map(\.name).joined(separator: ", ")). Other flags count more.",
    completion: .file(extensions: ["json"]))
  var recipe: String?

  @Option(
    help:
      "Give every so many input channels a scale, 16, 32 or 64, where layers of 4, 3 or 2 bits have more of them (default: one scale for an output channel)."
  )
  var groupSize: Int?

  @Option(
    help: ArgumentHelp(
      "Bits of a layer's weights: 'conv1:8', '*pointwise*:4', '@last:8'; with a scale for every 32 input channels: 'conv1:4g32'; with those of its output, 8 or 4: 'conv1:a4', 'conv1:w8a4'; may be repeated.",
      valueName: "name:bits"))
  var layer: [String] = []

  func validate() throws {
    if let activationBits, ![16, 8, 4].contains(activationBits) {
      throw ValidationError("--activation-bits takes 16, 8 or 4, not \(activationBits)")
    }
    if let groupSize, !WeightFormat.isGroupSize(groupSize) {
      throw ValidationError("--group-size takes a multiple of 8 up to 4096, not \(groupSize)")
    }
  }

  /// What a network is made with: the flags, else what the recipe says.
  ///
  /// - Throws: `recipe.*`, `layer.rule.malformed`.
  func options(bits: WeightBits?, threads: Int, target: Target? = nil) throws -> CompileOptions {
    let recipe = try recipe.map { try Recipe.named($0) }
    var options = CompileOptions(
      layers: (recipe?.layers ?? []) + (try layer.map { try LayerRule(flag: $0) }), target: target,
      activationBits: activationBits ?? recipe?.activationBits ?? 8,
      method: method ?? recipe?.method ?? .auto,
      rounding: rounding ?? recipe?.rounding ?? target?.defaultRounding ?? .single, threads: threads
    )
    options.groupSize = groupSize ?? recipe?.groupSize
    options.keepsActivations = activationBits != nil || recipe?.activationBits != nil
    options.equalizes = !noEqualization
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
