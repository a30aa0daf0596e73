import Foundation
import UQBoards
import UQSupport

/// The built program, run in folders of its own.
enum Command {
  /// The program lies beside the bundle of the tests.
  static let path: String = {
    let bundle = URL(fileURLWithPath: CommandLine.arguments[0])
    let beside = bundle.deletingLastPathComponent().appendingPathComponent("uq").path
    if FileManager.default.isExecutableFile(atPath: beside) { return beside }
    return URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appendingPathComponent("uq").path
  }()

  /// The example of the tree.
  static let digits = URL(fileURLWithPath: #filePath)
    .appendingPathComponent("../../../Examples/digits").standardizedFileURL.path

  static func run(_ arguments: [String], in folder: String, timeLimit: Double = 60) throws
    -> FinishedProcess
  {
    try ProcessRunner.run(path, arguments, in: folder, timeLimit: timeLimit)
  }
}

/// A folder for one test, with the digits network in it unless asked otherwise.
final class Folder: Sendable {
  let path: String

  init(model: Bool = true, calibration: Bool = false) throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("uq-command-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    if model { try copy("\(Command.digits)/model.onnx", "model.onnx") }
    if calibration { try copy(try Prepared.calibration(), "calibration.uqcal") }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func copy(_ source: String, _ name: String) throws {
    try FileManager.default.copyItem(atPath: source, toPath: file(name))
  }

  func write(_ text: String, _ name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
  }

  func data(_ name: String) -> Data? { FileManager.default.contents(atPath: file(name)) }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

  /// All entries, hidden ones too.
  var entries: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  /// Name and content of every file of a folder inside; `nil` where there is none.
  func contents(of name: String) -> [String: Data]? {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: file(name)) else {
      return nil
    }
    return Dictionary(
      uniqueKeysWithValues: names.map { ($0, data("\(name)/\($0)") ?? Data()) })
  }

  func uq(_ arguments: String..., timeLimit: Double = 60) throws -> FinishedProcess {
    try Command.run(arguments, in: path, timeLimit: timeLimit)
  }

  func uq(_ arguments: [String], timeLimit: Double = 60) throws -> FinishedProcess {
    try Command.run(arguments, in: path, timeLimit: timeLimit)
  }
}

/// What several tests start from.
enum Prepared {
  private static let made = Result<Folder, any Error> {
    let folder = try Folder()
    let result = try folder.uq("calibrate", "--data", "\(Command.digits)/samples/calib", "--quiet")
    guard result.succeeded else { throw Diagnostic(id: "test.calibrate", result.errors) }
    return folder
  }

  /// Path of a calibration of the digits network.
  static func calibration() throws -> String { try made.get().file("calibration.uqcal") }
}

/// The document on standard output.
func document(_ result: FinishedProcess) throws -> [String: Any] {
  let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
  return object as? [String: Any] ?? [:]
}

/// Whether a run failed as the contract says: exit status 1, and every line of standard error that is
/// none of progress of the form `[...: ]error: MESSAGE [stable.id]`.
func failsWith(_ id: String, _ result: FinishedProcess) -> Bool {
  let lines = result.errors.split(separator: "\n").filter {
    $0.contains(": error: ") || $0.hasPrefix("error: ")
  }
  return result.ending == .status(1) && !lines.isEmpty
    && lines.allSatisfy { $0.hasSuffix("]") }
    && lines.contains { $0.hasSuffix("[\(id)]") }
}
