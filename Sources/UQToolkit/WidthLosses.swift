import UQNumerics
import UQQuantizer
import UQSupport

/// What formats of the weights cost at the network's output: layer by layer, and together.
struct WidthLosses {
  /// For each layer by name the loss of rounding its weights alone, by format; 8 bits count as 0.
  var alone: [String: [WeightFormat: Double]] = [:]
  private var trials: WidthTrials?

  /// Measures `names`.
  ///
  /// - Throws: `mixed.samples.missing`, and what measuring throws.
  init(_ quantizer: Quantizer, formats: [WeightFormat], of names: Set<String>, work: Int) throws {
    guard !names.isEmpty else { return }
    trials = try quantizer.trials(formats: formats.filter { $0.bits < 8 }, of: names, work: work)
    guard let trials else {
      throw Diagnostic(
        id: "mixed.samples.missing",
        "the calibration keeps no samples to measure layers on: calibrate again, or choose one width "
          + "with --bits and single layers with --layer")
    }
    alone = Dictionary(
      trials.sensitivities.map { ($0.name, $0.losses.merging([8: 0]) { _, zero in zero }) },
      uniquingKeysWith: { first, _ in first })
  }

  /// The loss of each sample with the layers' formats together, always in the same order; empty where there is
  /// nothing to measure.
  func together(_ formats: [String: WeightFormat]) throws -> [Double] {
    try trials?.losses(of: formats) ?? []
  }
}
