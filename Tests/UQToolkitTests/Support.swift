import Foundation
import Testing
import UQCalibration
import UQSamples
import UQSupport
import UQToolkit

private let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..")
  .standardizedFileURL

/// The example of the tree.
let digits = root.appendingPathComponent("Examples/digits").path

/// A model beside the tree.
func shared(_ name: String) -> String {
  root.appendingPathComponent("../shared/models/\(name)").standardizedFileURL.path
}

/// Those of `names` that are present.
func present(_ names: [String]) -> [String] {
  names.filter { FileManager.default.fileExists(atPath: "\(shared($0))/model.onnx") }
}

/// A folder that goes with the test.
final class Scratch {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("uq-toolkit-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func contents(_ name: String) throws -> [String: Data] {
    let names = try FileManager.default.contentsOfDirectory(atPath: file(name))
    return Dictionary(
      uniqueKeysWithValues: names.map {
        ($0, FileManager.default.contents(atPath: file("\(name)/\($0)")) ?? Data())
      })
  }
}

func workspace(_ folder: String) throws -> Workspace {
  try Workspace(model: "\(folder)/model.onnx", folder: "/nonexistent")
}

/// Calibrates a model with a folder of samples; returns the path of the file.
func calibrated(
  _ model: String, _ data: String, in scratch: Scratch, limit: Int? = nil, threads: Int = 2
) throws -> (path: String, warnings: [Diagnostic]) {
  let path = scratch.file("calibration.uqcal")
  let result = try CalibrateTask(
    workspace: workspace(model), data: data, limit: limit, output: path, threads: threads,
    isQuiet: true
  ).run()
  return (path, result.warnings)
}

/// The ids of diagnostics that `body` throws.
func problems(_ body: () throws -> Void) -> [String] {
  do {
    try body()
    return []
  } catch { return diagnostics(of: error).map(\.id) }
}
