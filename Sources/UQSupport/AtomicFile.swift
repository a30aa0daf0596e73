import Foundation

/// Writes outputs whole or not at all: beside the target first, then renamed into place.
public enum AtomicFile {
  /// Replaces the file at `path` by `data`.
  ///
  /// - Throws: `output.file.write` when the folder is missing, read-only or full; the old file
  ///   stays as it was and nothing is left beside it.
  public static func write(_ data: Data, to path: String) throws(Diagnostic) {
    let target = URL(fileURLWithPath: path)
    let folder = target.deletingLastPathComponent()
    let temporary = folder.appendingPathComponent(
      ".\(target.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier).tmp")
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try data.write(to: temporary)
      guard rename(temporary.path, target.path) == 0 else { throw POSIXError(.EIO) }
    } catch {
      unlink(temporary.path)
      throw Diagnostic(
        id: "output.file.write", "cannot write: \(describe(error))", at: SourcePlace(file: path))
    }
  }

  /// Replaces the folder at `path` by one that holds `files` (relative path, content).
  ///
  /// - Throws: `output.folder.write`; the old folder stays as it was.
  public static func writeFolder(_ files: [(name: String, data: Data)], to path: String)
    throws(Diagnostic)
  {
    let manager = FileManager.default
    let target = URL(fileURLWithPath: path).standardizedFileURL
    let parent = target.deletingLastPathComponent()
    let id = ProcessInfo.processInfo.processIdentifier
    let fresh = parent.appendingPathComponent(".\(target.lastPathComponent).\(id).new")
    let old = parent.appendingPathComponent(".\(target.lastPathComponent).\(id).old")
    do {
      try? manager.removeItem(at: fresh)
      try manager.createDirectory(at: fresh, withIntermediateDirectories: true)
      for file in files {
        let place = fresh.appendingPathComponent(file.name)
        try manager.createDirectory(
          at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try file.data.write(to: place)
      }
      if manager.fileExists(atPath: target.path) {
        try? manager.removeItem(at: old)
        try manager.moveItem(at: target, to: old)
        do { try manager.moveItem(at: fresh, to: target) } catch {
          try? manager.moveItem(at: old, to: target)
          throw error
        }
        try? manager.removeItem(at: old)
      } else {
        try manager.moveItem(at: fresh, to: target)
      }
    } catch {
      try? manager.removeItem(at: fresh)
      throw Diagnostic(
        id: "output.folder.write", "cannot write: \(describe(error))", at: SourcePlace(file: path))
    }
  }

  private static func describe(_ error: any Error) -> String {
    let outer = error as NSError
    let inner = outer.userInfo[NSUnderlyingErrorKey] as? NSError
    return (inner ?? outer).localizedDescription
  }
}
