import Foundation
import Testing
import UQOperators
import UQSupport

@testable import UQRelay

/// What TVM's parser said of small programs, against what this one says.
@Suite struct ParserCasesTests {
  static let shared = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../../shared/relay").standardizedFileURL
  static let file = shared.appendingPathComponent("parser_cases.json")
  static var isPresent: Bool { FileManager.default.fileExists(atPath: file.path) }

  struct Case: Decodable {
    var name: String
    var kind: String
    var tvm: String
    var text: String
  }

  /// Programs judged otherwise than TVM on purpose; Documentation/Relay.md gives the reasons.
  static let differences: Set<String> = [
    "own_graph_shared_two_fns", "own_graph_redef", "own_dup_param", "own_comment_star",
    "own_extern_then_def", "own_ident_dot", "own_ident_dash", "own_ref_type",
    "own_fn_type_generic",
  ]

  @Test(.enabled(if: isPresent)) func agreesWithTVM() throws {
    let cases = try JSONDecoder().decode([Case].self, from: Data(contentsOf: Self.file))
    #expect(cases.count == 239)
    var differing: Set<String> = []
    for entry in cases {
      let needsHeader = entry.kind == "module" && !entry.text.contains("#[version")
      let text = (needsHeader ? "#[version = \"0.0.5\"]\n" : "") + entry.text
      // TVM parses lone expressions without inferring types.
      let problems = Self.errors(in: text, infersTypes: entry.kind != "expr")
      if entry.tvm != "ok", let place = problems.first?.place {
        let found = [place.line ?? 0, place.column ?? 0]
        #expect(found == ParserCasePlaces.all[entry.name], "\(entry.name)")
      }
      if problems.isEmpty != (entry.tvm == "ok") {
        differing.insert(entry.name)
        if !Self.differences.contains(entry.name) {
          Issue.record("\(entry.name): TVM says \(entry.tvm), found \(problems)\n\(entry.text)")
        }
      }
    }
    #expect(Self.differences.subtracting(differing) == [])
    #expect(Double(differing.count) <= 0.12 * Double(cases.count))
  }

  /// The errors of a program, without what is only not supported.
  static func errors(in text: String, infersTypes: Bool = true) -> [Diagnostic] {
    let source = SourceText(text.utf8)
    do {
      let program = try RelayProgram(
        source, [:], parameterFile: nil, digest: Digest(of: []), known: [])
      guard infersTypes else { return [] }
      let rules = RelayImporter.ruleTable(allOperators)
      return RelayImporter.elaborate(program, RelayOptions(), rules).problems
        .filter { !$0.isUnsupported }.map(\.diagnostic)
    } catch {
      return diagnostics(of: error)
    }
  }

  static let corpus = shared.appendingPathComponent("corpus")

  @Test(.enabled(if: isPresent)) func corpusParses() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.corpus.path).sorted()
    var count = 0
    for name in names {
      for file in ["model.relay", "source.relay", "raw_unparsable.relay"] {
        let url = Self.corpus.appendingPathComponent(name).appendingPathComponent(file)
        guard let data = try? Data(contentsOf: url) else { continue }
        if file == "model.relay" { count += 1 }
        let problems = Self.errors(in: String(decoding: data, as: UTF8.self))
        #expect(problems.isEmpty, "\(name)/\(file): \(problems.prefix(3))")
      }
    }
    #expect(count == 265)
  }
}
