import Foundation
import UQCalibration
import UQEngine
import UQPasses
import UQSupport

/// Another model of the same task among a comparison's variants, with its own calibration.
struct OtherModel {
  /// The model.
  let model: LoadedModel
  /// Its calibration; `nil` where it is integer as written.
  let calibration: Calibration?

  /// Loads a model, and its calibration from `NAME.uqcal` or `calibration.uqcal` beside it, unless there is
  /// a folder to calibrate with.
  ///
  /// - Throws: `compare.model.calibration`, `calibration.*`, and what importing throws.
  init(_ path: String, task: CompareTask) throws {
    let workspace = try Workspace(model: path)
    model = try LoadedModel(workspace)
    if IntegerCompilation.applies(to: model.optimized) {
      calibration = nil
    } else if let data = task.calibrationData {
      calibration = try task.calibrate(model, workspace, with: data)
    } else {
      let candidates = OtherModel.calibrationPaths(path)
      let calibrationPath = OtherModel.calibrationPath(path)
      guard FileManager.default.fileExists(atPath: calibrationPath) else {
        throw Diagnostic(
          id: "compare.model.calibration",
          "has no calibration (looked for \(candidates.joined(separator: ", "))); run `uq calibrate "
            + "--model \(path) --data SAMPLES --output \(calibrationPath)`",
          at: SourcePlace(file: path))
      }
      calibration = try CalibrationStore.read(calibrationPath, model: model)
    }
  }

  /// Where the calibration of a model is: `NAME.uqcal` or `calibration.uqcal` beside it, the former where
  /// there is neither.
  static func calibrationPath(_ path: String) -> String {
    let paths = calibrationPaths(path)
    return paths.first { FileManager.default.fileExists(atPath: $0) } ?? paths[0]
  }

  private static func calibrationPaths(_ path: String) -> [String] {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let folder = parts.dropLast().map { "\($0)/" }.joined()
    let file = String(parts.last ?? "")
    let stem = file.lastIndex(of: ".").map { String(file[..<$0]) } ?? file
    return ["\(folder)\(stem).uqcal", "\(folder)calibration.uqcal"]
  }

  /// Compiles it.
  ///
  /// - Throws: what compiling throws.
  func compile(_ options: CompileOptions) throws -> CompiledModel {
    guard let calibration else {
      return try CompiledModel(integer: model.optimized, options: options)
    }
    return try CompiledModel(model.optimized, calibration: calibration, options: options)
  }
}
