import Foundation
import UQSupport

/// A folder that lives as long as this object.
final class TemporaryFolder: Sendable {
  /// Absolute path.
  let path: String

  /// Creates an empty folder that only this user can enter.
  ///
  /// - Throws: `output.folder.write`.
  init(_ purpose: String) throws(Diagnostic) {
    let base = FileManager.default.temporaryDirectory.path
    var template = Array("\(base)/uq-\(purpose)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Diagnostic(
        id: "output.folder.write",
        "cannot create a temporary folder: \(String(cString: strerror(errno)))",
        at: SourcePlace(file: base))
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Path of a file inside.
  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Creates a folder inside and returns its path.
  func folder(_ name: String) throws(Diagnostic) -> String {
    let place = file(name)
    do {
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    } catch {
      throw Diagnostic(
        id: "output.folder.write", "cannot create: \(error.localizedDescription)",
        at: SourcePlace(file: place))
    }
    return place
  }

  /// Writes a file inside.
  func write(_ data: Data, to name: String) throws(Diagnostic) {
    try AtomicFile.write(data, to: file(name))
  }

  /// Writes a text inside.
  func write(_ text: String, to name: String) throws(Diagnostic) {
    try write(Data(text.utf8), to: name)
  }
}
