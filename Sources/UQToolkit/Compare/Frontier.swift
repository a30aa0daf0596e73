import UQCalibration
import UQNumerics
import UQQuantizer
import UQReport
import UQSupport

/// A network on the frontier of sizes.
struct FrontierPoint {
  /// The variant that is the same network: `mixed:BYTES`.
  var name: String
  /// A width for each layer.
  var rules: [LayerRule]
  /// Why the layers have these widths.
  var allocation: AllocationReport
}

extension CompareTask {
  /// Widths by layer along the whole range of sizes, by ascending weight bytes; points of equal widths are
  /// one.
  ///
  /// The losses of the layers are measured once for all of them.
  ///
  /// - Throws: `mixed.*`, `layer.*`, and what quantizing throws.
  func frontier(_ model: LoadedModel, _ calibration: Calibration) throws -> [FrontierPoint] {
    let graph = model.optimized
    var options = options
    _ = try options.narrow(graph, calibration)
    let fixed = try LayerRule.resolve(
      options.layers, names: graph.weightedLayers.map(\.name), groupSize: options.groupSize)
    let quantizer = try CompiledModel.quantizer(graph, calibration, options)
    let formats = Dictionary(
      uniqueKeysWithValues: fixed.map { ($0, quantizer.format($1, ofLayer: $0)) })
    let choices = try MixedPrecision(
      graph: graph, calibration: calibration.summary, options: options, quantizer: quantizer,
      trainedBits: graph.trainedBits
    ).evenly(frontierPoints, fixed: formats)
    var points: [FrontierPoint] = []
    for (weightBytes, choice) in choices {
      let point = FrontierPoint(
        name: "mixed:\(weightBytes)",
        rules: choice.layers.map {
          LayerRule($0.name, bits: $0.bits, groupSize: $0.format.groupSize ?? 0)
        }, allocation: choice.report)
      if points.last?.rules != point.rules { points.append(point) }
    }
    return points
  }
}
