import Foundation
import UQBoards
import UQEngine
import UQGraph
import UQKernels
import UQNumerics
import UQReport
import UQSamples
import UQSimulator
import UQSupport

/// The samples of a comparison with what the float model made of them.
struct SampleEvaluation {
  /// The samples.
  private(set) var samples: SampleSet
  /// Positions of the samples that could be used.
  let used: [Int]
  /// What variants are judged by.
  let metric: Metric
  /// Classes of the used samples.
  let labels: [Int]?
  /// Outcomes of the float model.
  let float: [SampleOutcome]
  /// SHA-256 of the tensors and labels.
  let digest: Digest
  /// The float model's first output for each sample, where a command judges outputs.
  let floatOutputs: [[Float]]

  /// The float model; `nil` where it has no float form.
  private(set) var prepared: (any PreparedGraph)?
  private let targets: SampleTargets?
  /// Outputs of the float model; `nil` where they are too large to keep, and are computed again.
  private var references: [[[Float]]]?
  private let threads: Int
  private let keepsOutputs: Bool

  /// Most outputs of the float model that are kept.
  private static let keptElements = 1 << 26

  /// Runs the float model on every sample.
  ///
  /// - Throws: `samples.*`, `engine.*`.
  init(
    _ samples: SampleSet, metric: Metric, targets: SampleTargets?, prepared: any PreparedGraph,
    outputCount: Int, threads: Int, keepsOutputs: Bool, done: @escaping @Sendable () -> Void
  ) throws {
    self.samples = samples
    self.metric = metric
    self.targets = targets
    self.prepared = prepared
    self.threads = threads
    self.keepsOutputs = keepsOutputs
    let keeps = outputCount <= Self.keptElements / max(1, samples.count)
    let all = samples.labels
    let rows = try parallelMap(count: samples.count, threads: threads, context: { () }) {
      _, index -> Row? in
      defer { done() }
      guard let tensors = try samples.tensors(index) else { return nil }
      let outputs = try prepared.outputs(of: tensors)
      let values = outputs.map(\.floats)
      var stream = DigestStream()
      for tensor in tensors { tensor.withUnsafeBytes { stream.update($0) } }
      return Row(
        outcome: SampleOutcome(
          outputs: values, frames: Self.frames(outputs), reference: values, label: all?[index],
          target: targets?.values(index, tensors), metric: metric),
        digest: stream.finish(), reference: keeps ? values : nil,
        output: keepsOutputs ? values.first ?? [] : [])
    }
    let used = rows.indices.filter { rows[$0] != nil }
    self.used = used
    labels = all.map { labels in used.map { labels[$0] } }
    let present = rows.compactMap(\.self)
    float = present.map(\.outcome)
    references = keeps ? present.map { $0.reference ?? [] } : nil
    floatOutputs = keepsOutputs ? present.map(\.output) : []
    var stream = DigestStream()
    for (row, index) in zip(present, used) {
      stream.update(row.digest.bytes)
      stream.update(Array("\(index) \(all?[index] ?? -1) \(metric.name)".utf8))
      for value in targets?.labels(index) ?? [] { stream.update(Array("\(value) ".utf8)) }
    }
    digest = stream.finish()
  }

  private struct Row: Sendable {
    var outcome: SampleOutcome
    var digest: Digest
    var reference: [[Float]]?
    var output: [Float]
  }

  /// Runs a compiled model in the device's arithmetic on every sample.
  ///
  /// - Returns: outcomes, and first outputs where they are kept.
  /// - Throws: `simulate.*`.
  func run(_ compiled: CompiledModel, done: @escaping @Sendable () -> Void) throws -> (
    outcomes: [SampleOutcome], outputs: [[Float]]
  ) {
    let rows = try parallelMap(
      count: used.count, threads: threads,
      context: { try Simulator(compiled.program, compiled.plan) }
    ) { simulator, position in
      defer { done() }
      let tensors = try tensors(position)
      return try outcome(position, tensors, simulator.predict(tensors))
    }
    return (rows.map(\.0), rows.map(\.1))
  }

  /// Runs the compiled C of an export on every sample.
  ///
  /// - Throws: `verify.*`, `board.tool.missing`.
  func run(_ export: Export, of compiled: CompiledModel) throws -> (
    outcomes: [SampleOutcome], outputs: [[Float]]
  ) {
    let runner = QuantizedRunner(compiled)
    let inputs = try used.indices.map { try runner.inputBytes(of: tensors($0)) }
    let records = try HostBuild(export, flags: ["-O2"]).run(inputs).outputs
    var outcomes: [SampleOutcome] = []
    var outputs: [[Float]] = []
    for (position, record) in records.enumerated() {
      var start = 0
      let tensors = compiled.program.outputs.map { port -> Tensor in
        let bytes = Array(record.dropFirst(start).prefix(port.type.byteCount))
        start += port.type.byteCount
        let tensor = bytes.withUnsafeBytes {
          Tensor(port.type.element, port.type.shape, copying: $0)
        }
        return port.dequantize(tensor ?? Tensor(zeros: port.type.element, port.type.shape))
      }
      let row = try outcome(position, self.tensors(position), tensors)
      outcomes.append(row.0)
      outputs.append(row.1)
    }
    return (outcomes, outputs)
  }

  private func outcome(_ position: Int, _ inputs: [Tensor], _ outputs: [Tensor]) throws -> (
    SampleOutcome, [Float]
  ) {
    let values = outputs.map(\.floats)
    let reference =
      try references?[position] ?? prepared?.outputs(of: inputs).map(\.floats) ?? []
    let outcome = SampleOutcome(
      outputs: values, frames: Self.frames(outputs), reference: reference,
      label: labels?[position], target: targets?.values(used[position], inputs), metric: metric)
    return (outcome, keepsOutputs ? values.first ?? [] : [])
  }

  /// The same samples for another model of the task, whose own float outputs are its reference.
  ///
  /// - Throws: `samples.*`, `compare.model.samples` where they do not fit its inputs.
  func fitted(to model: LoadedModel, preprocessing: Preprocessing?) throws -> SampleEvaluation {
    var copy = self
    copy.samples = try SampleSet(
      samples.folder.path, model: model, preprocessing: preprocessing, limit: samples.count)
    copy.prepared = try? FloatEngine().prepare(model.optimized)
    copy.references = nil
    guard let first = used.first, try copy.samples.tensors(first) != nil else {
      throw Diagnostic(
        id: "compare.model.samples",
        "cannot take the samples: \(copy.samples.warnings.last?.message ?? "there are none")",
        at: SourcePlace(file: model.path))
    }
    return copy
  }

  /// The tensors of a used sample.
  ///
  /// - Throws: `compare.sample.changed` where the sample can no longer be read.
  func tensors(_ position: Int) throws -> [Tensor] {
    guard let tensors = try samples.tensors(used[position]) else {
      throw Diagnostic(
        id: "compare.sample.changed",
        "sample '\(name(position))' could be read before and now cannot: leave the samples alone "
          + "while they are compared")
    }
    return tensors
  }

  /// File of a used sample.
  func name(_ position: Int) -> String { samples.folder.names[samples.positions[used[position]]] }

  /// A few used samples, spread evenly.
  func probes(_ most: Int) throws -> [[Tensor]] {
    let count = min(most, used.count)
    return try (0..<count).map { try tensors($0 * used.count / count) }
  }

  /// Number of frames of the first output: all but the last axis.
  private static func frames(_ outputs: [Tensor]) -> Int {
    guard let shape = outputs.first?.shape, let last = shape.dimensions.last else { return 1 }
    return max(1, shape.count / max(1, last))
  }
}

/// What outputs should have been, as real numbers.
struct SampleTargets: Sendable {
  /// A row for each sample; `nil` where a network is to return its input.
  private let rows: [[Float]]?

  /// Reads `targets.npy` beside the samples, whose first axis is the samples; for a network that
  /// reconstructs, its input is the target.
  ///
  /// - Throws: `compare.targets.missing`, `compare.targets.count`, `samples.npy.*`.
  init(_ samples: SampleSet) throws(Diagnostic) {
    let path = "\(samples.folder.path)/targets.npy"
    guard FileManager.default.fileExists(atPath: path) else {
      guard samples.folder.dataset?.task == "reconstruction" else {
        throw Diagnostic(
          id: "compare.targets.missing", "the metric needs targets.npy beside the samples",
          at: SourcePlace(file: path))
      }
      rows = nil
      return
    }
    let tensor = try NumPyFile.read(path)
    guard let count = tensor.shape.dimensions.first, count == samples.folder.count else {
      throw Diagnostic(
        id: "compare.targets.count",
        "\(tensor.shape) targets for \(samples.folder.count) samples", at: SourcePlace(file: path))
    }
    let values = tensor.floats
    let width = values.count / max(1, count)
    rows = samples.positions.map { Array(values[$0 * width..<($0 + 1) * width]) }
  }

  /// The target of a sample.
  func values(_ index: Int, _ inputs: [Tensor]) -> [Float] {
    rows?[index] ?? inputs.first?.floats ?? []
  }

  /// The target of a sample where a file says it.
  func labels(_ index: Int) -> [Float]? { rows?[index] }
}
