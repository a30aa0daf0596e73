import Foundation

/// The files of this package.
struct SourceTree {
  /// Folder of `Package.swift`.
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Text of the file at `path` under the root.
  func text(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  /// Names in a folder, sorted; hidden ones left out.
  func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(folder).path)
      .filter { !$0.hasPrefix(".") }.sorted()
  }

  /// Paths under the root of every file below `folder` that ends in one of `extensions`.
  func files(in folder: String, _ extensions: Set<String>) throws -> [String] {
    let base = root.appendingPathComponent(folder).path
    return try FileManager.default.subpathsOfDirectory(atPath: base)
      .filter { extensions.contains(($0 as NSString).pathExtension) }
      .map { folder + "/" + $0 }.sorted()
  }

  /// What the first group of `pattern` matches, line by line.
  func captures(_ pattern: String, in text: String) throws -> [String] {
    let expression = try NSRegularExpression(pattern: pattern, options: [.anchorsMatchLines])
    return expression.matches(in: text, range: NSRange(text.startIndex..., in: text))
      .compactMap { match in Range(match.range(at: 1), in: text).map { String(text[$0]) } }
  }
}
