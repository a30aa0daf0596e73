import Foundation
import UQBoards
import UQCalibration
import UQEngine
import UQQuantizer
import UQReport
import UQSamples
import UQSupport

/// `uq compare`: variants of a model on the same samples.
public struct CompareTask: Sendable {
  /// Where the model is.
  public var workspace: Workspace
  /// Folder of samples to judge by.
  public var data: String
  /// Path of the calibration; unused where `calibrationData` is given.
  public var calibrationPath: String
  /// Folder of samples to calibrate with first.
  public var calibrationData: String?
  /// `float`, bits, `mixed`, `mixed:40K`, a recipe's name or file, the path of an export, or another model,
  /// `other.onnx` or `other.onnx:4`.
  public var variants: [String]
  /// At most so many samples.
  public var limit: Int?
  /// How variants are quantized.
  public var options: CompileOptions
  /// Points of mixed widths to add, evenly between the weight bytes of 2 and of 8 bits; those that are a
  /// variant already are left out.
  public var frontierPoints = 0
  /// Whether no progress is shown.
  public var isQuiet: Bool

  /// Creates the task.
  public init(
    workspace: Workspace, data: String, calibrationPath: String, calibrationData: String? = nil,
    variants: [String] = ["float", "8", "4"], limit: Int? = nil, options: CompileOptions,
    isQuiet: Bool
  ) {
    self.workspace = workspace
    self.data = data
    self.calibrationPath = calibrationPath
    self.calibrationData = calibrationData
    self.variants = variants
    self.limit = limit
    self.options = options
    self.isQuiet = isQuiet
  }

  /// What the chip has for a variant.
  var limits: Limits {
    Limits(flash: options.flash, ram: options.ram, instructions: options.instructions)
  }

  /// What to do beside judging.
  public var settings = CompareSettings()

  /// Makes the variants, runs them all on every sample and judges them.
  ///
  /// A variant that cannot be made is named with its reason; the others are still there.
  ///
  /// - Returns: the report and warnings.
  public func run() throws -> (report: ComparisonReport, warnings: [Diagnostic]) {
    let model = try LoadedModel(workspace)
    let samples = try SampleSet(
      data, model: model, preprocessing: workspace.configuration.preprocess, limit: limit)
    let run = try ComparisonRun(self, model, samples, try ownCalibration(model))
    var entries: [VariantReport] = []
    var names: Set<String> = []
    for name in variants where names.insert(name).inserted {
      try entries.append(run.variant(name))
    }
    if frontierPoints > 0 {
      try entries += run.frontier(besides: entries).filter { names.insert($0.name).inserted }
    }
    return try run.finish(entries)
  }

  /// The calibration of the model; `nil` where no variant needs one.
  private func ownCalibration(_ model: LoadedModel) throws -> Calibration? {
    let needed = variants.contains { name in
      switch try? VariantSource(name) {
      case .width, .recipe, .export: true
      case .float, .model, nil: false
      }
    }
    guard needed || frontierPoints > 0 else { return nil }
    if let data = calibrationData { return try calibrate(model, workspace, with: data) }
    return try CalibrationStore.read(calibrationPath, model: model)
  }

  /// Calibrates a model with a folder of samples.
  func calibrate(_ model: LoadedModel, _ workspace: Workspace, with data: String) throws
    -> Calibration
  {
    let samples = try SampleSet(
      data, model: model, preprocessing: workspace.configuration.preprocess)
    let progress = Progress("calibrating", total: samples.count, unit: "samples", silent: isQuiet)
    let result = try Calibrator(graph: model.optimized, modelDigest: model.digest).run(
      FloatEngine().prepare(model.optimized), count: samples.count, threads: options.threads,
      sample: { try samples.tensors($0) }, done: { progress.advance() })
    progress.finish()
    return result
  }
}
