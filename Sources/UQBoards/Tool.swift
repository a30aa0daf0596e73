import Foundation
import UQSupport

/// A program of the system that the work needs: a compiler, an emulator.
public struct Tool: Hashable, Sendable {
  /// Name of the executable.
  public var name: String
  /// Debian packages that bring it, separated by spaces.
  public var packages: String

  /// Names a program and the packages to install where it is missing.
  public init(_ name: String, packages: String) {
    self.name = name
    self.packages = packages
  }

  /// The first executable of that name on `PATH`; a name with a slash is taken as a path.
  ///
  /// - Throws: `board.tool.missing`, which says what to install.
  public func locate() throws(Diagnostic) -> String {
    if name.contains("/"), FileManager.default.isExecutableFile(atPath: name) { return name }
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    for folder in folders where !name.contains("/") {
      let path = "\(folder)/\(name)"
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue,
        FileManager.default.isExecutableFile(atPath: path)
      {
        return path
      }
    }
    throw Diagnostic(
      id: "board.tool.missing",
      "'\(name)' is not on PATH; install it: apt-get install \(packages)")
  }

  /// Whether it is installed.
  public var isInstalled: Bool { (try? locate()) != nil }

  /// gcc for this machine.
  public static let gcc = Tool("gcc", packages: "gcc libc6-dev")
  /// clang for this machine.
  public static let clang = Tool("clang", packages: "clang libc6-dev")
}
