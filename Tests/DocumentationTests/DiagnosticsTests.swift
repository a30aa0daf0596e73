import Foundation
import Testing

/// Documentation/Diagnostics.md lists every id of the sources, and no other.
@Suite struct DiagnosticsTests {
  /// An id as the list writes it: an interpolation is `*`.
  private static let pattern = #"(?:[a-z]+|\*)(?:\.(?:[a-z0-9_-]|\*)+){2,}"#

  /// A string literal, its interpolations as `*`.
  private func plain(_ literal: String) -> String {
    literal.replacingOccurrences(
      of: #"\\\((?:[^()]|\([^()]*\))*\)"#, with: "*", options: .regularExpression)
  }

  private func matches(_ pattern: String, _ text: String, group: Int) throws -> [String] {
    let expression = try NSRegularExpression(pattern: pattern)
    return expression.matches(in: text, range: NSRange(text.startIndex..., in: text))
      .compactMap { match in Range(match.range(at: group), in: text).map { String(text[$0]) } }
  }

  /// The list: ids by line, `<...>` as `*`.
  private func listed() throws -> (ids: [String], areas: Set<String>, text: String) {
    let text = try String(
      contentsOf: documentation.appendingPathComponent("Diagnostics.md"), encoding: .utf8)
    let ids = try matches(#"(?m)^- `([^`]+)`: .{20,}"#, text, group: 1)
      .map { $0.replacingOccurrences(of: "<[a-z ]+>", with: "*", options: .regularExpression) }
    return (ids, Set(ids.map { String($0.prefix { $0 != "." }) }), text)
  }

  /// Ids of the sources: what `id:` is given, and every other literal of an id's form and area.
  private func used(_ areas: Set<String>) throws -> [String: String] {
    let sources = documentation.deletingLastPathComponent().appendingPathComponent("Sources")
    var result: [String: String] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: sources.path)
    where path.hasSuffix(".swift") {
      let text = try String(contentsOf: sources.appendingPathComponent(path), encoding: .utf8)
      let code = text.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("//") }
        .joined(separator: "\n")
      for literal in try matches(#"\bid:\s*"([^"\n]*)""#, code, group: 1) {
        result[plain(literal)] = path
      }
      for literal in try matches(#""([^"\n ]*)""#, code, group: 1) {
        let id = plain(literal)
        let isID = id.range(of: "^\(Self.pattern)$", options: .regularExpression) != nil
        let area = String(id.prefix { $0 != "." })
        if isID, area != "*", areas.contains(area) { result[id] = path }
      }
    }
    return result
  }

  @Test func everyIDIsExplained() throws {
    let (ids, areas, _) = try listed()
    let used = try used(areas)
    #expect(used.count > 150)
    let known = Set(ids)
    for (id, file) in used.sorted(by: { $0.key < $1.key }) {
      #expect(
        id.range(of: "^\(Self.pattern)$", options: .regularExpression) != nil,
        "\(file): '\(id)' is not area.subject.problem")
      let isKnown = known.contains(id)
      #expect(isKnown, "\(file): '\(id)' is not in Documentation/Diagnostics.md")
    }
  }

  @Test func everyExplainedIDExists() throws {
    let (ids, areas, _) = try listed()
    let used = try used(areas)
    for id in ids { #expect(used[id] != nil, "no source gives '\(id)'") }
    #expect(Set(ids).count == ids.count, "an id is listed twice")
  }
}
