import Foundation
import Testing
import UQReport
import UQSupport

/// Numbers of a document, as text with all digits.
private func numbers(_ value: JSONValue, into result: inout Set<Double>) {
  switch value {
  case .integer(let number): result.insert(Double(number))
  case .number(let number): result.insert(number)
  case .array(let elements): for element in elements { numbers(element, into: &result) }
  case .object(let members): for member in members { numbers(member.value, into: &result) }
  default: break
  }
}

private func captures(_ pattern: String, _ text: String) throws -> [String] {
  let expression = try NSRegularExpression(pattern: pattern, options: [.dotMatchesLineSeparators])
  return expression.matches(in: text, range: NSRange(text.startIndex..., in: text))
    .compactMap { Range($0.range(at: 1), in: text).map { String(text[$0]) } }
}

@Suite struct HTMLReportTests {
  /// `<data value>` is how the page writes a number.
  @Test func everyNumberIsOfTheDocument() throws {
    let report = sampleReport()
    var known: Set<Double> = []
    numbers(report.json, into: &known)
    let values = try captures(#"<data value="([^"]*)">"#, report.html)
    #expect(values.count > 100)
    for value in values {
      let number = try #require(Double(value))
      // Totals of the flash are `flash_bytes`, steps are positions.
      #expect(known.contains(number) || (0..<2).contains(number), "\(value)")
    }
  }

  /// The table of variants shows the document's figures in their places.
  @Test func variantsStandInTheTable() throws {
    let html = sampleReport().html
    let table = try #require(
      captures(#"aria-label="Figures of the variants">(.*?)</table>"#, html).first)
    let rows = try captures(#"<tr>(.*?)</tr>"#, table).dropFirst()
    for (row, variant) in zip(rows, sampleReport().variants) {
      let cells = try captures(#"<data value="([^"]*)">"#, row).compactMap { Double($0) }
      guard let accuracy = variant.accuracy else {
        #expect(row.contains("failed"))
        continue
      }
      var wanted = [accuracy, variant.confidence?.low, variant.confidence?.high, variant.pValue]
        .compactMap { $0 }
      wanted += [variant.agreement, variant.outputSQNR, Double(variant.weightBytes)].compactMap {
        $0
      }
      if variant.flash != nil {
        wanted += [variant.flashBytes, variant.ramBytes, variant.stackBytes ?? 0]
          .map(Double.init)
        wanted += [Double(variant.instructions ?? 0)]
      }
      #expect(cells == wanted)
    }
  }

  @Test func theDocumentIsInThePage() throws {
    let report = sampleReport()
    let text = try #require(
      captures(#"<script type="application/json" id="data">(.*?)</script>"#, report.html).first)
    let inside = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    let outside = try object(report.json)
    #expect((inside["variants"] as? NSArray) == (outside["variants"] as? NSArray))
    #expect((inside["histograms"] as? NSArray) == (outside["histograms"] as? NSArray))
  }

  @Test func namesCannotBecomeMarkup() throws {
    let html = sampleReport(name: hostile, layer: hostile).html
    #expect(!html.contains("<script>"))
    #expect(try captures("(<script)", html).count == 1)
    #expect(!html.contains("alert(1)</script>"))
    #expect(!html.contains("\u{1B}"))
    // The right-to-left mark stays within elements of its own direction.
    let outside = try NSRegularExpression(pattern: "<bdi>[^<]*</bdi>").stringByReplacingMatches(
      in: html, range: NSRange(html.startIndex..., in: html), withTemplate: "")
    #expect(html.contains("\u{202E}") && outside.contains("<h1></h1>"))
  }

  @Test func nothingIsLoaded() throws {
    let html = sampleReport().html
    for forbidden in [
      "http:", "https:", "//", "@import", "<link", "<iframe", " onload", " onclick",
    ] {
      #expect(!html.contains(forbidden), "\(forbidden)")
    }
    for source in try captures(#"(?:src|href)="([^"]*)""#, html) {
      #expect(source.hasPrefix("data:image/png;base64,") || source.hasPrefix("#"))
    }
    #expect(html.contains("default-src &#39;none&#39;"))
  }

  /// What readers of pages need: a language, one first heading, names of plots, headers of tables.
  @Test(arguments: ["kws.onnx", hostile]) func pageIsAccessible(_ name: String) throws {
    let html = sampleReport(name: name, layer: name).html
    #expect(html.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">"))
    #expect(try captures("(<h1>)", html).count == 1)
    let ids = try captures(#" id="([^"]*)""#, html)
    #expect(Set(ids).count == ids.count)
    for reference in try captures(#"aria-labelledby="([^"]*)""#, html) {
      for id in reference.split(separator: " ") { #expect(ids.contains(String(id))) }
    }
    for target in try captures(##"href="#([^"]*)""##, html) { #expect(ids.contains(target)) }
    let drawings = try captures(#"<svg ([^>]*)>"#, html)
    #expect(drawings.count > 8)
    for drawing in drawings {
      #expect(drawing.contains("role=\"img\"") && drawing.contains("aria-labelledby"))
    }
    for table in try captures("<table[^>]*>(.*?)</table>", html) {
      #expect(table.contains("<th scope=\"col\">"))
      let rows = try captures("<tbody>(.*)</tbody>", table).first ?? ""
      for row in try captures("<tr>(.*?)</tr>", rows) {
        #expect(row.hasPrefix("<th scope=\"row\">"))
      }
    }
    for picture in try captures("<img ([^>]*)>", html) { #expect(picture.contains("alt=\"")) }
  }

  /// Every element that is opened is closed, in order.
  @Test(arguments: ["kws.onnx", hostile]) func elementsNest(_ name: String) throws {
    let html = sampleReport(name: name, layer: name).html
    var open: [Substring] = []
    let expression = try NSRegularExpression(pattern: "<(/?[a-z0-9]+)[^>]*>")
    for match in expression.matches(in: html, range: NSRange(html.startIndex..., in: html)) {
      let tag = html[try #require(Range(match.range(at: 1), in: html))]
      if ["meta", "img"].contains(tag) { continue }
      if tag.hasPrefix("/") {
        #expect(open.popLast() == tag.dropFirst())
      } else {
        open.append(tag)
      }
    }
    #expect(open.isEmpty)
  }

  @Test func failuresAndNotesAreNamed() {
    let html = sampleReport().html
    #expect(html.contains("could not be made"))
    #expect(html.contains("quantize.weights.nonfinite"))
    #expect(html.contains("compare.classes.empty"))
  }

  @Test func emptyReportIsAPage() {
    let report = ComparisonReport(model: "m", samples: 0, metric: .agreement, variants: [])
    #expect(report.html.contains("No variant in integers was made."))
  }
}
