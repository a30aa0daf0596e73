extension HTMLReport {
  /// Variants by their layers: those of a group have the same ones, which can stand side by side.
  private var groups: [[VariantReport]] {
    var result: [[VariantReport]] = []
    for variant in report.integers where !variant.layers.isEmpty {
      let names = variant.layers.map(\.name)
      if let group = result.firstIndex(where: { $0[0].layers.map(\.name) == names }) {
        result[group].append(variant)
      } else {
        result.append([variant])
      }
    }
    return result
  }

  /// What is said of each group, under its variants' names where there are several groups.
  private func grouped(_ content: (_ layered: [VariantReport], _ id: String) -> [Markup])
    -> [Markup]
  {
    let groups = groups
    return groups.enumerated().flatMap { index, group -> [Markup] in
      let made = content(group, index == 0 ? "" : "-\(index)")
      guard groups.count > 1, !made.isEmpty else { return made }
      return [tag("h3", [:], foreign(group.map(\.label).joined(separator: ", ")))] + made
    }
  }

  /// Bits of each layer, with how sensitive it is.
  var layerSection: Section? {
    let content = grouped(layerContent)
    guard !content.isEmpty else { return nil }
    return Section(
      anchor: "layers", title: "Bits and sensitivity of layers",
      content: [
        tag(
          "p", [:],
          .text(
            "Sensitivity: signal to noise of the network's outputs where the weights of this layer alone "
              + "are rounded to the nearest. A low number is a layer that needs its bits."))
      ] + content)
  }

  private func layerContent(_ layered: [VariantReport], _ id: String) -> [Markup] {
    guard let first = layered.first else { return [] }
    let weighted = first.layers.indices.filter { index in
      layered.contains { $0.layers[index].bits != nil }
    }
    guard !weighted.isEmpty else { return [] }
    let rows = weighted.map { index -> [Markup] in
      let layer = first.layers[index]
      return [foreign(layer.name), .text(layer.operatorName), datum(layer.macs)]
        + layered.flatMap { variant -> [Markup] in
          let own = variant.layers[index]
          return [
            bits(own), datum(own.weightBytes),
            own.sensitivity.map { datum($0, tenths($0)) } ?? "",
          ]
        }
    }
    let header: [Markup] =
      ["layer", "operator", "MACs"]
      + layered.flatMap { variant -> [Markup] in
        [
          tag("span", [:], foreign(variant.label), ": bits"), "bytes",
          tag("span", [:], "sensitivity, dB"),
        ]
      }
    let series = layered.map { variant in
      ProfileChart.Series(
        label: variant.label, color: colors[variant.name] ?? 0,
        values: weighted.map { variant.layers[$0].sensitivity })
    }.filter { $0.values.contains { $0 != nil } }
    let widths = table("Bits and sensitivity of each layer", header: header, rows: rows)
    guard !series.isEmpty else { return [widths] }
    let names = weighted.map { first.layers[$0].name }
    let chart = ProfileChart(
      rows: names, series: series, isConnected: false, unit: "dB, more is better")
    return [
      heat(weighted, layered),
      plot(
        "sensitivity-plot\(id)", title: "Sensitivity of each layer",
        description: extremes(series, names), table: widths, draw: chart.drawing),
    ]
  }

  /// Bits of a layer's weights, and those of its output where they are fewer than 8.
  private func bits(_ layer: LayerReport) -> Markup {
    guard let bits = layer.bits else { return "" }
    let groups = layer.groupSize.map { " g\($0)" } ?? ""
    let weights = tag("span", ["class": "bits b\(bits)"], datum(bits), .text(groups))
    guard let activations = layer.activationBits else { return weights }
    return tag("span", [:], weights, .text(" output \(activations)"))
  }

  /// Bits of each layer (rows) in each variant (columns) as coloured cells.
  private func heat(_ indices: [Int], _ layered: [VariantReport]) -> Markup {
    let header: [Markup] = ["layer"] + layered.map { foreign($0.label) }
    let rows = indices.map { index in
      [foreign(layered[0].layers[index].name)]
        + layered.map { variant -> Markup in
          bits(variant.layers[index])
        }
    }
    return table("Bits of each layer", header: header, rows: rows, style: "heat")
  }

  private func extremes(_ series: [ProfileChart.Series], _ names: [String]) -> String {
    series.map { item in
      let known = item.values.enumerated().compactMap { index, value in value.map { (index, $0) } }
      guard let least = known.min(by: { $0.1 < $1.1 }) else { return item.label }
      return "\(item.label): lowest \(tenths(least.1)) dB at \(names[least.0])"
    }.joined(separator: "; ") + "."
  }

  /// How the error grows from layer to layer.
  var errorSection: Section? {
    let content = grouped(errorContent)
    guard !content.isEmpty else { return nil }
    return Section(
      anchor: "error", title: "Error growth through the network",
      content: [
        tag(
          "p", [:],
          .text(
            "Signal to quantization noise behind each layer, with everything before it quantized too, in "
              + "the device's arithmetic. The network's input is at the top. Six decibels are a bit; where "
              + "the line falls, the error is made."))
      ] + content)
  }

  private func errorContent(_ layered: [VariantReport], _ id: String) -> [Markup] {
    guard let first = layered.first else { return [] }
    let known = first.layers.indices.filter { index in
      layered.contains { $0.layers[index].sqnr != nil }
    }
    guard known.count > 1 else { return [] }
    let names = known.map { first.layers[$0].name }
    let series = layered.map { variant in
      ProfileChart.Series(
        label: variant.label, color: colors[variant.name] ?? 0,
        values: known.map { variant.layers[$0].sqnr })
    }
    let rows = known.map { index -> [Markup] in
      [foreign(first.layers[index].name), .text(first.layers[index].operatorName)]
        + layered.map { variant in
          variant.layers[index].sqnr.map { datum($0, tenths($0)) } ?? ""
        }
    }
    return [
      plot(
        "error-plot\(id)", title: "Signal to noise behind each layer",
        description: extremes(series, names),
        table: table(
          "Signal to noise behind each layer, dB",
          header: ["layer", "operator"] + layered.map { foreign($0.label) }, rows: rows),
        draw: ProfileChart(
          rows: names, series: series, isConnected: true, unit: "dB, more is better"
        ).drawing)
    ]
  }

  /// Layers whose histograms are shown unasked.
  private static let openCards = 24

  /// Histograms with the ranges that were chosen.
  var rangeSection: Section? {
    let cards = report.histograms.enumerated().compactMap { index, entry -> Markup? in
      let weights = entry.weights.map { histogram in
        figure(
          "weights-\(index)", "Weights of \(entry.name)", "weights", histogram,
          ranges(entry.name, \.weightRange))
      }
      let activations = entry.activations.map { histogram in
        figure(
          "activations-\(index)", "Output of \(entry.name)", "output", histogram,
          ranges(entry.name, \.activationRange))
      }
      let figures = [weights, activations].compactMap(\.self)
      guard !figures.isEmpty else { return nil }
      return tag(
        "article", ["class": "ranges"],
        of: [
          tag(
            "h3", [:], foreign(entry.name), " ", tag("small", [:], .text(entry.operatorName)))
        ] + figures)
    }
    guard !cards.isEmpty else { return nil }
    return Section(
      anchor: "ranges", title: "Weights and activations with the chosen ranges",
      content: [
        tag(
          "p", [:],
          .text(
            "Values in float; heights are logarithmic. Below them the range that each variant's integers can "
              + "stand for: what lies outside is clipped. Weights have a range for each channel, of which the "
              + "widest is shown.")),
        tag("div", ["class": "grid"], of: Array(cards.prefix(Self.openCards))),
        cards.count <= Self.openCards
          ? ""
          : tag(
            "details", [:],
            tag("summary", [:], "The other ", "\(cards.count - Self.openCards) layers"),
            tag("div", ["class": "grid"], of: Array(cards.dropFirst(Self.openCards)))),
      ])
  }

  private func ranges(_ layer: String, _ path: KeyPath<LayerReport, ValueRange?>)
    -> [HistogramChart.Range]
  {
    var result: [HistogramChart.Range] = []
    for variant in report.integers where variant.model == nil {
      guard let range = variant.layers.first(where: { $0.name == layer })?[keyPath: path] else {
        continue
      }
      if let same = result.firstIndex(where: { $0.range == range }) {
        result[same].label += ", \(variant.label)"
      } else {
        result.append(.init(label: variant.label, color: colors[variant.name] ?? 0, range: range))
      }
    }
    if result.count == 1, report.integers.count > 1 { result[0].label = "all variants" }
    return Array(result.prefix(8))
  }

  private func figure(
    _ id: String, _ title: String, _ caption: String, _ histogram: Histogram,
    _ ranges: [HistogramChart.Range]
  ) -> Markup {
    let step = (histogram.high - histogram.low) / Double(max(1, histogram.counts.count))
    let bins = histogram.counts.enumerated().filter { $0.element > 0 }.map { index, count in
      [
        Markup.text(significant(histogram.low + Double(index) * step)), datum(count),
      ]
    }
    let chosen = ranges.map { item in
      [
        foreign(item.label), datum(item.range.low, significant(item.range.low)),
        datum(item.range.high, significant(item.range.high)),
      ]
    }
    let description =
      "\(histogram.counts.reduce(0, +)) values from \(significant(histogram.low)) to "
      + "\(significant(histogram.high)). "
      + ranges.map {
        "\($0.label): \(significant($0.range.low)) to \(significant($0.range.high))"
      }.joined(separator: "; ")
    return tag(
      "figure", [:],
      tag("figcaption", [:], .text(caption)),
      svg(
        HistogramChart(histogram: histogram, ranges: ranges).drawing, prefix: id, title: title,
        description: description, style: "small"),
      tag(
        "details", [:],
        tag(
          "summary", [:], .text("numbers"), tag("span", ["class": "hidden"], " of ", foreign(title))
        ),
        table(
          "Chosen ranges: \(title)", header: ["variant", "from", "to"], rows: chosen),
        table("Counts: \(title)", header: ["bin from", "values"], rows: bins)))
  }
}
