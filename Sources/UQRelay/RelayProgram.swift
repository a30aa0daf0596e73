import Foundation
import UQGraph
import UQNumerics
import UQSupport

/// A program read from files, checked as far as the text alone allows.
struct RelayProgram {
  var source: SourceText
  var module: RelayModule
  var metadata: Metadata?
  var parameters: [String: Tensor]
  var parameterFile: String?
  var digest: Digest
  var warnings: [Diagnostic]

  /// Largest text that is read.
  static let largest = 1 << 31

  /// Reads a text, or the text and parameters of a Model Library Format archive.
  ///
  /// - Throws: every problem of the text at once.
  static func read(path: String, params: String?, known: Set<String>) throws -> RelayProgram {
    let file = try MappedFile(path: path, limit: largest, area: "relay")
    var digest = DigestStream()
    digest.update(file.bytes)
    var found: (parameters: [String: Tensor], file: String?) = ([:], nil)
    let source: SourceText
    if TarArchive.isOne(file.bytes) {
      let archive = try TarArchive(file.bytes, path: path)
      let (text, stored) = try library(archive, path: path)
      source = SourceText(file.bytes[text], path: path)
      if let stored {
        let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[stored])
        found = (try ParameterFile.read(bytes, owner: file, path: path), path)
      }
    } else {
      source = SourceText(file)
    }
    if let given = params ?? (found.file == nil ? parameterFile(beside: path) : nil) {
      found = (try ParameterFile.read(path: given), given)
    }
    return try RelayProgram(
      source, found.parameters, parameterFile: found.file, digest: digest.finish(), known: known)
  }

  init(
    _ source: SourceText, _ parameters: [String: Tensor], parameterFile: String?, digest: Digest,
    known: Set<String>
  ) throws(Diagnostics) {
    var (module, problems) = Parser.parse(source)
    var metadata: Metadata?
    if !problems.contains(where: { $0.severity == .error }) {
      problems += Checker.check(module, source, known: known)
      if let range = module.metadata {
        do throws(Diagnostic) { metadata = try Metadata(source, range) } catch {
          problems.append(error)
        }
      } else if let offset = module.firstMeta {
        problems.append(
          source.problem(
            "relay.metadata.missing",
            "the constants are missing from this file; export it with "
              + "astext(show_meta_data=True), or save the parameters beside it", at: offset))
      }
    }
    let errors = problems.filter { $0.severity == .error }
    guard errors.isEmpty else { throw Diagnostics(errors) }
    self.source = source
    self.module = module
    self.metadata = metadata
    self.parameters = parameters
    self.parameterFile = parameterFile
    self.digest = digest
    warnings = problems
  }

  /// `params.bin`, or the model's name with `.params`, where there is such a file.
  private static func parameterFile(beside path: String) -> String? {
    let url = URL(fileURLWithPath: path)
    let folder = path.contains("/") ? url.deletingLastPathComponent().path : "."
    let stem = url.deletingPathExtension().lastPathComponent
    let candidates = ["\(stem).params", "params.bin"].map { folder + "/" + $0 }
    return candidates.first { FileManager.default.fileExists(atPath: $0) }
  }

  /// Text and parameters of an archive: `src/*.relay` or `src/relay.txt`, `parameters/*.params`.
  private static func library(_ archive: TarArchive, path: String) throws(Diagnostic) -> (
    text: Range<Int>, parameters: Range<Int>?
  ) {
    guard archive.members["metadata.json"] != nil else {
      throw Diagnostic(
        id: "relay.archive.kind",
        "is an archive without metadata.json, so no Model Library Format",
        at: SourcePlace(file: path))
    }
    func members(_ folder: String, _ suffix: String) -> [String] {
      archive.members.keys.filter { $0.hasPrefix(folder) && $0.hasSuffix(suffix) }.sorted()
    }
    let texts = members("src/", ".relay") + members("src/", "relay.txt")
    guard let name = texts.first, texts.count == 1, let text = archive.members[name] else {
      throw Diagnostic(
        id: "relay.archive.text", "holds \(texts.count) Relay texts in src/, not one",
        at: SourcePlace(file: path))
    }
    let stored = members("parameters/", ".params")
    guard stored.count <= 1 else {
      throw Diagnostic(
        id: "relay.archive.parameters", "holds \(stored.count) parameter files, not one",
        at: SourcePlace(file: path))
    }
    return (text, stored.first.flatMap { archive.members[$0] })
  }
}

extension RelayModule {
  /// Position of the first use of the metadata; `nil` where there is none.
  var firstMeta: Int? {
    var first: Int?
    let bodies = functions.map(\.function.body) + [expression].compactMap { $0 }
    for body in bodies {
      body.walk { part in
        if case .meta = part.kind { first = min(first ?? part.offset, part.offset) }
      }
    }
    return first
  }
}
