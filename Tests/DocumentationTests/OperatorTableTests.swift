import Foundation
import Testing

@Suite struct OperatorTableTests {
  /// `make docs` (`UQ_RECORD=1`) writes the file.
  @Test func operatorTableIsCurrent() throws {
    let file = documentation.appendingPathComponent("Operators.md")
    if ProcessInfo.processInfo.environment["UQ_RECORD"] != nil {
      try Data(OperatorTable.text.utf8).write(to: file)
    }
    let written = try String(contentsOf: file, encoding: .utf8)
    #expect(written == OperatorTable.text, "Documentation/Operators.md is old: run make docs")
  }
}

/// The folder of documents.
let documentation = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Documentation")
