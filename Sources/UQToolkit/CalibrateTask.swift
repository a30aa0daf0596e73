import Foundation
import UQCalibration
import UQEngine
import UQSamples
import UQSupport

/// `uq calibrate`: statistics of all activations over a folder of samples.
public struct CalibrateTask: Sendable {
  /// Where the model is.
  public var workspace: Workspace
  /// Folder of samples.
  public var data: String
  /// At most so many samples.
  public var limit: Int?
  /// Part of the samples, `index` from 1.
  public var shard: (index: Int, count: Int)?
  /// Bytes of samples to keep for export.
  public var sampleLimit: Int
  /// File to write.
  public var output: String
  /// Threads; results do not depend on them.
  public var threads: Int
  /// Whether no progress is shown.
  public var isQuiet: Bool

  /// Creates the task.
  public init(
    workspace: Workspace, data: String, limit: Int? = nil, shard: (index: Int, count: Int)? = nil,
    sampleLimit: Int = 32 << 20, output: String, threads: Int, isQuiet: Bool
  ) {
    self.workspace = workspace
    self.data = data
    self.limit = limit
    self.shard = shard
    self.sampleLimit = sampleLimit
    self.output = output
    self.threads = threads
    self.isQuiet = isQuiet
  }

  /// Calibrates and writes the file.
  ///
  /// - Returns: the calibration and warnings.
  public func run() throws -> (calibration: Calibration, warnings: [Diagnostic]) {
    let model = try LoadedModel(workspace)
    let samples = try SampleSet(
      data, model: model, preprocessing: workspace.configuration.preprocess, limit: limit,
      shard: shard)
    let prepared = try FloatEngine().prepare(model.optimized)
    let progress = Progress("calibrating", total: samples.count, unit: "samples", silent: isQuiet)
    let calibration = try Calibrator(
      graph: model.optimized, modelDigest: model.digest, sampleLimit: sampleLimit
    ).run(
      prepared, count: samples.count, threads: threads, sample: { try samples.tensors($0) },
      done: { progress.advance() })
    progress.finish()
    try AtomicFile.write(CalibrationFile.encode(calibration), to: output)
    return (
      calibration,
      samples.warnings + CalibrationLinter.warnings(model.optimized, calibration)
    )
  }

  /// Merges calibration files of one model into `output`.
  ///
  /// - Throws: `calibration.file.*`, `calibration.merge.*`.
  public static func merge(_ paths: [String], workspace: Workspace, output: String) throws
    -> Calibration
  {
    let model = try LoadedModel(workspace)
    let parts = try paths.map { try CalibrationStore.read($0, model: model, checksModel: false) }
    let merged = try Calibration.merge(parts)
    try AtomicFile.write(CalibrationFile.encode(merged), to: output)
    return merged
  }
}
