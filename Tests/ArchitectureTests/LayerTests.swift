import Foundation
import Testing

/// The rule of Documentation/Design.md: who may import whom.
@Suite struct LayerTests {
  private let tree = SourceTree()

  /// Targets from the bottom up; a target imports targets of lower ranks only, so targets of one
  /// rank never import each other.
  private static let ranks: [[String]] = [
    ["CProtobufC", "CLibMD", "CMedia", "COneDNN", "UQRuntime"],
    ["COnnx", "CCalibration", "UQSupport"],
    ["UQNumerics"],
    ["UQGraph"],
    ["UQKernels"],
    ["UQOperators"],
    [
      "UQOnnx", "UQRelay", "UQPasses", "UQEngine", "UQSamples", "UQCalibration", "UQQuantizer",
      "UQAllocation", "UQPlanner", "UQCodegen", "UQSimulator", "UQBoards", "UQReport",
    ],
    ["UQToolkit"],
    ["uq"],
  ]

  /// Who alone may import a target that only one layer needs.
  private static let soleUsers: [String: Set<String>] = [
    "CProtobufC": ["COnnx", "CCalibration", "UQOnnx", "UQCalibration"],
    "COnnx": ["UQOnnx"],
    "CCalibration": ["UQCalibration"],
    "CLibMD": ["UQSupport"],
    "CMedia": ["UQSamples"],
    "COneDNN": ["UQEngine", "UQCalibration"],
    "UQRuntime": ["UQKernels"],
    "Yams": ["UQSamples", "UQToolkit"],
    "ArgumentParser": ["uq"],
  ]

  /// Modules of the toolchain.
  private static let toolchain: Set<String> = ["Dispatch", "Foundation", "Synchronization"]

  /// Programs of the build, outside of the layers.
  private static let tools: Set<String> = ["uq-embed"]

  private func imports(of target: String) throws -> [(file: String, module: String)] {
    try tree.files(in: "Sources/\(target)", ["swift"]).flatMap { file in
      try tree.captures(
        #"^\s*(?:@\w+\s+)*(?:(?:public|package|internal|private)\s+)?import\s+(?:struct\s+|class\s+|enum\s+|func\s+)?(\w+)"#,
        in: try tree.text(file)
      ).map { (file, $0) }
    }
  }

  @Test func everyTargetHasARank() throws {
    let ranked = Set(Self.ranks.joined())
    for name in try tree.names(in: "Sources") where !Self.tools.contains(name) {
      #expect(ranked.contains(name), "Sources/\(name) has no layer: add it here and to Design.md")
    }
  }

  @Test func importsPointDown() throws {
    var rank: [String: Int] = [:]
    for (index, names) in Self.ranks.enumerated() {
      for name in names { rank[name] = index }
    }
    var count = 0
    for target in try tree.names(in: "Sources") where !Self.tools.contains(target) {
      let own = try #require(rank[target])
      for (file, module) in try imports(of: target) where !Self.toolchain.contains(module) {
        count += 1
        if let users = Self.soleUsers[module] {
          #expect(users.contains(target), "\(file) imports \(module), which is not \(target)'s")
        }
        if let other = rank[module] {
          #expect(other < own, "\(file) imports \(module), which is not below \(target)")
        } else {
          #expect(Self.soleUsers[module] != nil, "\(file) imports \(module), which no layer is")
        }
      }
    }
    #expect(count > 100)
  }

  /// The manifest allows no import that the rule forbids.
  @Test func manifestKeepsTheRule() throws {
    var rank: [String: Int] = [:]
    for (index, names) in Self.ranks.enumerated() {
      for name in names { rank[name] = index }
    }
    let manifest = try tree.text("Package.swift")
    let layers = try NSRegularExpression(
      pattern: #"layer\(\s*"(\w+)",\s*\[([^\]]*)\]"#, options: [.dotMatchesLineSeparators])
    let whole = NSRange(manifest.startIndex..., in: manifest)
    let matches = layers.matches(in: manifest, range: whole)
    #expect(matches.count > 12)
    for match in matches {
      let name = String(manifest[try #require(Range(match.range(at: 1), in: manifest))])
      let list = String(manifest[try #require(Range(match.range(at: 2), in: manifest))])
      let own = try #require(rank[name], "\(name) has no layer")
      for dependency in try tree.captures(#""(\w+)""#, in: list) {
        let other = rank[dependency] ?? (Self.soleUsers[dependency] == nil ? Int.max : -1)
        #expect(other < own, "Package.swift lets \(name) import \(dependency)")
      }
    }
  }

  /// The runtime needs no library: three freestanding headers and its own.
  @Test func runtimeIncludesNothingElse() throws {
    let allowed: Set<String> = ["<stddef.h>", "<stdint.h>", "<string.h>"]
    let files = try tree.files(in: "Sources/UQRuntime", ["c", "h"])
    #expect(files.count > 20)
    let own = Set(files.map { "\"\(($0 as NSString).lastPathComponent)\"" })
    for file in files {
      for header in try tree.captures(#"^\s*#\s*include\s+(\S+)"#, in: try tree.text(file)) {
        #expect(allowed.contains(header) || own.contains(header), "\(file) includes \(header)")
      }
    }
  }

  /// No floating point and no heap in the runtime.
  @Test func runtimeIsIntegerOnly() throws {
    for file in try tree.files(in: "Sources/UQRuntime", ["c", "h"]) {
      let found = try tree.captures(
        #"^(?!\s*(?:/?\*|//)).*\b(float|double|malloc|calloc|realloc|free|printf)\b\s*[\w(*]"#,
        in: try tree.text(file))
      #expect(found.isEmpty, "\(file) uses \(found)")
    }
  }
}
