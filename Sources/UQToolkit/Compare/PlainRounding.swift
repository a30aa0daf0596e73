import UQCalibration
import UQEngine
import UQGraph
import UQKernels
import UQQuantizer

extension CompiledModel {
  /// The float graph with every layer's weights rounded to the nearest at this network's widths.
  ///
  /// The effect of a single layer is measured on these: weights that are rounded from data also make up for
  /// what the layers before them lost, and are off where those are float.
  ///
  /// - Throws: `quantize.*`.
  func plainlyRounded(_ graph: Graph, _ calibration: Calibration?) throws -> Graph {
    guard let calibration else { return quantized.dequantized }
    var summary = calibration.summary
    summary.samples = []
    return try Quantizer(
      graph, calibration: summary,
      options: QuantizationOptions(
        activationBits: options.widestActivationBits, narrowValues: options.narrowValues,
        method: .minmax,
        powerOfTwoScales: options.rounding == .shift, correctsBiases: false, roundsFromData: false,
        threads: options.threads),
      evaluator: FloatEngine()
    ).quantize(layerFormats: layerFormats).dequantized
  }
}
