extension ComparisonReport {
  /// One line for each variant, comma-separated, with a header.
  public var csv: String {
    let recommended = recommendation.variant
    let frontier = Set(frontier)
    let number = { (value: Double?) in value.map { "\($0)" } ?? "" }
    let integer = { (value: Int?) in value.map { "\($0)" } ?? "" }
    var text = Self.columns.joined(separator: ",") + "\n"
    for v in variants {
      let fields = [
        v.name, "\(v.bits)", number(v.accuracy), number(v.confidence?.low),
        number(v.confidence?.high), number(v.agreement), number(v.pValue), "\(v.weightBytes)",
        "\(v.flashBytes)", "\(v.ramBytes)", "\(v.macs)", integer(v.instructions), metric.name,
        "\(samples)", number(v.outputSQNR), "\(v.isFlashMeasured)", integer(v.flash?.weights),
        integer(v.flash?.tables), integer(v.flash?.kernelCode), integer(v.flash?.glue),
        integer(v.stackBytes), integer(v.changed), "\(frontier.contains(v.name))",
        "\(recommended == v.name)", verdict(v) ?? "",
        limits.excess(of: v).joined(separator: "; "),
      ]
      text += fields.map(Self.field).joined(separator: ",") + "\n"
    }
    return text
  }

  private static let columns = [
    "name", "bits", "accuracy", "low", "high", "agreement", "p_value", "weight_bytes",
    "flash_bytes", "ram_bytes", "macs", "instructions", "metric", "samples", "output_sqnr_db",
    "flash_measured", "flash_weights", "flash_tables", "flash_kernel_code", "flash_glue",
    "stack_bytes", "changed", "on_frontier", "recommended", "verdict", "over_limits",
  ]

  /// A field by RFC 4180; a leading sign that a spreadsheet would compute from is quoted away.
  private static func field(_ text: String) -> String {
    var text = text
    if let first = text.first, "=+@".contains(first) { text = "'" + text }
    guard text.contains(where: { ",\"\n\r".contains($0) || $0 == "\r\n" }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
