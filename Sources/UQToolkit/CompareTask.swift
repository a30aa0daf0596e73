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
  /// `float`, bits, `mixed`, `mixed:40K`, a recipe's name, or the path of an export.
  public var variants: [String]
  /// At most so many samples.
  public var limit: Int?
  /// How variants are quantized.
  public var options: CompileOptions
  /// Points of mixed widths to add, evenly between the weight bytes of 2 and of 8 bits.
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
    var calibration: Calibration?
    if frontierPoints > 0 || variants.contains(where: { $0 != "float" }) {
      calibration = try makeCalibration(model)
    }
    let run = try ComparisonRun(self, model, samples, calibration)
    var entries: [VariantReport] = []
    for name in variants {
      try entries.append(
        run.variant(name) {
          if FileManager.default.fileExists(atPath: "\(name)/manifest.json") {
            let recipe = try ExportRecipe(folder: name)
            return (
              try recompile(recipe, at: name, model, calibration), try Export(folder: name)
            )
          }
          return (try compile(name, model, calibration), nil)
        })
    }
    if frontierPoints > 0, let calibration {
      for point in try frontier(model, calibration) {
        try entries.append(
          run.variant(point.name) {
            var options = self.options
            options.width = .uniform(8)
            options.layers = point.rules
            return (
              try CompiledModel(model.optimized, calibration: calibration, options: options), nil
            )
          })
      }
    }
    return try run.finish(entries)
  }

  private func makeCalibration(_ model: LoadedModel) throws -> Calibration {
    guard let calibrationData else {
      return try CalibrationStore.read(calibrationPath, model: model)
    }
    let samples = try SampleSet(
      calibrationData, model: model, preprocessing: workspace.configuration.preprocess)
    let progress = Progress("calibrating", total: samples.count, unit: "samples", silent: isQuiet)
    let result = try Calibrator(graph: model.optimized, modelDigest: model.digest).run(
      FloatEngine().prepare(model.optimized), count: samples.count, threads: options.threads,
      sample: { try samples.tensors($0) }, done: { progress.advance() })
    progress.finish()
    return result
  }

  private func compile(_ name: String, _ model: LoadedModel, _ calibration: Calibration?) throws
    -> CompiledModel
  {
    guard let calibration else {
      throw Diagnostic(id: "compare.calibration.missing", "no calibration")
    }
    var options = self.options
    if let width = WidthRequest(name) {
      options.width = width
    } else if let recipe = Recipe.all.first(where: { $0.name == name }) {
      options.width = recipe.width
      options.layers = recipe.layers + options.layers
      options.method = recipe.method ?? options.method
      options.rounding = recipe.rounding ?? options.rounding
      options.activationBits = recipe.activationBits ?? options.activationBits
    } else {
      throw Diagnostic(
        id: "compare.variant.unknown",
        "'\(name)' is no variant; known are float, 8, 4, 3, 2, 1, mixed, mixed:40K, recipes ("
          + Recipe.all.map(\.name).joined(separator: ", ") + ") and the folder of an export")
    }
    return try CompiledModel(model.optimized, calibration: calibration, options: options)
  }

  /// The program that an export was generated from.
  private func recompile(
    _ recipe: ExportRecipe, at folder: String, _ model: LoadedModel, _ calibration: Calibration?
  ) throws -> CompiledModel {
    guard recipe.modelDigest == model.digest.description, recipe.layouts.isDefault,
      recipe.disabledPasses.isEmpty, let calibration
    else {
      throw Diagnostic(
        id: "compare.export.foreign",
        "was made from another model, or with other layouts or passes than this comparison",
        at: SourcePlace(file: folder))
    }
    return try CompiledModel(
      model.optimized, calibration: calibration,
      options: recipe.options(threads: options.threads))
  }
}
