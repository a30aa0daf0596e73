import Foundation
import UQSupport

/// An input or output of an exported model.
public struct ExportPort: Hashable, Sendable {
  /// The model's name for it.
  public var name: String
  /// Type of an element in C: `int8_t`.
  public var cType: String
  /// Number of elements.
  public var elements: Int

  /// Bytes of an element.
  public var elementBytes: Int { Self.bytes[cType] ?? 1 }
  /// Bytes of all elements.
  public var byteCount: Int { elements * elementBytes }

  /// Bytes of the types that an export may use.
  static let bytes = [
    "int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "uint32_t": 4,
    "int64_t": 8, "uint64_t": 8, "bool": 1, "_Bool": 1,
  ]
}

/// A layer of an exported model: an entry of the manifest's `layers`.
public struct ExportLayer: Hashable, Sendable {
  /// Name of the model's node.
  public var name: String
  /// Operator of the node.
  public var operatorName: String
  /// The C function that computes it; `nil` where the manifest does not say.
  public var kernel: String?
}

/// A folder that `uq export` wrote, checked for completeness.
public struct Export: Sendable {
  /// The folder, as the user gave it.
  public var folder: String
  /// Name of the model in C: the header is `uq_NAME.h`, the function `uq_NAME_run`.
  public var name: String
  /// C files of the model and the runtime, without the self-test; paths relative to the folder, sorted.
  public var sources: [String]
  /// Folders with headers, relative to the folder, sorted; the folder itself is empty text.
  public var headerFolders: [String]
  /// Inputs in the model's order.
  public var inputs: [ExportPort]
  /// Outputs in the model's order.
  public var outputs: [ExportPort]
  /// Bytes of the arena.
  public var arenaBytes: Int
  /// Alignment of the arena, a power of two.
  public var arenaAlignment: Int
  /// Layers in order of execution.
  public var layers: [ExportLayer]
  /// What the manifest says the export is for.
  public var target: String?

  /// What files and functions of the model start with.
  public var prefix: String { "uq_\(name)" }
  /// What macros of the model start with.
  public var macro: String { prefix.uppercased() }
  /// The function that computes the model.
  public var entryPoint: String { "\(prefix)_run" }
  /// Bytes of one record of inputs.
  public var inputBytes: Int { inputs.reduce(0) { $0 + $1.byteCount } }
  /// Bytes of one record of outputs.
  public var outputBytes: Int { outputs.reduce(0) { $0 + $1.byteCount } }

  /// The folder's absolute path.
  var root: String { URL(fileURLWithPath: folder).standardizedFileURL.path }
  /// Compiler arguments by which the headers are found.
  var includeFlags: [String] {
    headerFolders.flatMap { ["-I", $0.isEmpty ? root : "\(root)/\($0)"] }
  }

  /// Largest size of a manifest or header that is read.
  static let largestText = 64 << 20
  /// Most files and folders of an export.
  static let mostEntries = 10_000
  /// Most bytes of arena, inputs or outputs.
  static let mostMemory = 1 << 30

  /// Reads a folder.
  ///
  /// - Throws: `verify.export.missing` where it is no folder or lacks the manifest, the header, a source
  ///   or a file that the manifest lists; `verify.export.damaged` where one of them does not read;
  ///   `verify.export.mismatch` where manifest and header disagree. All problems at once.
  public init(folder: String) throws(Diagnostics) {
    self.folder = folder
    var problems: [Diagnostic] = []
    let manifest: ExportManifest
    let files: [String]
    let header: (name: String, header: ExportHeader)
    do throws(Diagnostic) {
      files = try Self.list(folder)
      manifest = try ExportManifest(path: "\(folder)/manifest.json")
      header = try Self.header(of: folder, among: files)
    } catch { throw Diagnostics([error]) }

    name = header.name
    sources = files.filter { $0.hasSuffix(".c") && $0.split(separator: "/").last != "selftest.c" }
    headerFolders = Set(
      files.filter { $0.hasSuffix(".h") }.map {
        $0.split(separator: "/").dropLast().joined(separator: "/")
      }
    ).sorted()
    arenaBytes = header.header.arenaBytes
    arenaAlignment = header.header.arenaAlignment
    layers = manifest.layers
    target = manifest.target
    inputs = header.header.inputs
    outputs = header.header.outputs

    let present = Set(files)
    for file in manifest.files where !present.contains(file) {
      problems.append(
        Diagnostic(
          id: "verify.export.missing", "the manifest lists '\(file)', which is not there: export again",
          at: SourcePlace(file: folder)))
    }
    if !sources.contains("\(prefix).c") {
      problems.append(
        Diagnostic(
          id: "verify.export.missing", "'\(prefix).c' is not there: export again",
          at: SourcePlace(file: folder)))
    }
    problems += manifest.disagreements(with: header.header, in: folder)
    name(&inputs, manifest.inputs)
    name(&outputs, manifest.outputs)
    if !problems.isEmpty { throw Diagnostics(problems) }
  }

  private func name(_ ports: inout [ExportPort], _ described: [ExportManifest.Port]) {
    for (index, port) in described.enumerated() where ports.indices.contains(index) {
      ports[index].name = port.name
    }
  }

  /// Files of a folder as sorted relative paths; links to folders are not followed.
  private static func list(_ folder: String) throws(Diagnostic) -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue,
      let walk = FileManager.default.enumerator(atPath: folder)
    else {
      throw Diagnostic(
        id: "verify.export.missing", "there is no export here: run uq export first",
        at: SourcePlace(file: folder))
    }
    var files: [String] = []
    var entries = 0
    while let entry = walk.nextObject() as? String {
      entries += 1
      guard entries <= mostEntries else {
        throw Diagnostic(
          id: "verify.export.damaged",
          "more than \(mostEntries) files and folders: this is not an export",
          at: SourcePlace(file: folder))
      }
      if walk.fileAttributes?[.type] as? FileAttributeType != .typeDirectory { files.append(entry) }
    }
    return files.sorted()
  }

  /// The one header that declares a model.
  private static func header(of folder: String, among files: [String]) throws(Diagnostic)
    -> (name: String, header: ExportHeader)
  {
    var found: [(name: String, text: String)] = []
    for file in files
    where file.hasPrefix("uq_") && file.hasSuffix(".h") && !file.contains("/") {
      let name = String(file.dropFirst(3).dropLast(2))
      let text = try readText("\(folder)/\(file)")
      if text.contains("#define UQ_\(name.uppercased())_ABI ") { found.append((name, text)) }
    }
    guard let first = found.first else {
      throw Diagnostic(
        id: "verify.export.missing", "no header here defines UQ_NAME_ABI: export again",
        at: SourcePlace(file: folder))
    }
    guard found.count == 1 else {
      let names = found.map { "uq_\($0.name).h" }.joined(separator: ", ")
      throw Diagnostic(
        id: "verify.export.damaged", "several models in one folder (\(names)): export each on its own",
        at: SourcePlace(file: folder))
    }
    return (
      first.name,
      try ExportHeader(first.text, name: first.name, path: "\(folder)/uq_\(first.name).h")
    )
  }

  /// A text file of bounded size.
  static func readText(_ path: String) throws(Diagnostic) -> String {
    let place = SourcePlace(file: path)
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
      let size = attributes[.size] as? Int
    else {
      throw Diagnostic(
        id: "verify.export.missing", "this file of the export is not there: export again", at: place)
    }
    guard size <= largestText, let data = FileManager.default.contents(atPath: path),
      let text = String(data: data, encoding: .utf8)
    else {
      throw Diagnostic(
        id: "verify.export.damaged",
        "no text of at most \(largestText) bytes (\(size)): export again", at: place)
    }
    return text
  }
}
