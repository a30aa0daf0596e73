import Foundation

/// A folder of one process for the files that targets read, deleted with the object.
public final class FuzzFolder: Sendable {
  private let path: String

  /// Creates a folder, in memory where the system has such a place.
  public init() throws {
    let isLinux = FileManager.default.fileExists(atPath: "/dev/shm")
    let root = isLinux ? "/dev/shm/" : NSTemporaryDirectory()
    path = root + "uq-fuzz-\(ProcessInfo.processInfo.processIdentifier)-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit { remove() }

  /// Deletes the folder.
  public func remove() { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and returns its path.
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = "\(path)/\(name)"
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }
}
