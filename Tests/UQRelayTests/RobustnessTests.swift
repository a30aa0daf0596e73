import Foundation
import Testing
import UQOperators
import UQSupport

@testable import UQRelay

/// Hostile texts give diagnostics.
@Suite struct RobustnessTests {
  static let bombs: [String: String] = {
    let n = 100_000
    func times(_ text: String) -> String { String(repeating: text, count: n) }
    func body(_ text: String) -> String { program("def @main(%x: float32) { \(text) }") }
    return [
      "parentheses": body(times("(") + "1" + times(")")),
      "open parentheses": body(times("(")),
      "braces": body(times("{") + "1" + times("}")),
      "calls": body(times("abs(") + "%x" + times(")")),
      "chained calls": body("abs" + times("(%x)")),
      "sums": body("%x" + times(" + %x")),
      "mixed chains": body(times("(%x + %x + %x + ") + "%x" + times(")")),
      "functions": body(times("fn () {") + "1" + times("}")),
      "ifs": body(times("if (True) {") + "1" + times("} else { 1 }")),
      "lets": body(times("let %y = (") + "1" + times("; 1)")),
      "types": program("def @main(%x: " + times("(") + "float32" + times(")") + ") { 1 }"),
      "function types": program("def @main(%x: " + times("fn () -> ") + "float32) { 1 }"),
      "attributes": body("f(%x, a=" + times("[") + times("]") + ")"),
      "attribute parentheses": body("f(%x, a=" + times("(") + "1" + times(")") + ")"),
      "matches": body(times("match (%x) { _ => ") + "1" + times("}")),
      "patterns": body("match (%x) { " + times("(") + "_" + times(",)") + " => 1 }"),
      "references": body(times("ref(") + "%x" + times(")")),
      "metadata": program("#[metadata]\n{\"x\": " + times("[") + times("]") + "}"),
      "dashes": body(times("-") + "1"),
    ]
  }()

  @Test(arguments: bombs.keys.sorted()) func depthIsBounded(_ name: String) throws {
    let found = problems(try #require(Self.bombs[name]))
    if name != "dashes" { #expect(!found.isEmpty, "\(name)") }
    #expect(found.count < 60, "\(name)")
  }

  @Test func nestedCommentsAreFlat() throws {
    let n = 100_000
    let comment = String(repeating: "/*", count: n) + String(repeating: "*/", count: n)
    _ = try graph("def @main(%x: float32) { \(comment) %x }")
  }

  @Test func longChainsAreFlat() throws {
    var text = "def @main(%x: float32) {\n  %0 = abs(%x);\n"
    for index in 1..<20_000 { text += "  %\(index) = abs(%\(index - 1));\n" }
    #expect(problems(program(text + "  %19999\n}")).allSatisfy { $0.id.contains("unsupported") })
    text = "def @main(%x: float32) {\n"
    for _ in 0..<20_000 { text += "  let %y = %x;\n" }
    _ = try graph(text + "  %y\n}")
  }

  @Test func endlessRecursionEnds() {
    let found = problems(program("def @main(%x: float32) { @main(%x) }"))
    #expect(found.map(\.id) == ["relay.call.depth"])
    #expect(found.first?.place.line == 2)
    let twice = problems(
      program("def @f(%x: int32) { @f(@f(%x)) + @f(%x) }\ndef @main() { @f(1) }"))
    #expect(twice.map(\.id) == ["relay.call.depth"])
    let mutual = problems(
      program(
        "def @f(%x: int32) -> int32 { @g(%x, 1) }\ndef @g(%x: int32, %y: int32) -> int32 "
          + "{ add(@f(%y), @f(%x)) }\ndef @main() { (@f(1), @g(1, 2)) }"))
    #expect(mutual.map(\.id) == ["relay.call.depth"])
    let wide = (0..<40).map { "def @f\($0)(%x: float32) { (@f\($0 + 1)(%x), @f\($0 + 1)(%x)) }" }
    let exponential =
      wide.joined(separator: "\n") + "\ndef @f40(%x: float32) { %x }"
      + "\ndef @main(%x: float32) { @f0(%x) }"
    #expect(problems(program(exponential)).map(\.id) == ["relay.call.count"])
  }

  @Test(.enabled(if: ParserCasesTests.isPresent)) func mutationsNeverTrap() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: ParserCasesTests.corpus.path)
    var seeds: [[UInt8]] = []
    for name in names.sorted() {
      let url = ParserCasesTests.corpus.appendingPathComponent("\(name)/model.relay")
      if let data = try? Data(contentsOf: url), data.count < 3000 { seeds.append(Array(data)) }
    }
    #expect(seeds.count > 50)
    var generator = SeededGenerator(seed: 7)
    let words = [
      "(", ")", "{", "}", "[", "]", ",", ";", "%0", "%x", "@main", "let ", "fn ", "if ", "=", "\"",
      "/*", "*/", "-", "1f", "9999999999999999999", "meta[relay.Constant][0]", "#[metadata]",
      "match ", "=>", "->", "Tensor[", ".0", ".", ":", "?", "type ", "\u{0}", "é",
    ]
    var rejected = 0
    for round in 0..<5000 {
      var text = seeds[round % seeds.count]
      for _ in 0...Int.random(in: 0..<4, using: &generator) where !text.isEmpty {
        let at = Int.random(in: 0..<text.count, using: &generator)
        let end = min(text.count, at + Int.random(in: 1...20, using: &generator))
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: text[at] = UInt8.random(in: 0...255, using: &generator)
        case 1: text.removeSubrange(at..<end)
        case 2: text.insert(contentsOf: text[at..<end], at: at)
        case 3:
          let word = words[Int.random(in: 0..<words.count, using: &generator)]
          text.insert(contentsOf: word.utf8, at: at)
        default: text.removeSubrange(at...)
        }
      }
      let found = problems(String(decoding: text, as: UTF8.self))
      rejected += found.isEmpty ? 0 : 1
    }
    #expect(rejected > 1000)
  }
}
