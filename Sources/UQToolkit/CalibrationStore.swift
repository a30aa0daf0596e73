import Foundation
import UQCalibration
import UQGraph
import UQNumerics
import UQSupport

/// Reads calibration files for a model.
public enum CalibrationStore {
  /// Largest file that is read.
  private static let limit = 1 << 31

  /// Reads the calibration at `path` and checks that it belongs to the model.
  ///
  /// - Throws: `calibration.file.missing`, `calibration.file.*`, `calibration.model.mismatch`.
  public static func read(_ path: String, model: LoadedModel, checksModel: Bool = true) throws
    -> Calibration
  {
    let place = SourcePlace(file: path)
    guard FileManager.default.fileExists(atPath: path) else {
      throw Diagnostic(
        id: "calibration.file.missing",
        "there is no calibration; run `uq calibrate --data SAMPLES` first", at: place)
    }
    let data: Data
    do { data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) } catch {
      throw Diagnostic(
        id: "calibration.file.unreadable", "cannot be read: \(error.localizedDescription)",
        at: place)
    }
    guard data.count < limit else {
      throw Diagnostic(id: "calibration.file.malformed", "is too large", at: place)
    }
    let shapes = model.optimized.inputs
      .map { model.optimized.type(of: $0) }.filter { $0.element == .float32 }.map(\.shape)
    let calibration = try CalibrationFile.decode(data, path: path, inputs: shapes)
    guard !checksModel || calibration.modelDigest == model.digest else {
      throw Diagnostic(
        id: "calibration.model.mismatch",
        "was made for another model (\(calibration.modelDigest.description.prefix(12))...), this one is "
          + "\(model.digest.description.prefix(12))...; run `uq calibrate` again", at: place)
    }
    return calibration
  }
}
