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
    let prepared = try FloatEngine().prepare(model.optimized)
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

  /// Judges a variant; what cannot be made is an entry with a problem.
  ///
  /// - Throws: `output.file.write`.
  func variant(_ name: String) throws -> VariantReport {
    let maker = CandidateMaker(task: task, model: model, calibration: calibration)
    do {
      let source = try VariantSource(name)
      return source.isFloat
        ? float(name) : try judged(name, source.cacheTag) { try maker.candidate(source) }
    } catch let problem where !ComparisonRun.isWriting(problem) {
      return failure(name, problem)
    }
  }

  /// Judges the frontier of sizes, leaving out what `known` has judged.
  ///
  /// - Throws: `output.file.write`.
  func frontier(besides known: [VariantReport]) throws -> [VariantReport] {
    let widths = Set(
      known.filter { WidthRequest($0.name) != nil }.map { variant in
        Dictionary(
          variant.layers.compactMap { layer in
            layer.bits.map { (layer.name, WeightFormat(bits: $0, groupSize: layer.groupSize)) }
          },
          uniquingKeysWith: { first, _ in first })
      })
    let maker = CandidateMaker(task: task, model: model, calibration: calibration)
    let points: [FrontierPoint]
    do { points = try maker.frontier() } catch { return [failure("frontier", error)] }
    let added = points.filter { point in
      !widths.contains(
        Dictionary(
          point.rules.compactMap { rule in
            let size = rule.groupSize ?? 0
            return rule.bits.map {
              (rule.pattern, WeightFormat(bits: $0, groupSize: size > 0 ? size : nil))
            }
          },
          uniquingKeysWith: { first, _ in first }))
    }
    return try added.map { point in
      do { return try judged(point.name, "") { try maker.candidate(point) } } catch let problem
        where !ComparisonRun.isWriting(problem)
      { return failure(point.name, problem) }
    }
  }

  private func float(_ name: String) -> VariantReport {
    var entry = VariantReport(name: name, bits: 32)
    entry.macs = model.optimized.macs
    entry.weightBytes = 4 * model.optimized.parameters
    outcomes[name] = samples.float
    judge.fill(&entry, from: samples.float)
    do { try judgeByCommand(&entry, samples.floatOutputs) } catch {
      entry.problem = ComparisonRun.problem(error)
    }
    return entry
  }

  /// Judges a candidate; one with a tag is looked for in the cache first, and put into it.
  private func judged(_ name: String, _ tag: String?, make: () throws -> Candidate) throws
    -> VariantReport
  {
    if let tag, let found = cache[name + tag] {
      outcomes[name] = found.outcomes
      progress.advance(by: samples.used.count)
      return found.report
    }
    let candidate = try make()
    let compiled = candidate.compiled
    let own = try candidate.other.map { try fitted($0.model) } ?? samples
    var entry = VariantReport(name: name, bits: compiled.meanBits)
    try describe(candidate, own, &entry)
    let result =
      try candidate.export.map { try own.run($0, of: compiled) }
      ?? own.run(compiled, done: { [progress] in progress.advance() })
    judge.fill(&entry, from: result.outcomes)
    try judgeByCommand(&entry, result.outputs)
    outcomes[name] = result.outcomes
    if let tag { try cache.add(.init(report: entry, outcomes: result.outcomes), for: name + tag) }
    return entry
  }

  private func failure(_ name: String, _ error: any Error) -> VariantReport {
    var entry = VariantReport(name: name, bits: Int(name).map(Double.init) ?? 32)
    entry.problem = ComparisonRun.problem(error)
    return entry
  }

  /// Whether it is the report itself that cannot be written.
  private static func isWriting(_ error: any Error) -> Bool {
    diagnostics(of: error).contains { $0.id == "output.file.write" }
  }

  /// The samples for another model of the same task.
  private func fitted(_ other: LoadedModel) throws -> SampleEvaluation {
    let (own, theirs) = (model.optimized, other.optimized)
    func count(_ graph: Graph) -> Int? {
      graph.outputs.first.map { graph.type(of: $0).shape.count }
    }
    guard samples.metric == .command || count(own) == count(theirs) else {
      throw Diagnostic(
        id: "compare.model.outputs",
        "has \(count(theirs) ?? 0) outputs, \(model.path) has \(count(own) ?? 0): it is of another task",
        at: SourcePlace(file: other.path))
    }
    let isSame = model.inputs.map(\.type) == other.inputs.map(\.type)
    return try samples.fitted(
      to: other,
      preprocessing: isSame
        ? task.workspace.configuration.preprocess
        : Workspace(model: other.path).configuration.preprocess)
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
    report.limits = task.limits
    let warnings = notes + samples.samples.warnings
    report.notes = warnings
    if task.settings.collectsDetails {
      let layers = entries.filter { $0.model == nil }.flatMap { $0.layers.map(\.name) }
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

  private func describe(
    _ candidate: Candidate, _ samples: SampleEvaluation, _ entry: inout VariantReport
  ) throws {
    let compiled = candidate.compiled
    let program = compiled.program
    let model = candidate.other?.model ?? self.model
    let probes = try samples.probes(Self.qualitySamples)
    let float = compiled.float(of: model.optimized)
    let ratios =
      try samples.prepared.map {
        try LayerQuality(
          compiled: compiled, graph: float,
          prepared: compiled.quantized.equalized.isEmpty ? $0 : FloatEngine().prepare(float)
        ).ratios(probes)
      } ?? [Double?](repeating: nil, count: program.calls.count)
    entry.macs = program.macs
    entry.weightBytes = program.weightBytes
    entry.ramBytes = compiled.plan.byteCount
    entry.arena = ArenaUse(program, compiled.plan)
    entry.allocation = candidate.allocation
    entry.model = candidate.other.map { URL(fileURLWithPath: $0.model.path).lastPathComponent }
    let constants = program.constants.reduce(0) { $0 + $1.bytes.count }
    entry.flash = FlashUse(weights: program.weightBytes, tables: constants - program.weightBytes)
    let measured = try device?.measure(
      compiled, modelDigest: model.digest.description, export: candidate.export,
      counts: task.settings.counts(macs: program.macs))
    if let measured {
      entry.flash = measured.flash
      entry.stackBytes = measured.stackBytes
      entry.instructions = measured.instructions
    }
    entry.layers = compiled.layerReports(ratios, instructions: measured?.callInstructions ?? [])
    LayerRanges.fill(&entry.layers, from: compiled.quantized.graph)
    guard task.settings.collectsDetails, samples.prepared != nil else { return }
    let sensitivity = try RoundingEffects(
      graph: float,
      dequantized: compiled.plainlyRounded(
        float, candidate.other.map(\.calibration) ?? calibration),
      threads: task.options.threads
    ).rounded(probes)
    for index in entry.layers.indices {
      entry.layers[index].sensitivity = sensitivity[entry.layers[index].name]
    }
  }

  private static func problem(_ error: any Error) -> String {
    diagnostics(of: error).map(\.clause).joined(separator: "; ")
  }

  /// Digest of all that the result of a variant depends on, but for its name.
  private static func key(
    _ task: CompareTask, _ model: LoadedModel, _ calibration: Calibration?, _ data: Digest,
    _ device: DeviceMeasurement?
  ) -> String {
    var options = task.options
    options.threads = 1
    // Its tables have no order of their own.
    options.target = nil
    var text = "\(toolVersion) \(model.digest) \(data) \(options) \(task.settings.counting)"
    text += " \(task.options.target?.name ?? "")"
    text += " \(device?.board.name ?? "") \(task.settings.metricCommand ?? "")"
    text += " \(task.settings.collectsDetails)"
    if let calibration { text += " \(Digest(of: CalibrationFile.encode(calibration)))" }
    return text
  }
}
