extension HTMLReport {
  /// Explanations that are shown unasked.
  private static let openTables = 3

  /// For each variant of several widths, why each layer got its bits.
  var allocationSection: Section? {
    let explained = report.integers.filter { $0.allocation != nil }
    guard !explained.isEmpty else { return nil }
    func rank(_ variant: VariantReport) -> Int {
      variant.name == recommended?.name ? 0 : Int(variant.name) == nil ? 1 : 2
    }
    let ordered = (0...2).flatMap { wanted in explained.filter { rank($0) == wanted } }
    var content: [Markup] = [
      tag(
        "p", [:],
        .text(
          "Loss: how far the network’s output moves on the calibration’s samples where this layer alone has "
            + "so many bits (mean divergence of the softmax, or squared error over variance); 8 bits count "
            + "as 0. Saved: bytes fewer than at the most bits that were open. Loss per KiB: the exchange "
            + "rate; a layer with a high one gets the next kilobyte. The columns on the right are the "
            + "losses that were weighed, the chosen one marked; a layer with one width had it given."
        ))
    ]
    for (index, variant) in ordered.enumerated() {
      guard let allocation = variant.allocation else { continue }
      let table = allocationTable(variant, allocation)
      let summary = allocationSummary(allocation)
      if index < Self.openTables {
        content += [tag("h3", [:], foreign(variant.label)), summary, table]
      } else {
        content.append(
          tag(
            "details", [:], tag("summary", [:], "Bits of ", foreign(variant.label)), summary,
            table))
      }
    }
    return Section(
      anchor: "allocation", title: "Why each layer got its bits", content: content)
  }

  private func allocationSummary(_ allocation: AllocationReport) -> Markup {
    tag(
      "p", [:], "The sum of the losses is ", datum(allocation.loss, significant(allocation.loss)),
      ",",
      allocation.gap > 1e-6
        ? tag(
          "span", [:], " at most ", datum(allocation.gap, significant(100 * allocation.gap) + " %"),
          " above the least possible") : " the least possible",
      " within the budget. Weights take ", datum(allocation.weightBytes), " bytes.",
      allocation.measured.map {
        tag(
          "span", [:], " All layers together, with quantized activations, lose ",
          datum($0, significant($0)), " on calibration samples that their roundings did not see",
          allocation.exchanges.map { $0 > 0 } == true
            ? ", less than before bits were exchanged for it." : ".")
      } ?? "")
  }

  private func allocationTable(_ variant: VariantReport, _ allocation: AllocationReport) -> Markup {
    let options = allocation.layers.flatMap { $0.options ?? [] }
    let formats = Set(options.map { StoredAs(bits: $0.bits, groupSize: $0.groupSize) })
      .sorted { ($0.bits, -($0.groupSize ?? .max)) > ($1.bits, -($1.groupSize ?? .max)) }
    let header: [Markup] =
      ["layer", "bits", "bytes", "saved, B", "loss", "loss per KiB"]
      + formats.map { .text("loss at \($0.bits)" + ($0.groupSize.map { " g\($0)" } ?? "")) }
    let rows = allocation.layers.map { layer -> [Markup] in
      [
        foreign(layer.name),
        tag(
          "span", ["class": "bits b\(layer.bits)"], datum(layer.bits),
          .text(layer.groupSize.map { " g\($0)" } ?? "")),
        datum(layer.weightBytes), datum(layer.savedBytes),
        datum(layer.loss, significant(layer.loss)),
        layer.exchangeRate.map { datum($0, significant($0)) } ?? "",
      ]
        + formats.map { format in
          let option = layer.options?.first {
            $0.bits == format.bits && $0.groupSize == format.groupSize
          }
          guard let option else { return "" }
          let loss = datum(option.loss, significant(option.loss))
          return format == StoredAs(bits: layer.bits, groupSize: layer.groupSize)
            ? tag("strong", ["class": "chosen"], loss) : loss
        }
    }
    return table("Why each layer of \(variant.label) got its bits", header: header, rows: rows)
  }
}

/// A column of the table.
private struct StoredAs: Hashable {
  var bits: Int
  var groupSize: Int?
}
