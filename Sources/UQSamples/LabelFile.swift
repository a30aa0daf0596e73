import Foundation
import UQNumerics
import UQSupport

/// Collects the problems of opening a folder; the first few are reported in full.
struct ProblemList {
  private(set) var all: [Diagnostic] = []
  private var hidden = 0
  private static let shown = 20

  mutating func add(_ problem: Diagnostic) {
    if all.count < Self.shown { all.append(problem) } else { hidden += 1 }
  }

  mutating func add(_ id: String, _ message: String, _ place: SourcePlace) {
    add(Diagnostic(id: id, message, at: place))
  }

  /// Throws what was collected, if anything.
  func check() throws(Diagnostics) {
    guard let last = all.last else { return }
    var list = all
    if hidden > 0 { list.append(Diagnostic(id: last.id, "and \(hidden) problems more")) }
    throw Diagnostics(list)
  }
}

/// `labels.csv`: which files are samples and what class each is of.
///
/// A header with `file` and `label` (an index or a class name) or `class` (a name) or both; without
/// a header the first field is the file, the second the label.
struct LabelFile {
  /// Paths below the folder in the file's order.
  var files: [String]
  /// Class of each file.
  var labels: [Int]
  var classes: [String]?

  /// Reads `path`; `present` are the files below the folder, `known` its classes where they are
  /// listed elsewhere.
  ///
  /// - Throws: `samples.labels.empty`, `.row`, `.missing-file`, `.duplicate`, `.path`, `.class`,
  ///   `.conflict`, together.
  init(path: String, present: Set<String>, known: [String]?) throws(Diagnostics) {
    var problems = ProblemList()
    let place = SourcePlace(file: path)
    let content: FileContent
    do { content = try FileContent(path: path, limit: 1 << 30) } catch {
      throw Diagnostics([error])
    }
    var reader = CSVReader(content.bytes)
    var columns = (file: 0, label: 1 as Int?, class: nil as Int?)
    var pending = reader.row()
    if let first = pending, let header = Self.header(first) {
      columns = header
      pending = reader.row()
    }
    guard columns.label != nil || columns.class != nil else {
      throw Diagnostics([
        Diagnostic(
          id: "samples.labels.row", "the header has neither 'label' nor 'class'", at: place)
      ])
    }
    var rows: [(file: String, label: String?, name: String?, line: Int)] = []
    var seen: [String: Int] = [:]
    let needed = max(columns.file, columns.label ?? 0, columns.class ?? 0) + 1
    while let row = pending {
      var here = place
      here.line = reader.line
      pending = reader.row()
      guard row.count >= needed, !row[columns.file].isEmpty else {
        problems.add(
          "samples.labels.row", "\(row.count) fields, \(needed) are needed (file,label)", here)
        continue
      }
      let file =
        row[columns.file].hasPrefix("./")
        ? String(row[columns.file].dropFirst(2)) : row[columns.file]
      if file.hasPrefix("/") || file.split(separator: "/").contains("..") {
        problems.add("samples.labels.path", "'\(file)' leads out of the folder", here)
      } else if !present.contains(file) {
        problems.add("samples.labels.missing-file", "there is no file '\(file)'", here)
      } else if let line = seen[file] {
        problems.add(
          "samples.labels.duplicate", "'\(file)' is listed twice, first in line \(line)", here)
      } else {
        seen[file] = here.line
        rows.append(
          (file, columns.label.map { row[$0] }, columns.class.map { row[$0] }, here.line ?? 0))
      }
    }
    if rows.isEmpty && problems.all.isEmpty {
      problems.add("samples.labels.empty", "no file is listed", place)
    }
    files = rows.map(\.file)
    let indices = rows.map { row in row.label.flatMap { Int($0) } }
    if columns.label != nil, indices.allSatisfy({ $0 != nil }) {
      labels = indices.map { $0 ?? 0 }
      classes = known
      var named: [Int: String] = [:]
      for (row, label) in zip(rows, labels) {
        let here = SourcePlace(file: path, line: row.line)
        if label < 0 || label >= known?.count ?? 1 << 20 {
          problems.add(
            "samples.labels.class",
            "label \(label) is outside 0..<\(known?.count ?? 1 << 20)", here)
        } else if let name = row.name, let other = named.updateValue(name, forKey: label),
          other != name
        {
          problems.add(
            "samples.labels.conflict", "label \(label) is '\(other)' above and '\(name)' here", here
          )
        }
      }
      if known == nil, !named.isEmpty, let last = labels.max(), last < 1 << 20 {
        classes = (0...max(last, 0)).map { named[$0] ?? String($0) }
      }
    } else {
      let names = rows.map { $0.name ?? $0.label ?? "" }
      let order = known ?? Set(names).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      let index = Dictionary(
        order.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
      labels = []
      classes = order
      for (row, name) in zip(rows, names) {
        if index[name] == nil {
          problems.add(
            "samples.labels.class",
            "class '\(name)' is not among: \(order.prefix(40).joined(separator: ", "))",
            SourcePlace(file: path, line: row.line))
        }
        labels.append(index[name] ?? 0)
      }
    }
    try problems.check()
  }

  private static func header(_ row: [String]) -> (file: Int, label: Int?, class: Int?)? {
    let names = row.map { $0.lowercased() }
    let file = names.firstIndex { ["file", "filename", "path", "name"].contains($0) }
    return file.map { ($0, names.firstIndex(of: "label"), names.firstIndex(of: "class")) }
  }

  /// Reads `labels.npy`, one index for each of `count` samples, below `limit` where it is known.
  ///
  /// - Throws: `samples.labels.type`, `samples.labels.count`, `samples.labels.class`;
  ///   `samples.npy.*`.
  static func indices(path: String, count: Int, limit: Int?) throws(Diagnostic) -> [Int] {
    let place = SourcePlace(file: path)
    let tensor = try NumPyFile.read(path)
    guard tensor.shape.dimensions.filter({ $0 != 1 }).count <= 1 else {
      throw Diagnostic(
        id: "samples.labels.type",
        "labels are \(tensor.type), one index for each sample is accepted, not one-hot rows",
        at: place)
    }
    guard tensor.count == count else {
      throw Diagnostic(
        id: "samples.labels.count", "\(tensor.count) labels for \(count) samples", at: place)
    }
    let labels = tensor.integers
    if tensor.element.isFloat, tensor.floats != labels.map(Float.init) {
      throw Diagnostic(
        id: "samples.labels.type", "labels are \(tensor.type) and not whole numbers", at: place)
    }
    let end = limit ?? 1 << 20
    if let bad = labels.firstIndex(where: { $0 < 0 || $0 >= end }) {
      throw Diagnostic(
        id: "samples.labels.class",
        "label \(labels[bad]) of sample \(bad) is outside 0..<\(end)", at: place)
    }
    return labels
  }

  /// Reads `classes.txt`: a name in each line.
  ///
  /// - Throws: `samples.classes.empty`, `samples.classes.duplicate`, `samples.classes.encoding`.
  static func classes(path: String) throws(Diagnostic) -> [String] {
    let place = SourcePlace(file: path)
    guard let text = try FileContent(path: path, limit: 1 << 24).text else {
      throw Diagnostic(id: "samples.classes.encoding", "the names are not UTF-8", at: place)
    }
    let names = text.split(whereSeparator: \.isNewline).map {
      $0.trimmingCharacters(in: .whitespaces)
    }.filter { !$0.isEmpty }
    guard !names.isEmpty else {
      throw Diagnostic(id: "samples.classes.empty", "no class is named", at: place)
    }
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted {
      throw Diagnostic(
        id: "samples.classes.duplicate", "class '\(name)' is named twice", at: place)
    }
    return names
  }
}
