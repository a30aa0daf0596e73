import UQQuantizer
import UQSupport

/// For each layer by name the loss at the network's output, by bits, of rounding its weights alone; 8 bits
/// count as 0.
///
/// - Throws: `mixed.samples.missing`, and what measuring throws.
func widthLosses(
  _ quantizer: Quantizer, widths: [Int], of names: Set<String>, work: Int
) throws -> [String: [Int: Double]] {
  guard !names.isEmpty else { return [:] }
  let measured = try quantizer.sensitivities(
    widths: widths.filter { $0 < 8 }, of: names, work: work)
  guard !measured.isEmpty else {
    throw Diagnostic(
      id: "mixed.samples.missing",
      "the calibration keeps no samples to measure layers on: calibrate again, or choose one width "
        + "with --bits and single layers with --layer")
  }
  return Dictionary(
    measured.map { ($0.name, $0.losses.merging([8: 0]) { _, zero in zero }) },
    uniquingKeysWith: { first, _ in first })
}
