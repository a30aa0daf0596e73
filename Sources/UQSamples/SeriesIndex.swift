import UQSupport

/// Lists the windows of CSV files, which takes reading each file once.
struct SeriesIndex {
  var files: [String]
  var paths: [String]
  var labels: [Int]?
  var classes: [String]?

  /// The windows as samples.
  ///
  /// A file that cannot be read or is shorter than a window is one sample, so that asking for it
  /// reports it; but one whose rows should hold labels is an error.
  func contents(_ form: SampleFolder.Form, _ preprocessing: Preprocessing) throws -> FolderContents
  {
    var names: [String] = []
    var samples: [(path: String, window: Int)] = []
    var expanded: [Int] = []
    var texts: [String] = []
    for (i, path) in paths.enumerated() {
      let table: CSVTable?
      if preprocessing.labelColumn == nil {
        table = try? SeriesStore.table(path, preprocessing)
      } else {
        table = try SeriesStore.table(path, preprocessing)
      }
      let count = table.map { SeriesStore.windows(in: $0.rowCount, preprocessing) } ?? 0
      guard names.count + count <= 1 << 26 else {
        throw Diagnostic(
          id: "samples.csv.windows", "more than \(1 << 26) windows; set preprocess.step",
          at: SourcePlace(file: path))
      }
      for window in 0..<max(count, 1) {
        names.append("\(files[i])[\(window)]")
        samples.append((path, window))
        if let labels { expanded.append(labels[i]) }
        if preprocessing.labelColumn != nil, let table {
          let rows = SeriesStore.rows(window, of: table.rowCount, preprocessing)
          texts.append(table.labels[min(rows.upperBound, table.rowCount) - 1])
        }
      }
    }
    var contents = FolderContents(
      form: form, names: names, labels: labels == nil ? nil : expanded, classes: classes,
      store: SeriesStore(preprocessing: preprocessing, samples: samples))
    if preprocessing.labelColumn != nil {
      try contents.setLabels(texts, place: SourcePlace(file: paths.first))
    }
    return contents
  }
}

extension FolderContents {
  /// Takes labels from the texts of a column: indices, or class names.
  fileprivate mutating func setLabels(_ texts: [String], place: SourcePlace) throws(Diagnostic) {
    // Exporters write 1 as 1.0 where the table was floating-point.
    let indices = texts.compactMap { text in
      Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
    }
    if indices.count == texts.count {
      if let bad = indices.first(where: { $0 < 0 || $0 >= classes?.count ?? 1 << 20 }) {
        throw Diagnostic(
          id: "samples.labels.class",
          "label \(bad) is outside 0..<\(classes?.count ?? 1 << 20)", at: place)
      }
      labels = indices
      return
    }
    let order = classes ?? Set(texts).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    var index: [String: Int] = [:]
    for (i, name) in order.enumerated() where index[name] == nil { index[name] = i }
    var result: [Int] = []
    for text in texts {
      guard let label = index[text] else {
        throw Diagnostic(
          id: "samples.labels.class",
          "class '\(text.prefix(40))' is not among: \(order.prefix(40).joined(separator: ", "))",
          at: place)
      }
      result.append(label)
    }
    labels = result
    classes = order
  }
}
