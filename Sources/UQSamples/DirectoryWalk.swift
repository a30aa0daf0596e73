import Foundation
import UQSupport

/// What is below a folder, in an order that depends on the names' bytes alone.
struct DirectoryWalk {
  /// Paths of files below the root, folder by folder, `/` between their parts.
  private(set) var files: [String] = []
  /// Names of the folders directly below the root.
  private(set) var folders: [String] = []
  /// Links that were not followed.
  private(set) var notes: [Diagnostic] = []

  private let root: String
  private var visited: Set<[UInt64]> = []
  private static let maximumDepth = 8
  private static let maximumFiles = 1 << 22

  /// Lists `root`, which may itself be a link.
  ///
  /// Names that begin with a dot are passed over, links that lead out of the root or to a folder
  /// that was seen are not followed.
  ///
  /// - Throws: `samples.folder.unreadable`, `samples.folder.too-large`.
  init(_ root: String) throws(Diagnostic) {
    guard let real = realpath(root, nil) else {
      throw Self.unreadable(root, errno)
    }
    self.root = String(cString: real)
    free(real)
    try walk("", shown: root, depth: 0)
  }

  private static func unreadable(_ path: String, _ code: Int32) -> Diagnostic {
    Diagnostic(
      id: "samples.folder.unreadable", "cannot list: \(String(cString: strerror(code)))",
      at: SourcePlace(file: path))
  }

  private mutating func walk(_ relative: String, shown: String, depth: Int) throws(Diagnostic) {
    let folder = relative.isEmpty ? root : "\(root)/\(relative)"
    var status = stat()
    guard stat(folder, &status) == 0, let stream = opendir(folder) else {
      throw Self.unreadable(shown, errno)
    }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    closedir(stream)
    guard visited.insert([UInt64(status.st_dev), UInt64(status.st_ino)]).inserted else {
      note("samples.link.seen", "leads to a folder that is already listed", shown)
      return
    }
    names.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    for name in names {
      let below = relative.isEmpty ? name : "\(relative)/\(name)"
      let path = "\(root)/\(below)"
      let here = "\(shown)/\(name)"
      guard lstat(path, &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFLNK {
        guard isInside(path), stat(path, &status) == 0 else {
          note("samples.link.outside", "the link leads out of the folder or nowhere", here)
          continue
        }
      }
      if status.st_mode & S_IFMT == S_IFDIR {
        if depth == 0 { folders.append(name) }
        guard depth + 1 < Self.maximumDepth else {
          note("samples.folder.deep", "deeper than \(Self.maximumDepth) folders", here)
          continue
        }
        try walk(below, shown: here, depth: depth + 1)
      } else if status.st_mode & S_IFMT == S_IFREG {
        guard files.count < Self.maximumFiles else {
          throw Diagnostic(
            id: "samples.folder.too-large", "more than \(Self.maximumFiles) files",
            at: SourcePlace(file: shown))
        }
        files.append(below)
      }
    }
  }

  private func isInside(_ path: String) -> Bool {
    guard let real = realpath(path, nil) else { return false }
    defer { free(real) }
    let target = String(cString: real)
    return target == root || target.hasPrefix(root == "/" ? "/" : root + "/")
  }

  private mutating func note(_ id: String, _ message: String, _ path: String) {
    notes.append(
      Diagnostic(.note, id: id, "passed over: \(message)", at: SourcePlace(file: path)))
  }
}
