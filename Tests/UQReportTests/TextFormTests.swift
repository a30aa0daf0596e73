import Foundation
import Testing
import UQReport
import UQSupport

/// The forms for terminals, spreadsheets and issues.
@Suite struct TextFormTests {
  private func golden(_ name: String) throws -> String {
    let url = try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: nil))
    return try String(contentsOf: url, encoding: .utf8)
  }

  /// `UQ_RECORD=1` writes what the tree then holds.
  private func compare(_ text: String, _ name: String) throws {
    if ProcessInfo.processInfo.environment["UQ_RECORD"] != nil {
      try Data(text.utf8).write(
        to: tree.appendingPathComponent("Tests/UQReportTests/Golden/\(name)"))
      return
    }
    #expect(text == (try golden(name)), "record with UQ_RECORD=1 after looking at it")
  }

  @Test func terminalView() throws { try compare(sampleReport().table + "\n", "table.txt") }
  @Test func markdown() throws { try compare(sampleReport().markdown, "report.md") }
  @Test func csv() throws { try compare(sampleReport().csv, "report.csv") }

  @Test func namesCannotSteerATerminal() {
    let table = sampleReport(name: hostile, layer: hostile).table
    #expect(!table.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    #expect(!table.contains("\u{202E}"))
  }

  @Test func fieldsAreQuoted() {
    var report = sampleReport()
    report.variants[1].name = "a,\"b\"\n"
    report.variants[2].name = "=1+1"
    let lines = report.csv
    #expect(lines.contains("\"a,\"\"b\"\"\n\","))
    #expect(lines.contains("\n'=1+1,"))
  }

  @Test func markdownEscapesNames() {
    var report = sampleReport()
    report.variants[1].name = "a|b*<i>"
    #expect(report.markdown.contains(#"a\|b\*\<i\>"#))
  }
}
