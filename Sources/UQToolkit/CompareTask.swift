import Foundation
import Synchronization
import UQBoards
import UQCalibration
import UQEngine
import UQGraph
import UQKernels
import UQNumerics
import UQQuantizer
import UQReport
import UQSamples
import UQSimulator
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

  /// What a variant computed for one sample.
  struct Prediction: Sendable {
    /// Index of the largest output.
    var best: Int
    /// The last output.
    var score: Double
  }

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
    let float = try FloatEngine().prepare(model.optimized)
    var entries: [VariantReport] = []
    var compiled: [CompiledModel?] = []
    var exports: [Int: Export] = [:]
    for (position, name) in variants.enumerated() {
      var entry = VariantReport(name: name, bits: 32)
      var made: CompiledModel?
      if name == "float" {
        entry.macs = model.optimized.macs
        entry.weightBytes = 4 * model.optimized.parameters
      } else {
        do {
          let result: CompiledModel
          if FileManager.default.fileExists(atPath: "\(name)/manifest.json") {
            let recipe = try ExportRecipe(folder: name)
            result = try recompile(recipe, at: name, model, calibration)
            exports[position] = try Export(folder: name)
          } else {
            result = try compile(name, model, calibration)
          }
          entry.bits = result.averageBits ?? entry.bits
          try describe(result, model, float, samples, &entry)
          made = result
        } catch {
          entry.problem = diagnostics(of: error).map(\.description).joined(separator: "; ")
        }
      }
      entries.append(entry)
      compiled.append(made)
    }
    var predictions = try predict(float, samples, compiled)
    for (position, export) in exports {
      guard let made = compiled[position] else { continue }
      do { try run(export, made, samples, into: &predictions, column: position + 1) } catch {
        entries[position].problem = diagnostics(of: error).map(\.description)
          .joined(separator: "; ")
      }
    }
    let metric = chooseMetric(samples)
    let judge = Judge(metric: metric, labels: samples.labels, predictions: predictions)
    for index in entries.indices where entries[index].problem == nil {
      judge.fill(&entries[index], variant: index + 1)
    }
    let used = predictions.count { $0 != nil }
    if frontierPoints > 0, let calibration {
      entries += try FrontierTask(compare: self, points: frontierPoints).run(model, calibration)
    }
    let report = ComparisonReport(
      model: URL(fileURLWithPath: model.path).lastPathComponent, samples: used, metric: metric,
      variants: entries)
    return (report, samples.warnings)
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

  /// Replaces a variant's predictions by those of its compiled C.
  private func run(
    _ export: Export, _ compiled: CompiledModel, _ samples: SampleSet,
    into predictions: inout [[Prediction]?], column: Int
  ) throws {
    let runner = QuantizedRunner(compiled)
    var inputs: [[UInt8]] = []
    var rows: [Int] = []
    for index in predictions.indices where predictions[index] != nil {
      guard let tensors = try samples.tensors(index) else { continue }
      inputs.append(try runner.inputBytes(of: tensors))
      rows.append(index)
    }
    let outputs = try HostBuild(export, flags: ["-O2"]).run(inputs).outputs
    guard let port = compiled.program.outputs.first else { return }
    for (row, bytes) in zip(rows, outputs) {
      let first = Array(bytes.prefix(port.type.byteCount))
      guard
        let tensor = first.withUnsafeBytes({
          Tensor(port.type.element, port.type.shape, copying: $0)
        })
      else { continue }
      predictions[row]?[column] = CompareTask.prediction([port.dequantize(tensor)])
    }
  }

  /// Samples that the quality of layers is measured on.
  private static let qualitySamples = 16

  private func describe(
    _ compiled: CompiledModel, _ model: LoadedModel, _ float: any PreparedGraph,
    _ samples: SampleSet, _ entry: inout VariantReport
  ) throws {
    let count = min(Self.qualitySamples, samples.count)
    let probes = try (0..<count).compactMap { try samples.tensors($0 * samples.count / count) }
    let ratios = try LayerQuality(compiled: compiled, graph: model.optimized, prepared: float)
      .ratios(probes)
    entry.macs = compiled.program.macs
    entry.weightBytes = compiled.program.weightBytes
    entry.flashBytes = compiled.program.constants.reduce(0) { $0 + $1.bytes.count }
    entry.ramBytes = compiled.plan.byteCount
    entry.layers = compiled.layerReports(ratios)
  }

  private func predict(
    _ float: any PreparedGraph, _ samples: SampleSet, _ compiled: [CompiledModel?]
  ) throws -> [[Prediction]?] {
    let progress = Progress("comparing", total: samples.count, unit: "samples", silent: isQuiet)
    let result = try parallelMap(
      count: samples.count, threads: options.threads,
      context: { try compiled.map { try $0.map { try Simulator($0.program, $0.plan) } } }
    ) { simulators, index -> [Prediction]? in
      defer { progress.advance() }
      guard let tensors = try samples.tensors(index) else { return nil }
      let reference = try float.outputs(of: tensors)
      let float = CompareTask.prediction(reference)
      return try [float]
        + simulators.map { try $0.map { CompareTask.prediction(try $0.predict(tensors)) } ?? float }
    }
    progress.finish()
    return result
  }

  static func prediction(_ outputs: [Tensor]) -> Prediction {
    let values = outputs.first?.floats ?? []
    var best = 0
    for (index, value) in values.enumerated() where value > values[best] { best = index }
    return Prediction(best: best, score: Double(values.last ?? 0))
  }

  private func chooseMetric(_ samples: SampleSet) -> Metric {
    guard samples.labels != nil else { return .agreement }
    return samples.folder.dataset?.metric.flatMap(Metric.init(rawValue:)) ?? .top1
  }
}

/// Judges predictions by a metric.
private struct Judge {
  let metric: Metric
  let labels: [Int]?
  /// For each sample the float model's prediction, then the variants'; `nil` where it was left out.
  let predictions: [[CompareTask.Prediction]?]

  func fill(_ entry: inout VariantReport, variant: Int) {
    var correct = 0
    var same = 0
    var total = 0
    var onlyFloat = 0
    var onlyVariant = 0
    var scores: [Double] = []
    var positive: [Bool] = []
    for (index, row) in predictions.enumerated() {
      guard let row else { continue }
      total += 1
      if row[variant].best == row[0].best { same += 1 }
      guard let label = labels?[index] else { continue }
      let hit = row[variant].best == label
      let floatHit = row[0].best == label
      if hit { correct += 1 }
      if floatHit, !hit { onlyFloat += 1 }
      if hit, !floatHit { onlyVariant += 1 }
      scores.append(row[variant].score)
      positive.append(label == 1)
    }
    guard total > 0 else { return }
    entry.agreement = Double(same) / Double(total)
    switch metric {
    case .top1:
      entry.accuracy = Double(correct) / Double(total)
      entry.confidence = .wilson(successes: correct, of: total)
      if entry.name != "float" {
        entry.pValue = mcNemar(onlyFirst: onlyFloat, onlySecond: onlyVariant)
      }
    case .auc:
      let area = areaUnderCurve(scores: scores, positive: positive)
      entry.accuracy = area
      entry.confidence = .area(
        area, positives: positive.count { $0 }, negatives: positive.count { !$0 })
    case .agreement:
      entry.accuracy = entry.agreement
      entry.confidence = .wilson(successes: same, of: total)
    }
  }
}
