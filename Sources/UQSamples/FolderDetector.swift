import Foundation
import UQNumerics
import UQSupport

/// Finds out which form a folder has, and lists its samples.
struct FolderDetector {
  var path: String
  var preprocessing: Preprocessing
  var dataset: DatasetDescription?
  var inputs: [(name: String, type: TensorType)]?
  var reader: TensorProtoReader?

  /// What a folder may hold, for messages.
  static let accepted =
    "accepted are pictures, WAV clips or CSV series in one sub-folder per class or with "
    + "labels.csv, inputs.npy with labels.npy, .npy files, .npz files, and folders with input_0.pb"

  private var place: SourcePlace { SourcePlace(file: path) }
  private func full(_ file: String) -> String {
    path.hasSuffix("/") ? path + file : "\(path)/\(file)"
  }

  /// Lists the samples of the folder or file.
  func detect() throws -> FolderContents {
    guard access(path, F_OK) == 0 else {
      throw Diagnostic(
        id: "samples.folder.missing", "there is no such folder or file of samples", at: place)
    }
    guard FolderContents.isFolder(path) else { return try singleFile() }
    let walk = try DirectoryWalk(path)
    var contents = try folder(walk)
    contents.notes = walk.notes + contents.notes
    if contents.names.isEmpty { throw empty(walk) }
    return contents
  }

  private func folder(_ walk: DirectoryWalk) throws -> FolderContents {
    let present = Set(walk.files)
    let listed =
      present.contains("classes.txt")
      ? try LabelFile.classes(path: full("classes.txt")) : nil
    let classes = listed ?? dataset?.classes
    for name in ["inputs.npy", "inputs.npz"] where present.contains(name) {
      return try arrays(name, present, classes)
    }
    if present.contains("labels.csv") {
      return try labelledFiles(walk.files, present, classes)
    }
    let media = walk.files.filter { file in
      MediaKind(path: file) != nil && !["labels.npy", "labels.csv"].contains(Self.base(file))
    }
    let protos = media.filter { Self.protoIndex($0) != nil }
    if !protos.isEmpty {
      _ = try commonKind(media)
      return try testFolders(protos)
    }
    if let inner = media.first(where: { ["inputs.npy", "inputs.npz"].contains(Self.base($0)) }) {
      throw Diagnostic(
        id: "samples.folder.mixed", "the samples are in sub-folders (\(inner)); name one of these",
        at: place)
    }
    let nested = media.filter { $0.contains("/") }
    let flat = media.filter { !$0.contains("/") }
    guard let kind = try commonKind(media) else { throw empty(walk) }
    if !nested.isEmpty && !flat.isEmpty {
      throw Diagnostic(
        id: "samples.folder.mixed",
        "\(flat.count) files beside sub-folders with \(nested.count) (\(flat[0]), \(nested[0])); "
          + "keep samples either flat or in one sub-folder per class", at: place)
    }
    if flat.isEmpty {
      return try classFolders(nested, walk.folders, kind, listed)
    }
    return try flatFiles(flat, kind, hasLabels: present.contains("labels.npy"), classes)
  }

  /// The one kind of `files`; `nil` where there are none.
  private func commonKind(_ files: [String]) throws(Diagnostic) -> MediaKind? {
    let kinds = Dictionary(grouping: files) { MediaKind(path: $0) }
    let found = MediaKind.allCases.filter { kinds[$0] != nil }
    guard found.count > 1 else { return found.first }
    let counts = found.map { "\(kinds[$0]?.count ?? 0) \($0.plural)" }.joined(separator: ", ")
    throw Diagnostic(
      id: "samples.folder.mixed", "the folder mixes \(counts); keep one kind", at: place)
  }

  private func empty(_ walk: DirectoryWalk) -> Diagnostic {
    let found =
      walk.files.isEmpty
      ? "the folder has no files"
      : "none of \(walk.files.count) files is a sample "
        + "(\(walk.files.prefix(3).joined(separator: ", ")))"
    let links = walk.notes.isEmpty ? "" : ", \(walk.notes.count) links were passed over"
    return Diagnostic(id: "samples.folder.empty", "\(found)\(links); \(Self.accepted)", at: place)
  }

  // MARK: Forms

  private func classFolders(
    _ files: [String], _ folders: [String], _ kind: MediaKind, _ listed: [String]?
  ) throws -> FolderContents {
    var notes: [Diagnostic] = []
    let (classes, index) = try classOrder(folders, listed, &notes)
    let grouped = Dictionary(grouping: files) { String($0.prefix { $0 != "/" }) }
    for folder in folders where grouped[folder] == nil {
      notes.append(
        Diagnostic(
          .warning, id: "samples.classes.no-samples", "the class has no samples",
          at: SourcePlace(file: full(folder))))
    }
    var ordered: [(file: String, label: Int)] = []
    for folder in folders.sorted(by: { index[$0] ?? 0 < index[$1] ?? 0 }) {
      ordered += (grouped[folder] ?? []).map { ($0, index[folder] ?? 0) }
    }
    var contents = try fileSamples(
      .classFolders, ordered.map(\.file), kind, labels: ordered.map(\.label), classes: classes)
    contents.notes += notes
    return contents
  }

  /// Names of the classes and the index of each folder: by classes.txt, else by dataset.json where
  /// it names every folder, else sorted.
  private func classOrder(_ folders: [String], _ listed: [String]?, _ notes: inout [Diagnostic])
    throws -> ([String], [String: Int])
  {
    if let listed {
      var index: [String: Int] = [:]
      for (i, name) in listed.enumerated() {
        index[name] = i
        let folder = name.replacingOccurrences(of: " ", with: "_")
        if index[folder] == nil { index[folder] = i }
      }
      var problems = ProblemList()
      for folder in folders where index[folder] == nil {
        problems.add(
          "samples.classes.unknown-folder",
          "the folder is no class of classes.txt: \(listed.prefix(40).joined(separator: ", "))",
          SourcePlace(file: full(folder)))
      }
      try problems.check()
      return (listed, index)
    }
    func plain(_ name: String) -> String {
      name.lowercased().replacingOccurrences(of: " ", with: "_")
        .trimmingCharacters(in: CharacterSet(charactersIn: "_"))
    }
    if let named = dataset?.classes {
      let index = Dictionary(
        named.enumerated().map { (plain($0.element), $0.offset) }, uniquingKeysWith: { a, _ in a })
      let found = folders.compactMap { index[plain($0)] }
      if found.count == folders.count, Set(found).count == found.count {
        return (named, Dictionary(uniqueKeysWithValues: zip(folders, found)))
      }
      notes.append(
        Diagnostic(
          .warning, id: "samples.classes.order",
          "the sub-folders are not the classes of dataset.json; their sorted names are the order",
          at: place))
    }
    return (folders, Dictionary(uniqueKeysWithValues: folders.enumerated().map { ($1, $0) }))
  }

  private func labelledFiles(_ files: [String], _ present: Set<String>, _ classes: [String]?)
    throws -> FolderContents
  {
    let list = try LabelFile(path: full("labels.csv"), present: present, known: classes)
    for file in list.files where MediaKind(path: file) == nil || MediaKind(path: file) == .proto {
      throw Diagnostic(
        id: "samples.labels.kind", "'\(file)' is no picture, clip, series or array",
        at: SourcePlace(file: full("labels.csv")))
    }
    guard let kind = try commonKind(list.files) else {
      throw Diagnostic(id: "samples.labels.empty", "no sample is listed", at: place)
    }
    var contents = try fileSamples(
      .labelledFiles, list.files, kind, labels: list.labels, classes: list.classes)
    let used = Set(list.files)
    let spare = files.filter {
      MediaKind(path: $0) == kind && !used.contains($0) && $0 != "labels.csv"
    }
    if let first = spare.first {
      contents.notes.append(
        Diagnostic(
          .warning, id: "samples.labels.unlisted",
          "\(spare.count) files are not in labels.csv and left out (\(first))", at: place))
    }
    return contents
  }

  private func flatFiles(
    _ files: [String], _ kind: MediaKind, hasLabels: Bool, _ classes: [String]?
  ) throws -> FolderContents {
    if files.count == 1, kind == .archive || kind == .array {
      let arrays = try open(files[0], kind)
      if hasSampleAxis(arrays, kind, inFolder: true) {
        return try sampleAxis(arrays, files[0], hasLabels: hasLabels, classes)
      }
    }
    var contents = try fileSamples(.files, files, kind, labels: nil, classes: classes)
    if hasLabels {
      contents.labels = try LabelFile.indices(
        path: full("labels.npy"), count: contents.names.count, limit: classes?.count)
    }
    return contents
  }

  private func arrays(_ file: String, _ present: Set<String>, _ classes: [String]?) throws
    -> FolderContents
  {
    let arrays = try open(file, MediaKind(path: file) ?? .array)
    var contents = try sampleAxis(
      arrays, file, hasLabels: present.contains("labels.npy"), classes)
    let spare = present.subtracting([file, "labels.npy"]).filter { MediaKind(path: $0) != nil }
    if let first = spare.min() {
      contents.notes.append(
        Diagnostic(
          .note, id: "samples.folder.unused",
          "passed over: \(spare.count) files beside \(file) (\(first))", at: place))
    }
    return contents
  }

  private func open(_ file: String, _ kind: MediaKind) throws -> [(String?, NumPyArray)] {
    let path = FolderContents.isFolder(path) ? full(file) : file
    if kind == .array { return [(nil, try NumPyFile.open(path))] }
    return try NumPyArchive.open(path).map { ($0.name, $0.array) }
  }

  /// Whether the first axis of all arrays counts samples: not where they fit the model as they are.
  private func hasSampleAxis(
    _ arrays: [(String?, NumPyArray)], _ kind: MediaKind, inFolder: Bool
  ) -> Bool {
    let counts = Set(arrays.map { $0.1.shape.rank == 0 ? -1 : $0.1.sampleCount })
    guard counts.count == 1, !counts.contains(-1) else { return false }
    if let inputs, inputs.count == arrays.count {
      let fits = arrays.enumerated().allSatisfy { i, item in
        let input = inputs.first { $0.name == item.0 } ?? inputs[i]
        return input.type.shape.count == item.1.shape.count
      }
      return !fits
    }
    // Any .npy file in a folder is one sample.
    return !(inFolder && kind == .array)
  }

  private func sampleAxis(
    _ arrays: [(String?, NumPyArray)], _ file: String, hasLabels: Bool, _ classes: [String]?
  ) throws -> FolderContents {
    let counts = arrays.map { $0.1.sampleCount }
    guard let count = counts.first, counts.allSatisfy({ $0 == count }) else {
      let list = arrays.map { "\($0.0 ?? file) \($0.1.shape)" }.joined(separator: ", ")
      throw Diagnostic(
        id: "samples.arrays.count", "the arrays have different numbers of samples: \(list)",
        at: SourcePlace(file: full(file)))
    }
    guard count > 0 else {
      throw Diagnostic(
        id: "samples.folder.empty",
        "the array \(arrays[0].1.shape) has no samples along its first axis",
        at: SourcePlace(file: full(file)))
    }
    guard count <= 1 << 26 else {
      throw Diagnostic(
        id: "samples.arrays.count", "\(count) samples are more than \(1 << 26)",
        at: SourcePlace(file: full(file)))
    }
    let labels =
      hasLabels
      ? try LabelFile.indices(path: full("labels.npy"), count: count, limit: classes?.count) : nil
    return FolderContents(
      form: .arrays, names: (0..<count).map { "\(file)[\($0)]" }, labels: labels,
      classes: classes, store: ArrayStore(arrays: arrays.map { (name: $0.0, array: $0.1) }))
  }

  private static func base(_ file: String) -> String {
    file.split(separator: "/").last.map(String.init) ?? file
  }

  /// The number in `input_K.pb`.
  private static func protoIndex(_ file: String) -> Int? {
    let name = base(file)
    guard name.hasPrefix("input_"), name.hasSuffix(".pb") else { return nil }
    return Int(name.dropFirst(6).dropLast(3))
  }

  private func testFolders(_ files: [String]) throws -> FolderContents {
    guard let reader else {
      throw Diagnostic(id: "samples.pb.unsupported", "ONNX tensors are not read here", at: place)
    }
    let grouped = Dictionary(grouping: files) { FolderContents.parent(of: $0) }
    let folders = grouped.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    var paths: [[String]] = []
    for folder in folders {
      let list = (grouped[folder] ?? []).sorted {
        Self.protoIndex($0) ?? 0 < Self.protoIndex($1) ?? 0
      }
      guard list.map({ Self.protoIndex($0) }) == Array(0..<list.count) else {
        throw Diagnostic(
          id: "samples.pb.numbering",
          "inputs are not numbered from 0 on: \(list.prefix(8).joined(separator: ", "))", at: place)
      }
      paths.append(list.map(full))
    }
    return FolderContents(
      form: .testFolders, names: folders.map { $0 == "." ? "input_0.pb" : $0 },
      store: ProtoStore(paths: paths, reader: reader))
  }

  private func singleFile() throws -> FolderContents {
    let short = path.split(separator: "/").last.map(String.init) ?? path
    guard let kind = MediaKind(path: short) else {
      throw Diagnostic(
        id: "samples.folder.empty", "the file is no sample; \(Self.accepted)", at: place)
    }
    switch kind {
    case .array, .archive:
      let arrays = try open(path, kind)
      if hasSampleAxis(arrays, kind, inFolder: false) {
        return try sampleAxis(arrays, short, hasLabels: false, dataset?.classes)
      }
    case .proto:
      guard let reader else {
        throw Diagnostic(id: "samples.pb.unsupported", "ONNX tensors are not read here", at: place)
      }
      return FolderContents(
        form: .testFolders, names: [short], store: ProtoStore(paths: [[path]], reader: reader))
    default: break
    }
    return try fileSamples(.files, [short], kind, labels: nil, classes: nil, paths: [path])
  }

  /// Samples of which each file has one, or a series several.
  private func fileSamples(
    _ form: SampleFolder.Form, _ files: [String], _ kind: MediaKind, labels: [Int]?,
    classes: [String]?, paths given: [String]? = nil
  ) throws -> FolderContents {
    let paths = given ?? files.map(full)
    if kind == .proto {
      throw Diagnostic(
        id: "samples.folder.mixed", ".pb files must be named input_0.pb, input_1.pb, ...",
        at: place)
    }
    guard kind == .series, preprocessing.window != nil else {
      let store: any SampleStore =
        kind == .series
        ? SeriesStore(preprocessing: preprocessing, samples: paths.map { ($0, 0) })
        : FileStore(paths: paths, kind: kind, preprocessing: preprocessing)
      return FolderContents(
        form: form, names: files, labels: labels, classes: classes, store: store)
    }
    return try SeriesIndex(files: files, paths: paths, labels: labels, classes: classes)
      .contents(form, preprocessing)
  }
}
