import UQSupport

extension ComparisonReport {
  /// The report as Markdown: recommendation, table, verdicts, layers and commands.
  public var markdown: String {
    var text = "# \(escaped(model)): accuracy against size\n\n"
    text += "**Recommended: \(escaped(recommendedLabel)).** \(escaped(recommendation.reason))\n\n"
    text +=
      "\(samples) samples; \(metric.label); \(device.isEmpty ? "nothing compiled" : device)"
      + "\(limits.isEmpty ? "" : "; within \(limits.text)").\n\n"
    text += table(
      [
        "variant", metric.label, "95 % interval", "p", "as float", "weights", "flash", "RAM",
        "stack", "MACs", "instructions",
      ], variants.map(row))
    let verdicts = variants.compactMap { v in
      verdict(v).map { "- \(escaped(v.label)): \(escaped($0))" }
    }
    if !verdicts.isEmpty { text += "\n" + verdicts.joined(separator: "\n") + "\n" }
    if integers.contains(where: { !$0.isFlashMeasured }) {
      text += "\n≥: constants only, the code comes on top.\n"
    }
    text += flashSection + layerSection
    if !notes.isEmpty {
      text += "\n## Notes\n\n"
      for note in notes { text += "- \(escaped(note.description))\n" }
    }
    if !leadingCommands.isEmpty {
      text += "\n## Commands\n\n```sh\n"
      for command in leadingCommands { text += "# \(command.purpose)\n\(plain(command.line))\n" }
      text += "```\n"
    }
    return text
  }

  private var recommendedLabel: String {
    variants.first { $0.name == recommendation.variant }?.label ?? "none"
  }

  private func row(_ v: VariantReport) -> [String] {
    guard let accuracy = v.accuracy else {
      return [v.label, "failed"] + [String](repeating: "", count: 9)
    }
    return [
      v.label, metricText(accuracy, metric),
      v.confidence.map { "\(metricText($0.low, metric))–\(metricText($0.high, metric))" } ?? "",
      v.pValue.map { decimal($0) } ?? "", v.agreement.map { percent($0) } ?? "",
      bytes(v.weightBytes),
      v.flashBytes == 0 ? "" : (v.isFlashMeasured ? "" : "≥ ") + bytes(v.flashBytes),
      bytes(v.ramBytes), v.stackBytes.map(bytes) ?? "", thousands(v.macs),
      v.instructions.map(thousands) ?? "",
    ]
  }

  private var flashSection: String {
    let made = integers.filter { $0.flash != nil }
    guard !made.isEmpty else { return "" }
    return "\n## Flash\n\n"
      + table(
        ["variant", "weights", "scales and tables", "kernel code", "glue", "total"],
        made.map { v in
          let f = v.flash ?? FlashUse(weights: 0, tables: 0)
          return [
            v.label, bytes(f.weights), bytes(f.tables), f.kernelCode.map(bytes) ?? "not measured",
            f.glue.map(bytes) ?? "not measured", (f.isEstimate ? "≥ " : "") + bytes(f.total),
          ]
        })
  }

  private var layerSection: String {
    guard let first = integers.first(where: { !$0.layers.isEmpty }) else { return "" }
    let made = integers.filter { $0.layers.count == first.layers.count }
    return
      "\n## Layers\n\nBits of the weights, and signal to noise behind the layer in decibels.\n\n"
      + table(
        ["layer", "operator"] + made.map(\.label),
        first.layers.indices.map { index in
          [first.layers[index].name, first.layers[index].operatorName]
            + made.map { variant in
              let layer = variant.layers[index]
              let groups = layer.groupSize.map { "g\($0)" } ?? ""
              return [layer.bits.map { "\($0)\(groups)" }, layer.sqnr.map { "\(tenths($0)) dB" }]
                .compactMap { $0 }.joined(separator: ", ")
            }
        })
  }

  private func table(_ header: [String], _ rows: [[String]]) -> String {
    func line(_ cells: [String]) -> String {
      "| " + cells.map(escaped).joined(separator: " | ") + " |\n"
    }
    let rule = header.indices.map { $0 == 0 ? "---" : "---:" }
    return line(header) + "|" + rule.joined(separator: "|") + "|\n" + rows.map(line).joined()
  }
}

/// A text that Markdown shows as it is.
private func escaped(_ text: String) -> String {
  var result = ""
  for character in plain(text) {
    if "\\`*_[]<>|#&~".contains(character) { result.append("\\") }
    result.append(character)
  }
  return result
}
