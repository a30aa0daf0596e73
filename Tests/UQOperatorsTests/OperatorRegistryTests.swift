import Foundation
import Testing
import UQGraph
import UQOperators

@Suite struct OperatorRegistryTests {
  /// A file of the folder declares the type of its name; every operator is in the registry, once.
  @Test func registryListsTheFolder() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Sources/UQOperators")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".swift") }
    let declaration = try NSRegularExpression(
      pattern: #"^public (?:struct|enum) (\w+)\s*:[^{]*\b(?:Foreign|Lowerable)?Operator\b"#,
      options: [.anchorsMatchLines])
    var declared: [String] = []
    for file in files {
      let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
      let matches = declaration.matches(in: text, range: NSRange(text.startIndex..., in: text))
      let names = matches.compactMap { match in
        Range(match.range(at: 1), in: text).map { String(text[$0]) }
      }
      #expect(names.isEmpty || names == [String(file.dropLast(6))], "\(file) declares \(names)")
      declared += names
    }
    let registered = allOperators.map { String(describing: $0) }
    #expect(declared.count > 10)
    #expect(registered == declared.sorted())
  }

  @Test func namesOfTheTextFormAreUnique() {
    let names = allOperators.compactMap { ($0 as? any Operator.Type)?.spec.name }
    #expect(Set(names).count == names.count)
  }

  /// At most one rule reads a foreign operator of a version.
  @Test func rulesDoNotOverlap() {
    let rules = allOperators.flatMap { $0.imports }
    for (name, group) in Dictionary(
      grouping: rules, by: { "\($0.dialect) \($0.domain) \($0.operatorName)" })
    {
      let sorted = group.sorted { $0.versions.lowerBound < $1.versions.lowerBound }
      for (a, b) in zip(sorted, sorted.dropFirst()) {
        #expect(a.versions.upperBound < b.versions.lowerBound, "\(name)")
      }
    }
  }
}
