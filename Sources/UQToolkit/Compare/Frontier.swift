import UQCalibration
import UQSupport

extension CompareTask {
  /// Widths by layer along the whole range of sizes, by ascending weight bytes; points of equal widths are
  /// one.
  ///
  /// The losses of the layers are measured once for all of them.
  ///
  /// - Throws: `mixed.*`, `layer.*`, and what quantizing throws.
  func frontier(_ model: LoadedModel, _ calibration: Calibration) throws -> [(
    name: String, rules: [LayerRule]
  )] {
    let graph = model.optimized
    let fixed = try LayerRule.resolve(options.layers, names: graph.weightedLayers.map(\.name))
    let choices = try MixedPrecision(
      graph: graph, calibration: calibration.summary, options: options,
      quantizer: CompiledModel.quantizer(graph, calibration, options)
    ).evenly(frontierPoints, fixed: fixed)
    var points: [(name: String, rules: [LayerRule])] = []
    for choice in choices {
      let rules = choice.layers.map { LayerRule($0.name, bits: $0.bits) }
      if points.last?.rules != rules { points.append(("mixed:\(choice.weightBytes)", rules)) }
    }
    return points
  }
}
