extension HTMLReport {
  /// Confusion matrices, the recommended variant's first.
  var confusionSection: Section? {
    let first = report.recommendation.variant
    let known = report.variants.filter { $0.confusion != nil }
    let ordered = known.filter { $0.name == first } + known.filter { $0.name != first }
    guard let shown = ordered.first else { return nil }
    var content: [Markup] = [
      tag(
        "p", [:],
        .text(
          "Rows are the true class, columns the predicted one; a cell is a number of samples. The shade is "
            + "its share of the row.")),
      tag("h3", [:], foreign(shown.label)), matrix(shown),
    ]
    for variant in ordered.dropFirst() {
      content.append(
        tag(
          "details", [:], tag("summary", [:], "Confusion matrix of ", foreign(variant.label)),
          matrix(variant)))
    }
    return Section(anchor: "confusion", title: "Confusion", content: content)
  }

  private func matrix(_ variant: VariantReport) -> Markup {
    let counts = variant.confusion ?? []
    let header: [Markup] =
      ["true \\ predicted"]
      + counts.indices.map { tag("span", ["class": "upright"], foreign(report.className($0))) }
    let rows = counts.enumerated().map { row, cells -> [Markup] in
      let total = max(1, cells.reduce(0, +))
      return [foreign(report.className(row))]
        + cells.enumerated().map { column, count in
          let level = count == 0 ? 0 : 1 + min(5, count * 6 / total)
          return tag(
            "span", ["class": "cell h\(level)\(row == column ? " hit" : "")"], datum(count))
        }
    }
    return table(
      "Confusion matrix of \(variant.label)", header: header, rows: rows, style: "matrix")
  }

  /// Samples that changed class.
  var changeSection: Section? {
    let made = report.integers.filter { $0.changed != nil }
    guard !made.isEmpty else { return nil }
    let counts = made.map { variant in
      tag(
        "li", [:], tag("strong", [:], foreign(variant.label)), ": ", datum(variant.changed ?? 0),
        " of ", datum(report.samples), " samples")
    }
    var content: [Markup] = [
      tag("p", [:], "Samples that a variant puts into another class than the float model does:"),
      tag("ul", ["class": "verdicts"], of: counts),
    ]
    if !report.changedSamples.isEmpty {
      content.append(
        tag("ul", ["class": "samples"], of: report.changedSamples.map(card)))
    }
    return Section(anchor: "changes", title: "Samples that changed class", content: content)
  }

  private func card(_ sample: ChangedSample) -> Markup {
    let float = zip(report.variants, sample.predictions).first { $0.0.isFloat }?.1
    var lines: [Markup] = []
    if let label = sample.label {
      lines.append(
        tag(
          "li", [:], tag("span", ["class": "term"], "true "), foreign(report.className(label))))
    }
    for (variant, prediction) in zip(report.variants, sample.predictions) {
      guard let prediction else { continue }
      let isSame = variant.isFloat || prediction == float
      lines.append(
        tag(
          "li", ["class": isSame ? "same" : "differs"],
          tag("span", ["class": "term"], foreign(variant.label), " "),
          foreign(report.className(prediction)),
          prediction == sample.label
            ? tag("span", ["role": "img", "aria-label": ", right"], " ✓") : ""))
    }
    return tag(
      "li", ["class": "card"], preview(sample),
      tag(
        "div", [:],
        tag(
          "p", ["class": "file"], tag("span", [:], "#", datum(sample.index, "\(sample.index)")),
          " ",
          foreign(sample.name)), tag("ul", [:], of: lines)))
  }

  private func preview(_ sample: ChangedSample) -> Markup {
    let name = "Sample \(sample.index), \(sample.name)"
    switch sample.preview {
    case .picture(let uri, let width, let height)?:
      return tag(
        "img",
        ["src": uri, "width": "\(width)", "height": "\(height)", "alt": "Picture of \(name)"])
    case .waveform(let paths, let width, let height)?:
      return svg(
        Drawing(
          width: Double(width), height: Double(height),
          content: paths.map { tag("path", ["class": "wave", "d": $0]) }),
        prefix: "sample-\(sample.index)", title: "Waveform of \(name)",
        description: "\(paths.count) channels as the network sees them.", style: "waveform")
    case nil: return ""
    }
  }
}
