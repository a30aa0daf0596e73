import Foundation
import Testing
import UQGraph
import UQOperators
import UQPasses
import UQSupport

private let caseFolder = URL(filePath: #filePath).deletingLastPathComponent()
  .appending(path: "Cases")

/// A graph in the text form and what its text must, and must not, hold after a pass.
///
/// `// CHECK: TEXT` must be found behind the finding of the check before; `// CHECK-NOT: TEXT` must not
/// be found between its neighbours. `...` in a text stands for anything within the line. Cases in one
/// file are divided by lines of `// ----`.
struct PassCase {
  var source: String
  var checks: [(isNot: Bool, text: String)]

  static func read(_ url: URL) throws -> [PassCase] {
    try String(contentsOf: url, encoding: .utf8).components(separatedBy: "// ----\n").map { part in
      let checks = part.split(separator: "\n").compactMap { line -> (Bool, String)? in
        let line = line.trimmingCharacters(in: .whitespaces)
        for (mark, isNot) in [("// CHECK: ", false), ("// CHECK-NOT: ", true)] {
          if line.hasPrefix(mark) { return (isNot, String(line.dropFirst(mark.count))) }
        }
        return nil
      }
      return PassCase(source: part, checks: checks)
    }
  }

  /// What is wrong with a text; `nil` where all checks hold.
  func problem(in text: String) -> String? {
    let lines = text.split(separator: "\n").map(String.init)
    var next = 0
    var forbidden: [String] = []
    for check in checks + [(false, "")] {
      if check.isNot {
        forbidden.append(check.text)
        continue
      }
      guard
        let found = lines[next...].firstIndex(where: { holds($0, check.text) })
          ?? (check.text.isEmpty ? lines.count : nil)
      else { return "not found: \(check.text)" }
      let end = check.text.isEmpty ? lines.count : found
      for line in lines[next..<end] {
        if let text = forbidden.first(where: { holds(line, $0) }) { return "found: \(text)" }
      }
      forbidden = []
      next = min(found + 1, lines.count)
    }
    return nil
  }

  private func holds(_ line: String, _ text: String) -> Bool {
    var rest = line[...]
    for part in text.components(separatedBy: "...") {
      guard let range = rest.range(of: part) else { return part.isEmpty }
      rest = rest[range.upperBound...]
    }
    return true
  }
}

@Suite struct CaseTests {
  @Test(arguments: LosslessPasses.names)
  func transformsAsItsCasesSay(name: String) throws {
    let pass = try #require(
      LosslessPasses.pipeline.passes.first { type(of: $0).name == name })
    let file = caseFolder.appending(path: "\(name).uqir")
    let cases = try PassCase.read(file)
    #expect(cases.contains { !$0.checks.isEmpty })
    for one in cases {
      let original = try Graph.parse(one.source, file: file.path, operators: graphOperators)
      var graph = original
      _ = try pass.run(on: &graph)
      try graph.verify()
      // What a pass leaves unused is removed by another one.
      graph.compact()
      let text = graph.text()
      if let problem = one.problem(in: text) { Issue.record("\(problem)\nin\n\(text)") }
      try expectSameOutputs(original, graph, seeds: 0..<2)
    }
  }

  @Test func checkerFindsWhatIsMissing() {
    let one = PassCase(source: "", checks: [(false, "a...c"), (true, "x"), (false, "d")])
    #expect(one.problem(in: "abc\nd") == nil)
    #expect(one.problem(in: "ab\nd") == "not found: a...c")
    #expect(one.problem(in: "abc\nx\nd") == "found: x")
    #expect(one.problem(in: "d\nabc") == "not found: d")
  }
}
