extension HTMLReport {
  /// The plot of the metric over size.
  var accuracySection: Section? {
    guard !report.integers.isEmpty else { return nil }
    let chart = AccuracySizeChart(report: report, colors: colors)
    let description =
      report.integers.map { variant in
        "\(variant.label): \(variant.accuracy.map { metricText($0, report.metric) } ?? "failed") at "
          + "\(thousands(report.size(variant))) bytes"
      }.joined(separator: "; ")
      + (report.float?.accuracy.map { "; float: \(metricText($0, report.metric))" } ?? "") + "."
    let rows = report.variants.filter { $0.accuracy != nil }.map { variant -> [Markup] in
      [
        foreign(variant.label), variant.isFloat ? "–" : datum(report.size(variant)),
        variant.accuracy.map { datum($0, metricText($0, report.metric)) } ?? "",
        tag("span", [:], of: variant.confidence.map(intervalText) ?? []),
        report.frontier.contains(variant.name) ? "yes" : "no",
      ]
    }
    let limit = report.limits.flash == nil ? "" : "; the upright one is the flash given"
    return Section(
      anchor: "accuracy", title: "Accuracy over size",
      content: [
        tag(
          "p", [:],
          .text(
            "Bars are 95 % intervals: with other samples of the same kind the value would lie there. The "
              + "dashed line is float, the band its interval\(limit). The stepped line joins the variants that no "
              + "other one beats in both size and accuracy; the ring marks the recommended one.")),
        plot(
          "accuracy-plot", title: "\(report.metric.label) over size", description: description,
          table: table(
            "\(report.metric.label) over size",
            header: [
              "variant", "bytes", .text(report.metric.label), "95 % interval", "on the frontier",
            ],
            rows: rows), draw: chart.drawing),
      ])
  }

  /// The table of variants and what the differences mean.
  var variantSection: Section? {
    let rows = report.variants.map { variant -> [Markup] in
      let name = tag(
        "span", ["class": "variant"], foreign(variant.label),
        variant.name == report.recommendation.variant
          ? tag("span", ["class": "badge"], "recommended") : "",
        report.limits.excess(of: variant).isEmpty
          ? "" : tag("span", ["class": "badge over"], "does not fit"))
      guard let accuracy = variant.accuracy else {
        return [name, "failed"] + [Markup](repeating: "", count: 9)
      }
      return [
        name, datum(accuracy, metricText(accuracy, report.metric)),
        tag("span", [:], of: variant.confidence.map(intervalText) ?? []),
        variant.pValue.map { datum($0, $0 < 0.001 ? "< .001" : decimal($0)) } ?? "",
        variant.agreement.map { datum($0, percent($0)) } ?? "",
        variant.outputSQNR.map { datum($0, "\(tenths($0)) dB") } ?? "",
        datum(variant.weightBytes), flashCell(variant),
        variant.ramBytes == 0 ? "" : datum(variant.ramBytes),
        variant.stackBytes.map { datum($0) } ?? "",
        variant.instructions.map { datum($0) } ?? "",
      ]
    }
    let verdicts = report.variants.compactMap { variant in
      report.verdict(variant).map { verdict in
        tag("li", [:], tag("strong", [:], foreign(variant.label)), ": ", .text(verdict))
      }
    }
    var content: [Markup] = []
    if !verdicts.isEmpty { content.append(tag("ul", ["class": "verdicts"], of: verdicts)) }
    content.append(
      table(
        "Figures of the variants",
        header: [
          "variant", .text(report.metric.label), "95 % interval", "p", "as float", "SQNR",
          "weights, B", "flash, B", "RAM, B", "stack, B", "instructions",
        ], rows: rows))
    content.append(
      tag(
        "p", ["class": "quiet"],
        .text(
          "p: how often two equally good variants would differ this much on as many samples, both judged on "
            + "the same ones. As float: samples that get the float model's class. SQNR: signal to "
            + "quantization noise of the outputs."
            + (report.integers.contains { !$0.isFlashMeasured }
              ? " ≥: constants only, the code comes on top." : ""))))
    let further = furtherMetrics
    if let further { content.append(further) }
    return Section(anchor: "variants", title: "Variants", content: content)
  }

  private func flashCell(_ variant: VariantReport) -> Markup {
    guard variant.flash != nil else { return "" }
    return tag(
      "span", [:], variant.isFlashMeasured ? "" : "≥ ", datum(variant.flashBytes))
  }

  private var furtherMetrics: Markup? {
    let names = report.variants.first { !$0.metrics.isEmpty }?.metrics.map(\.name) ?? []
    guard !names.isEmpty else { return nil }
    let rows = report.variants.filter { $0.metrics.count == names.count }.map { variant in
      [foreign(variant.label)]
        + variant.metrics.map { metric in
          tag(
            "span", [:],
            of: [datum(metric.value, decimal(metric.value))]
              + (metric.confidence.map { [" ("] + intervalText($0) + [")"] } ?? []))
        }
    }
    return table(
      "Further metrics", header: ["variant"] + names.map { .text(Metric($0)?.label ?? $0) },
      rows: rows)
  }

  /// What the flash is taken by.
  var flashSection: Section? {
    let made = report.integers.filter { $0.flash != nil }
    guard !made.isEmpty else { return nil }
    let isEstimate = made.contains { !$0.isFlashMeasured }
    let rows = made.map { variant -> [Markup] in
      let flash = variant.flash ?? FlashUse(weights: 0, tables: 0)
      return [foreign(variant.label)]
        + FlashChart.parts.map { part in part.bytes(flash).map { datum($0) } ?? "not measured" }
        + [tag("span", [:], flash.isEstimate ? "≥ " : "", datum(flash.total))]
    }
    let explanation =
      isEstimate
      ? "An estimate: the sizes of all constants. No code was compiled, because the target's compiler and "
        + "emulator are not installed; it comes on top."
      : "Measured from objects compiled for \(made.first?.flash?.core ?? "the target") with -O2: what the "
        + "linker keeps of the model and the runtime. Start-up code and C library are not in it."
    return Section(
      anchor: "flash", title: "Flash",
      content: [
        tag("p", [:], .text(explanation)),
        plot(
          "flash-plot", title: "Flash by part, bytes",
          description: made.map { "\($0.label): \(thousands($0.flashBytes)) bytes" }
            .joined(separator: "; ") + ".",
          table: table(
            "Flash by part, bytes",
            header: ["variant"] + FlashChart.parts.map { .text($0.name) } + ["total"], rows: rows),
          draw: FlashChart(variants: made).drawing),
      ])
  }
}
