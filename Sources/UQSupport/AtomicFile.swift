import Foundation

/// Writes outputs whole or not at all: beside the target first, then renamed into place.
///
/// A process that is killed leaves at most a hidden temporary beside the target, `.NAME.PID.tmp` or
/// `.NAME.PID.new`; the next write to the same target removes those of processes that are gone.
public enum AtomicFile {
  /// Replaces the file at `path` by `data`.
  ///
  /// A symbolic link stays one, its target is replaced. A device or pipe is written to as it is.
  ///
  /// - Throws: `output.file.write` when the folder is missing, read-only or full; the old file
  ///   stays as it was and nothing is left beside it.
  public static func write(_ data: Data, to path: String) throws(Diagnostic) {
    do {
      let target = resolved(path)
      switch kind(of: target) {
      case S_IFDIR: throw POSIXError(.EISDIR)
      case nil, S_IFREG:
        let folder = (target as NSString).deletingLastPathComponent
        try inCreatedFolder(folder) {
          let temporary = temporaryPath(target, "tmp")
          removeStale(target)
          do {
            try writeBytes(data, to: temporary, flags: O_WRONLY | O_CREAT | O_TRUNC)
            try check(rename(temporary, target))
          } catch {
            unlink(temporary)
            throw error
          }
        }
      default: try writeBytes(data, to: target, flags: O_WRONLY)
      }
    } catch {
      throw Diagnostic(
        id: "output.file.write", "cannot write: \(describe(error))", at: SourcePlace(file: path))
    }
  }

  /// Replaces the folder at `path` by one that holds `files` (relative path, content).
  ///
  /// Old and new folder are exchanged in one step where the file system can (`renameat2` of Linux). Where it
  /// cannot, the old folder is moved aside first; a process killed just then leaves it as
  /// `.NAME.PID.old`, and the next write moves it back before it begins.
  ///
  /// - Parameter isReplaced: whether an entry of the old folder, by its name, goes with it; all others are
  ///   carried over into the new folder.
  /// - Throws: `output.folder.write`, also where `path` is a file or holds the current folder; the old
  ///   folder stays as it was.
  public static func writeFolder(
    _ files: [(name: String, data: Data)], to path: String,
    isReplaced: (String) -> Bool = { _ in true }
  ) throws(Diagnostic) {
    let target = resolved(path)
    let fresh = temporaryPath(target, "new")
    let problem = { (text: String) in
      Diagnostic(
        id: "output.folder.write", "cannot write: \(text)", at: SourcePlace(file: path))
    }
    let current = FileManager.default.currentDirectoryPath
    guard !(current + "/").hasPrefix(target == "/" ? "/" : target + "/") else {
      throw problem("the current folder is inside; choose a sub-folder")
    }
    do {
      try inCreatedFolder((target as NSString).deletingLastPathComponent) {
        restoreMovedAside(target)
        removeStale(target)
        let old = kind(of: target)
        guard old == nil || old == S_IFDIR else { throw POSIXError(.ENOTDIR) }
        do {
          try? FileManager.default.removeItem(atPath: fresh)
          try FileManager.default.createDirectory(
            atPath: fresh, withIntermediateDirectories: false)
          for file in files {
            let place = "\(fresh)/\(file.name)"
            try FileManager.default.createDirectory(
              atPath: (place as NSString).deletingLastPathComponent,
              withIntermediateDirectories: true)
            try writeBytes(file.data, to: place, flags: O_WRONLY | O_CREAT | O_TRUNC)
          }
          if old == nil {
            try check(rename(fresh, target))
          } else {
            var links = 0
            for name in try FileManager.default.contentsOfDirectory(atPath: target)
            where !isReplaced(name) && kind(of: "\(fresh)/\(name)") == nil {
              try carryOver("\(target)/\(name)", to: "\(fresh)/\(name)", &links)
            }
            try replaceFolder(target, by: fresh)
          }
        } catch {
          try? FileManager.default.removeItem(atPath: fresh)
          throw error
        }
      }
    } catch { throw problem(describe(error)) }
  }

  // MARK: Steps

  /// Most files that are carried over from an old folder.
  private static let carriedLimit = 10_000

  /// Gives a file or folder a second name; a copy where the file system has no hard links.
  private static func carryOver(_ source: String, to target: String, _ count: inout Int) throws {
    count += 1
    guard count <= carriedLimit else { throw POSIXError(.EMLINK) }
    if kind(of: source, followsLinks: false) == S_IFDIR {
      try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
      for name in try FileManager.default.contentsOfDirectory(atPath: source) {
        try carryOver("\(source)/\(name)", to: "\(target)/\(name)", &count)
      }
    } else if link(source, target) != 0 {
      try FileManager.default.copyItem(atPath: source, toPath: target)
    }
  }

  private static func replaceFolder(_ target: String, by fresh: String) throws {
    if exchange(fresh, target) {
      // What is under the fresh name now is the old folder.
      try? FileManager.default.removeItem(atPath: fresh)
      return
    }
    let old = temporaryPath(target, "old")
    try check(rename(target, old))
    if rename(fresh, target) != 0 {
      let reason = errno
      rename(old, target)
      throw POSIXError(POSIXErrorCode(rawValue: reason) ?? .EIO)
    }
    try? FileManager.default.removeItem(atPath: old)
  }

  /// Exchanges two names in one step; false where kernel, C library or file system cannot.
  private static func exchange(_ a: String, _ b: String) -> Bool {
    typealias RenameAt =
      @convention(c) (
        Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32
      ) -> Int32
    // Swift's view of the C library lacks this function, and older C libraries do too.
    guard let symbol = dlsym(nil, "renameat2") else { return false }
    let exchangeFlag: UInt32 = 2
    return unsafeBitCast(symbol, to: RenameAt.self)(AT_FDCWD, a, AT_FDCWD, b, exchangeFlag) == 0
  }

  private static func writeBytes(_ data: Data, to path: String, flags: Int32) throws {
    let file = open(path, flags | O_CLOEXEC, 0o666)
    try check(file)
    do {
      try data.withUnsafeBytes { bytes in
        var offset = 0
        while offset < bytes.count {
          let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
          let written = Foundation.write(file, rest.baseAddress, rest.count)
          if written < 0, errno == EINTR { continue }
          try check(Int32(clamping: written))
          offset += written
        }
      }
    } catch {
      close(file)
      throw error
    }
    try check(close(file))
  }

  /// Runs `body` with `folder` in place; folders made for it go again where it fails.
  private static func inCreatedFolder(_ folder: String, _ body: () throws -> Void) throws {
    var missing: [String] = []
    var place = folder
    while !place.isEmpty, place != "/", kind(of: place) == nil {
      missing.append(place)
      place = (place as NSString).deletingLastPathComponent
    }
    do {
      if !missing.isEmpty {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      }
      try body()
    } catch {
      for folder in missing { rmdir(folder) }
      throw error
    }
  }

  // MARK: Temporaries

  private static func temporaryPath(_ target: String, _ kind: String) -> String {
    let folder = (target as NSString).deletingLastPathComponent
    let name = (target as NSString).lastPathComponent
    return "\(folder == "/" ? "" : folder)/.\(name).\(getpid()).\(kind)"
  }

  /// Temporaries of a target that belong to processes which no longer run.
  private static func orphans(_ target: String) -> [(path: String, kind: Substring)] {
    let folder = (target as NSString).deletingLastPathComponent
    let prefix = ".\((target as NSString).lastPathComponent)."
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().compactMap { name in
      guard name.hasPrefix(prefix) else { return nil }
      let parts = name.dropFirst(prefix.count).split(
        separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 2, let id = pid_t(parts[0]), id > 0,
        ["tmp", "new", "old"].contains(parts[1]), kill(id, 0) != 0, errno == ESRCH
      else { return nil }
      return ("\(folder)/\(name)", parts[1])
    }
  }

  private static func removeStale(_ target: String) {
    for orphan in orphans(target) { try? FileManager.default.removeItem(atPath: orphan.path) }
  }

  private static func restoreMovedAside(_ target: String) {
    guard kind(of: target) == nil, let aside = orphans(target).last(where: { $0.kind == "old" })
    else { return }
    rename(aside.path, target)
  }

  // MARK: Paths and errors

  /// The absolute path with symbolic links followed as far as it exists.
  private static func resolved(_ path: String) -> String {
    if let real = realpath(path, nil) {
      defer { free(real) }
      return String(cString: real)
    }
    return URL(fileURLWithPath: path).standardizedFileURL.path
  }

  /// Type of the file as `stat` gives it; `nil` where there is none.
  private static func kind(of path: String, followsLinks: Bool = true) -> mode_t? {
    var status = stat()
    guard (followsLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
    return status.st_mode & S_IFMT
  }

  private static func check(_ result: Int32) throws {
    if result < 0 { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
  }

  private static func describe(_ error: any Error) -> String {
    if let error = error as? POSIXError { return String(cString: strerror(error.code.rawValue)) }
    let outer = error as NSError
    let inner = outer.userInfo[NSUnderlyingErrorKey] as? NSError
    return (inner ?? outer).localizedDescription
  }
}
