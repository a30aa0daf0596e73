import UQSupport

/// Finds the files of the runtime that a program needs.
struct RuntimeClosure {
  /// Text of each file of the runtime.
  private let files: [String: String]

  /// Takes the runtime's files.
  init(_ files: [(name: String, text: String)]) {
    self.files = Dictionary(files.map { ($0.name, $0.text) }) { first, _ in first }
  }

  /// Whether the runtime has a file of that name.
  func contains(_ name: String) -> Bool { files[name] != nil }

  /// The files that `roots` need, with the roots, sorted by name.
  ///
  /// A file needs what it includes; an included `X.h` needs `X.c` where there is one, and a kernel body
  /// that calls `UQ_SYMBOL(f)` needs `f.c` of the width that its source file defines.
  ///
  /// - Throws: `codegen.runtime.missing`.
  func files(for roots: some Sequence<String>) throws(Diagnostic) -> [(name: String, text: String)]
  {
    var found: Set<String> = []
    var visited: Set<Visit> = []
    var open = Array(Set(roots)).sorted().map { Visit(name: $0, suffix: nil) }
    while let visit = open.popLast() {
      guard visited.insert(visit).inserted else { continue }
      guard let text = files[visit.name] else {
        throw Diagnostic(
          id: "codegen.runtime.missing", "the runtime has no file '\(visit.name)'")
      }
      found.insert(visit.name)
      let suffix = Self.suffix(of: text) ?? visit.suffix
      for include in Self.includes(text) {
        open.append(Visit(name: include, suffix: suffix))
        let source = include.dropLast(2) + ".c"
        if include.hasSuffix(".h"), contains(String(source)) {
          open.append(Visit(name: String(source), suffix: nil))
        }
      }
      if let suffix {
        for function in Self.symbols(text) where contains("\(function)\(suffix).c") {
          open.append(Visit(name: "\(function)\(suffix).c", suffix: nil))
        }
      }
    }
    return found.sorted().compactMap { name in files[name].map { (name, $0) } }
  }

  private struct Visit: Hashable {
    var name: String
    /// What the including source appends to `UQ_SYMBOL` names.
    var suffix: String?
  }

  private static func includes(_ text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      guard line.hasPrefix("#include \"") else { return nil }
      return line.dropFirst(10).split(separator: "\"").first.map(String.init)
    }
  }

  private static func suffix(of text: String) -> String? {
    for line in text.split(separator: "\n") where line.hasPrefix("#define UQ_WEIGHT_BITS ") {
      let bits = line.split(separator: " ")[2]
      return bits == "8" ? "" : "_w\(bits)"
    }
    return nil
  }

  private static func symbols(_ text: String) -> [String] {
    var result: [String] = []
    var rest = text[...]
    while let start = rest.firstRange(of: "UQ_SYMBOL(") {
      rest = rest[start.upperBound...]
      result.append(String(rest.prefix { $0 == "_" || $0.isLetter || $0.isNumber }))
    }
    return result
  }
}
