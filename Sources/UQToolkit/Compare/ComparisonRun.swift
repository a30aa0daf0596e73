import Foundation
import UQBoards
import UQCalibration
import UQEngine
import UQGraph
import UQKernels
import UQNumerics
import UQQuantizer
import UQReport
import UQSamples
import UQSupport

/// One run of a comparison: the samples under the float model, then variant after variant.
final class ComparisonRun {
  private let task: CompareTask
  private let model: LoadedModel
  private let calibration: Calibration?
  private let prepared: any PreparedGraph
  private let samples: SampleEvaluation
  private let device: DeviceMeasurement?
  private let progress: UQSupport.Progress
  private let judge: VariantJudge
  private let classes: [String]
  private var cache: ComparisonCache
  private var notes: [Diagnostic]
  private var outcomes: [String: [SampleOutcome]] = [:]

  /// Samples that the quality of layers is measured on.
  private static let qualitySamples = 16

  /// Runs the float model.
  ///
  /// - Throws: `samples.*`, `engine.*`, `compare.metric.*`.
  init(
    _ task: CompareTask, _ model: LoadedModel, _ set: SampleSet, _ calibration: Calibration?
  ) throws {
    self.task = task
    self.model = model
    self.calibration = calibration
    var notes: [Diagnostic] = []
    var metric = ComparisonRun.metric(set, hasCommand: task.settings.metricCommand != nil, &notes)
    var targets: SampleTargets?
    if metric.isRegression {
      do { targets = try SampleTargets(set) } catch {
        var note = error
        note.severity = .warning
        notes.append(note)
        metric = set.labels == nil ? .agreement : .top1
      }
    }
    prepared = try FloatEngine().prepare(model.optimized)
    let runs = Set(task.variants).subtracting(["float"]).count + 1 + task.frontierPoints
    let progress = UQSupport.Progress(
      "comparing", total: set.count * runs, unit: "samples", silent: task.isQuiet)
    self.progress = progress
    samples = try SampleEvaluation(
      set, metric: metric, targets: targets, prepared: prepared,
      outputCount: model.optimized.outputs.reduce(0) {
        $0 + model.optimized.type(of: $1).shape.count
      }, threads: task.options.threads, keepsOutputs: task.settings.metricCommand != nil,
      done: { progress.advance() })
    device = DeviceMeasurement(task.settings.board)
    classes = set.folder.classes ?? []
    notes += ComparisonRun.classNotes(samples, classes, set)
    self.notes = notes
    let outputs = model.optimized.outputs.first.map { model.optimized.type(of: $0).shape }
    judge = VariantJudge(
      metric: metric, labels: samples.labels,
      classCount: ComparisonRun.classCount(metric, classes, outputs), float: samples.float)
    cache = ComparisonCache(
      path: task.settings.cachePath,
      key: ComparisonRun.key(task, model, calibration, samples.digest, device))
  }

  /// Judges a variant; `make` compiles it, where it is not the float model and not in the cache.
  ///
  /// - Throws: `output.file.write`.
  func variant(_ name: String, make: () throws -> (CompiledModel, Export?)) throws -> VariantReport
  {
    var entry = VariantReport(name: name, bits: 32)
    if name == "float" {
      entry.macs = model.optimized.macs
      entry.weightBytes = 4 * model.optimized.parameters
      outcomes[name] = samples.float
      judge.fill(&entry, from: samples.float)
      do { try judgeByCommand(&entry, samples.floatOutputs) } catch {
        entry.problem = ComparisonRun.problem(error)
      }
      return entry
    }
    if let found = cache[name] {
      outcomes[name] = found.outcomes
      progress.advance(by: samples.used.count)
      return found.report
    }
    do {
      let (compiled, export) = try make()
      try describe(compiled, export, &entry)
      let result =
        try export.map { try samples.run($0, of: compiled) }
        ?? samples.run(compiled, done: { [progress] in progress.advance() })
      judge.fill(&entry, from: result.outcomes)
      try judgeByCommand(&entry, result.outputs)
      outcomes[name] = result.outcomes
      if export == nil {
        try cache.add(.init(report: entry, outcomes: result.outcomes), for: name)
      }
    } catch {
      entry = VariantReport(name: name, bits: Int(name).map(Double.init) ?? 32)
      entry.problem = ComparisonRun.problem(error)
    }
    return entry
  }

  /// The report of the variants.
  func finish(_ entries: [VariantReport]) throws -> (
    report: ComparisonReport, warnings: [Diagnostic]
  ) {
    progress.finish()
    var report = ComparisonReport(
      model: URL(fileURLWithPath: model.path).lastPathComponent, samples: samples.used.count,
      metric: samples.metric, variants: entries)
    report.toolVersion = toolVersion
    report.modelDigest = model.digest.description
    report.dataDigest = samples.digest.description
    report.device =
      device.map { "measured for \($0.board.core)" }
      ?? "estimated: no cross compiler and emulator for the target are installed"
    report.classes = classes
    let warnings = notes + samples.samples.warnings
    report.notes = warnings
    if task.settings.collectsDetails {
      let layers = entries.flatMap { $0.layers.map(\.name) }
      report.histograms = LayerRanges.histograms(model.optimized, calibration, layers: layers)
      report.changedSamples = try ChangedSampleList(samples, outcomes).choose(report)
    }
    report.commands = ReportCommands(task, model).list(for: report)
    cache.remove()
    return (report, warnings)
  }

  private func judgeByCommand(_ entry: inout VariantReport, _ outputs: [[Float]]) throws {
    guard let command = task.settings.metricCommand else { return }
    entry.accuracy = try MetricCommand(command: command).measure(
      outputs, labels: samples.labels, variant: entry.name)
  }

  private func describe(_ compiled: CompiledModel, _ export: Export?, _ entry: inout VariantReport)
    throws
  {
    let program = compiled.program
    let probes = try samples.probes(Self.qualitySamples)
    let ratios = try LayerQuality(compiled: compiled, graph: model.optimized, prepared: prepared)
      .ratios(probes)
    entry.bits = compiled.meanBits
    entry.macs = program.macs
    entry.weightBytes = program.weightBytes
    entry.ramBytes = compiled.plan.byteCount
    entry.arena = ArenaUse(program, compiled.plan)
    let constants = program.constants.reduce(0) { $0 + $1.bytes.count }
    entry.flash = FlashUse(weights: program.weightBytes, tables: constants - program.weightBytes)
    let measured = try device?.measure(
      compiled, modelDigest: model.digest.description, export: export,
      counts: task.settings.counts(macs: program.macs))
    if let measured {
      entry.flash = measured.flash
      entry.stackBytes = measured.stackBytes
      entry.instructions = measured.instructions
    }
    entry.layers = compiled.layerReports(ratios, instructions: measured?.callInstructions ?? [])
    LayerRanges.fill(&entry.layers, from: compiled.quantized.graph)
    guard task.settings.collectsDetails else { return }
    let sensitivity = try RoundingEffects(
      graph: model.optimized, dequantized: compiled.quantized.dequantized,
      threads: task.options.threads
    ).rounded(probes)
    for index in entry.layers.indices {
      entry.layers[index].sensitivity = sensitivity[entry.layers[index].name]
    }
  }

  private static func problem(_ error: any Error) -> String {
    diagnostics(of: error).map(\.description).joined(separator: "; ")
  }

  /// Digest of all that the result of a variant depends on, but for its name.
  private static func key(
    _ task: CompareTask, _ model: LoadedModel, _ calibration: Calibration?, _ data: Digest,
    _ device: DeviceMeasurement?
  ) -> String {
    var options = task.options
    options.threads = 1
    var text = "\(toolVersion) \(model.digest) \(data) \(options) \(task.settings.counting)"
    text += " \(device?.board.name ?? "") \(task.settings.metricCommand ?? "")"
    text += " \(task.settings.collectsDetails)"
    if let calibration { text += " \(Digest(of: CalibrationFile.encode(calibration)))" }
    return text
  }

  private static func metric(
    _ samples: SampleSet, hasCommand: Bool, _ notes: inout [Diagnostic]
  ) -> Metric {
    if hasCommand { return .command }
    let wanted = samples.folder.dataset?.metric
    let known = wanted.flatMap { Metric($0) }
    if let wanted, known == nil {
      notes.append(
        Diagnostic(
          .warning, id: "compare.metric.unknown",
          "dataset.json asks for the metric '\(wanted)', which is not known; known are top1, top5, auc, "
            + "agreement, mae, r2, clip, word"))
    }
    if let known, known.isRegression { return known }
    guard samples.labels != nil else {
      if known != .agreement {
        notes.append(
          Diagnostic(
            .note, id: "compare.labels.missing",
            "the samples have no labels: variants are judged by agreement with float"))
      }
      return .agreement
    }
    return known ?? .top1
  }

  private static func classCount(_ metric: Metric, _ classes: [String], _ outputs: Shape?) -> Int {
    if case .clip = metric { return 2 }
    return max(classes.count, min(outputs?.dimensions.last ?? 0, 1 << 16))
  }

  /// Names the classes that no sample belongs to.
  private static func classNotes(_ samples: SampleEvaluation, _ classes: [String], _ set: SampleSet)
    -> [Diagnostic]
  {
    guard let labels = samples.labels, !classes.isEmpty else { return [] }
    let present = Set(labels)
    let absent = classes.indices.filter { !present.contains($0) }
    guard !absent.isEmpty else { return [] }
    let names = absent.prefix(20).map { classes[$0] }.joined(separator: ", ")
    return [
      Diagnostic(
        .warning, id: "compare.classes.empty",
        "no sample belongs to \(absent.count == 1 ? "class" : "\(absent.count) classes:") \(names)"
          + (absent.count > 20 ? ", ..." : ""), at: SourcePlace(file: set.folder.path))
    ]
  }
}

extension CompiledModel {
  /// Mean number of bits of the weights, to three places.
  var meanBits: Double {
    var (packed, count) = (0.0, 0.0)
    for constant in program.constants where constant.role == .weights && constant.bits > 0 {
      packed += Double(constant.bytes.count * 8)
      count += Double(constant.bytes.count * 8) / Double(constant.bits)
    }
    return count > 0 ? (packed / count * 1000).rounded() / 1000 : 8
  }
}
