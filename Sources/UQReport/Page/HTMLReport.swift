import UQSupport

extension ComparisonReport {
  /// The report as one page that needs nothing else: no network, no program, no fonts.
  ///
  /// Its numbers and plots are those of ``json``, which is in it too.
  public var html: String {
    "<!DOCTYPE html>\n" + HTMLReport(report: self).page.rendered + "\n"
  }
}

/// Puts the sections of the page together.
struct HTMLReport {
  let report: ComparisonReport

  /// Position of each variant among the colours.
  var colors: [String: Int] {
    Dictionary(
      report.integers.enumerated().map { ($0.element.name, $0.offset) },
      uniquingKeysWith: { first, _ in first })
  }

  /// The recommended variant.
  var recommended: VariantReport? {
    report.variants.first { $0.name == report.recommendation.variant }
  }

  /// The whole page.
  var page: Markup {
    let sections = self.sections
    return tag(
      "html", ["lang": "en"],
      tag(
        "head", [:],
        tag("meta", ["charset": "utf-8"]),
        tag(
          "meta",
          [
            "http-equiv": "Content-Security-Policy",
            "content": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
          ]),
        tag("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
        tag("meta", ["name": "color-scheme", "content": "light dark"]),
        tag("title", [:], .text("\(report.model): accuracy against size")),
        tag("style", [:], .verbatim(Stylesheet.text))),
      tag(
        "body", [:],
        tag("a", ["class": "skip", "href": "#report"], "Skip to the report"),
        header,
        tag(
          "nav", ["aria-label": "Sections"],
          tag(
            "ul", [:],
            of: sections.map { section in
              tag("li", [:], tag("a", ["href": "#\(section.anchor)"], .text(section.title)))
            })),
        tag("main", ["id": "report"], of: sections.map(\.markup)),
        footer, data))
  }

  /// The sections that there is something to say in.
  private var sections: [Section] {
    [
      accuracySection, variantSection, flashSection, layerSection, allocationSection, errorSection,
      rangeSection, confusionSection, changeSection, memorySection, commandSection,
    ].compactMap(\.self)
  }

  /// A part of the page with a heading.
  struct Section {
    /// Id of the element, for links.
    var anchor: String
    var title: String
    var content: [Markup]

    var markup: Markup {
      tag(
        "section", ["id": anchor, "aria-labelledby": "\(anchor)-heading"],
        of: [tag("h2", ["id": "\(anchor)-heading"], .text(title))] + content)
    }
  }

  private var header: Markup {
    let device = report.device.isEmpty ? "" : " · sizes \(report.device)"
    let within = report.limits.isEmpty ? "" : " · within \(report.limits.text)"
    var content: [Markup] = [
      tag("p", ["class": "eyebrow"], "Accuracy against size"),
      tag("h1", [:], foreign(report.model)),
      tag(
        "p", ["class": "lead"], datum(report.samples), " samples · judged by ",
        .text(report.metric.label + device + within)),
    ]
    content.append(verdictCard)
    if let notes = noteCard { content.append(notes) }
    return tag("header", [:], of: content)
  }

  private var verdictCard: Markup {
    var content: [Markup] = [
      tag("p", ["class": "eyebrow"], "Recommended variant"),
      tag("p", ["class": "choice"], foreign(recommended?.label ?? "none")),
      tag("p", ["class": "reason"], .text(report.recommendation.reason)),
    ]
    if let variant = recommended { content.append(keyFigures(variant)) }
    content.append(
      tag(
        "details", [:], tag("summary", [:], "How the variant is chosen"),
        tag("p", [:], .text(Recommendation.rule))))
    return tag("div", ["class": "card verdict"], of: content)
  }

  private func keyFigures(_ variant: VariantReport) -> Markup {
    var figures: [(String, [Markup])] = []
    if let accuracy = variant.accuracy {
      var value = [datum(accuracy, metricText(accuracy, report.metric))]
      if let interval = variant.confidence {
        value.append(tag("small", [:], of: [" "] + intervalText(interval)))
      }
      figures.append((report.metric.label, value))
    }
    figures.append(
      (variant.isFlashMeasured ? "flash" : "flash without code", [datum(variant.flashBytes), " B"]))
    figures.append(("RAM (arena)", [datum(variant.ramBytes), " B"]))
    if let stack = variant.stackBytes { figures.append(("stack", [datum(stack), " B"])) }
    if let count = variant.instructions { figures.append(("instructions", [datum(count)])) }
    figures.append(("multiply-accumulates", [datum(variant.macs)]))
    return tag(
      "ul", ["class": "figures"],
      of: figures.map { name, value in
        tag(
          "li", [:], tag("span", ["class": "term"], .text(name)), tag("strong", [:], of: value))
      })
  }

  /// An interval in numbers.
  func intervalText(_ interval: ConfidenceInterval) -> [Markup] {
    [
      datum(interval.low, metricText(interval.low, report.metric)), "–",
      datum(interval.high, metricText(interval.high, report.metric)),
    ]
  }

  private var noteCard: Markup? {
    let failures = report.variants.compactMap { variant -> Markup? in
      variant.problem.map { problem in
        tag(
          "li", [:], tag("strong", [:], foreign(variant.label)), " could not be made: ",
          .text(problem))
      }
    }
    let notes = report.notes.map { note in
      tag(
        "li", [:], note.place.file.map { tag("code", [:], .text($0)) } ?? "",
        note.place.file == nil ? "" : ": ", .text(note.message), " ",
        tag("small", [:], .text("[\(note.id)]")))
    }
    guard !failures.isEmpty || !notes.isEmpty else { return nil }
    return tag(
      "div", ["class": "card notes"], tag("h2", [:], "To be known"),
      tag("ul", [:], of: failures + notes))
  }

  private var footer: Markup {
    tag(
      "footer", [:],
      tag(
        "p", [:], "Made by uq ", .text(report.toolVersion), ". Model SHA-256 ",
        tag("code", [:], .text(String(report.modelDigest.prefix(16)))), ", samples ",
        tag("code", [:], .text(String(report.dataDigest.prefix(16)))),
        ". All numbers of this page are in it as JSON, in the element with the id “data”."))
  }

  /// The document itself; pictures are in the page already.
  private var data: Markup {
    var copy = report
    for index in copy.changedSamples.indices { copy.changedSamples[index].preview = nil }
    let text = copy.json.compact
      .replacing("<", with: "\\u003c").replacing(">", with: "\\u003e")
      .replacing("&", with: "\\u0026")
    return tag("script", ["type": "application/json", "id": "data"], .verbatim(text))
  }
}
