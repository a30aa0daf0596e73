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
import UQSimulator
import UQSupport

/// `uq debug`: float, simulator and compiled C, layer by layer.
public struct DebugTask: Sendable {
  /// Where the model is.
  public var workspace: Workspace
  /// Folder of samples.
  public var data: String
  /// Path of the calibration.
  public var calibrationPath: String
  /// How the network is quantized; an export says it itself.
  public var options: CompileOptions
  /// Folder of an export to trace.
  public var exportFolder: String?
  /// At most so many samples.
  public var limit: Int

  /// Creates the task.
  public init(
    workspace: Workspace, data: String, calibrationPath: String, options: CompileOptions,
    exportFolder: String? = nil, limit: Int = 16
  ) {
    self.workspace = workspace
    self.data = data
    self.calibrationPath = calibrationPath
    self.options = options
    self.exportFolder = exportFolder
    self.limit = limit
  }

  /// Compares the layers.
  ///
  /// - Throws: `verify.model.mismatch`, `debug.samples.none`, `debug.calls.mismatch`, and what reading,
  ///   quantizing and compiling throw.
  public func run() throws -> (report: DebugReport, warnings: [Diagnostic]) {
    let recipe = try exportFolder.map { folder throws(Diagnostic) in
      try ExportRecipe(folder: folder)
    }
    let model = try LoadedModel(
      workspace, disabledPasses: recipe?.disabledPasses ?? [],
      layouts: recipe?.layouts ?? PortLayouts())
    if let recipe, recipe.modelDigest != model.digest.description {
      throw Diagnostic(
        id: "verify.model.mismatch", "the export was made from another model",
        at: SourcePlace(file: exportFolder))
    }
    var options = self.options
    if let recipe { options = recipe.options(threads: options.threads) }
    let (compiled, calibration) = try CompiledModel.make(
      model, calibrationPath: calibrationPath, options: options)
    let set = try SampleSet(
      data, model: model, preprocessing: workspace.configuration.preprocess, limit: limit)
    let samples = try (0..<set.count).compactMap { try set.tensors($0) }
    guard !samples.isEmpty else {
      throw Diagnostic(id: "debug.samples.none", "no sample could be used")
    }
    var report = try measure(model, compiled, calibration, samples)
    report.bits = options.width.name
    if let exportFolder {
      report.export = exportFolder
      try trace(Export(folder: exportFolder), compiled, samples, &report)
    }
    return (report, compiled.quantized.warnings + set.warnings)
  }

  private func measure(
    _ model: LoadedModel, _ compiled: CompiledModel, _ calibration: Calibration?,
    _ samples: [[Tensor]]
  ) throws -> DebugReport {
    let prepared = try FloatEngine().prepare(model.optimized)
    let float = compiled.float(of: model.optimized)
    let ratios = try LayerQuality(
      compiled: compiled, graph: float, prepared: FloatEngine().prepare(float)
    ).ratios(samples)
    let plain = RoundingEffects(
      graph: float, dequantized: try compiled.plainlyRounded(float, calibration),
      threads: options.threads)
    let alone = try plain.rounded(samples)
    let spared = try plain.spared(samples)
    let plainly = try plain.allRounded(samples)
    let all = try RoundingEffects(
      graph: model.optimized, dequantized: compiled.quantized.dequantized, threads: options.threads
    ).allRounded(samples)
    var layers = compiled.layerReports(ratios).map { DebuggedLayer($0) }
    for index in layers.indices {
      layers[index].sensitivity = alone[layers[index].name]
      if let plainly, let ratio = spared[layers[index].name] {
        layers[index].gain = ratio - plainly
      }
    }
    var report = DebugReport(
      model: URL(fileURLWithPath: model.path).lastPathComponent, bits: "", samples: samples.count,
      layers: layers)
    report.weightsSQNR = all
    let simulator = try Simulator(compiled.program, compiled.plan)
    var (signal, noise) = (0.0, 0.0)
    for sample in samples {
      for (output, wanted) in zip(
        try simulator.predict(sample), try prepared.outputs(of: sample))
      {
        for (x, y) in zip(output.floats, wanted.floats) {
          signal += Double(y) * Double(y)
          noise += (Double(x) - Double(y)) * (Double(x) - Double(y))
        }
      }
    }
    if signal > 0, noise.isFinite {
      report.outputSQNR = noise > 0 ? min(200, 10 * log10(signal / noise)) : 200
    }
    return report
  }

  /// Compares what every call writes, in the simulator and in the compiled C.
  private func trace(
    _ export: Export, _ compiled: CompiledModel, _ samples: [[Tensor]],
    _ report: inout DebugReport
  ) throws {
    let program = compiled.program
    let runner = QuantizedRunner(compiled)
    let inputs = try samples.map { try runner.inputBytes(of: $0) }
    let snapshots = try TracedBuild(export).run(inputs)
    guard export.arenaBytes == compiled.plan.byteCount,
      snapshots.allSatisfy({ $0.count == program.calls.count })
    else {
      throw Diagnostic(
        id: "debug.calls.mismatch",
        "the export makes \(snapshots.first?.count ?? 0) kernel calls in \(export.arenaBytes) bytes, the model "
          + "\(program.calls.count) in \(compiled.plan.byteCount): export again with this version",
        at: SourcePlace(file: export.folder))
    }
    let counter = DifferenceCounter(program, compiled.plan)
    let simulator = try Simulator(program, compiled.plan)
    for (sample, trace) in zip(samples, snapshots) {
      simulator.observe = { call, memory in counter.add(call, memory, trace[call]) }
      _ = try simulator.predict(sample)
    }
    var byLayer: [String: Int] = [:]
    for (call, count) in zip(program.calls, counter.counts) {
      byLayer[call.layer, default: 0] += count
    }
    for index in report.layers.indices {
      report.layers[index].differingBytes = byLayer[report.layers[index].name] ?? 0
    }
  }
}

/// Counts bytes that differ behind each call, changed from the simulator's callback.
private final class DifferenceCounter {
  private let program: KernelProgram
  private let plan: ArenaPlan
  private let outputStarts: [BufferID: Int]
  private(set) var counts: [Int]

  init(_ program: KernelProgram, _ plan: ArenaPlan) {
    self.program = program
    self.plan = plan
    counts = [Int](repeating: 0, count: program.calls.count)
    var starts: [BufferID: Int] = [:]
    var start = 0
    for port in program.outputs {
      starts[port.buffer] = start
      start += port.type.byteCount
    }
    outputStarts = starts
  }

  func add(_ call: Int, _ memory: ProgramMemory, _ snapshot: TracedBuild.Snapshot) {
    for buffer in program.calls[call].kernel.writes {
      let size = program[buffer].byteCount
      let (data, offset): (Data, Int)
      if let place = plan.offsets[buffer.index] {
        (data, offset) = (snapshot.arena, place)
      } else if let place = outputStarts[buffer] {
        (data, offset) = (snapshot.outputs, place)
      } else {
        continue
      }
      let own: UnsafeMutablePointer<UInt8> = memory.pointer(buffer)
      let start = data.startIndex + offset
      for index in 0..<size where data[start + index] != own[index] { counts[call] += 1 }
    }
  }
}
