import Foundation
import Testing
import UQSupport

@testable import UQCodegen

struct RuntimeClosureTests {
  private let files: [(name: String, text: String)] = [
    ("a.c", "#define UQ_WEIGHT_BITS 4\n#include \"body.h\"\n"),
    ("b.c", "#include <string.h>\n#include \"b.h\"\n"),
    ("b.h", "#include \"c.h\"\n"),
    ("body.h", "#include \"b.h\"\nvoid f(void) { UQ_SYMBOL(g)(UQ_SYMBOL(none)); }\n"),
    ("c.c", "#include \"c.h\"\n"), ("c.h", ""), ("g.c", ""), ("g_w4.c", "#include \"c.h\"\n"),
    ("gone.c", "#include \"missing.h\"\n"),
  ]

  @Test func includesTheirSourcesAndNamedSymbolsAreFollowed() throws {
    let closure = RuntimeClosure(files)
    #expect(
      try closure.files(for: ["a.c"]).map(\.name) == [
        "a.c", "b.c", "b.h", "body.h", "c.c", "c.h", "g_w4.c",
      ])
    #expect(try closure.files(for: ["c.c"]).map(\.name) == ["c.c", "c.h"])
  }

  @Test func missingFilesAreErrors() {
    #expect { try RuntimeClosure(files).files(for: ["gone.c"]) } throws: {
      ($0 as? Diagnostic)?.id == "codegen.runtime.missing"
    }
  }

  /// Every source of the real runtime links with nothing but its closure and memcpy and memset.
  @Test(.enabled(if: Compiler.available.contains { $0.name == "gcc" }))
  func closuresOfTheRuntimeLink() throws {
    let runtime = CodeGenerator.runtimeFiles
    let folder = try Folder(runtime.map { ($0.name, Data($0.text.utf8)) })
    let compiler = try #require(Compiler.available.first { $0.name == "gcc" })
    #expect(try compiler.strictly(folder, optimization: "-O1") == "")
    var defined: [String: Set<String>] = [:]
    var undefined: [String: Set<String>] = [:]
    for name in folder.names where name.hasSuffix(".c") {
      let symbols = try folder.run("/usr/bin/nm", [name.dropLast(2) + ".o"]).text
      for line in symbols.split(separator: "\n") {
        let parts = line.split(separator: " ")
        guard let symbol = parts.last.map(String.init), parts.count >= 2 else { continue }
        if parts[parts.count - 2] == "U" {
          undefined[name, default: []].insert(symbol)
        } else {
          defined[name, default: []].insert(symbol)
        }
      }
    }
    #expect(!defined.isEmpty)
    let closure = RuntimeClosure(runtime)
    for root in folder.names where root.hasSuffix(".c") {
      let needed = try closure.files(for: [root]).map(\.name)
      var open = needed.reduce(into: Set(["memcpy", "memset"])) { $0.formUnion(defined[$1] ?? []) }
      open = needed.reduce(into: Set()) { $0.formUnion(undefined[$1] ?? []) }.subtracting(open)
      #expect(open.isEmpty, "\(root) needs \(open.sorted())")
    }
  }
}
