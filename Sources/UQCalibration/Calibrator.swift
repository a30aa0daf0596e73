import Synchronization
import UQGraph
import UQNumerics
import UQSupport

/// Collects the statistics of all activations of a graph in one pass over samples.
///
/// Memory is that of one accumulator for each thread, whatever the number of samples.
public struct Calibrator: Sendable {
  /// The graph after the lossless passes.
  public var graph: Graph
  /// SHA-256 of the model file.
  public var modelDigest: Digest
  /// Bytes of samples that the calibration may keep for export.
  public var sampleLimit: Int

  /// Creates a calibrator.
  public init(graph: Graph, modelDigest: Digest, sampleLimit: Int = 32 << 20) {
    self.graph = graph
    self.modelDigest = modelDigest
    self.sampleLimit = sampleLimit
  }

  /// Runs the samples and returns their calibration; samples with NaN or infinite elements are left out.
  ///
  /// - Parameters:
  ///   - sample: the tensors of a sample, `nil` to skip it; called from several threads.
  ///   - done: called after each sample; from several threads.
  /// - Throws: `calibrate.samples.none`, `calibrate.samples.nonfinite`, and what running throws.
  public func run(
    _ prepared: any PreparedGraph, count: Int, threads: Int,
    sample: @escaping @Sendable (Int) throws -> [Tensor]?, done: @escaping @Sendable () -> Void
  ) throws -> Calibration {
    let pool = AccumulatorPool(graph, sampleLimit: sampleLimit)
    let inputs = graph.inputs
    let channels = graph.values.map { $0.type.shape.dimensions.last ?? 1 }
    _ = try prepared.run(
      count: count, threads: threads,
      sample: { index in
        guard let tensors = try sample(index) else { return nil }
        // One such sample would make every mean over the samples NaN.
        guard tensors.allSatisfy({ $0.nonFiniteCount == 0 }) else {
          pool.leaveOut(tensors)
          done()
          return nil
        }
        return tensors
      }, initial: { _ in pool.take() },
      visit: { accumulator, id, elements in
        accumulator.add(id, elements, channels: channels[id.index], isInput: inputs.contains(id))
      },
      finish: { _, accumulator in
        accumulator.endSample(inputs)
        pool.giveBack(accumulator)
        done()
      })
    let total = pool.merged()
    guard total.sampleCount > 0 else {
      throw pool.hasLeftOut
        ? Diagnostic(
          id: "calibrate.samples.nonfinite", "every sample has NaN or infinite elements")
        : Diagnostic(id: "calibrate.samples.none", "no sample could be used")
    }
    return Calibration(
      modelDigest: modelDigest, sampleCount: total.sampleCount,
      tensors: total.finished(graph), samples: total.reservoir)
  }

  /// The statistics of some values over samples, as ``run(_:count:threads:sample:done:)`` would make them.
  ///
  /// - Throws: what running throws.
  public func statistics(
    of values: Set<ValueID>, _ prepared: any PreparedGraph, samples: [[Tensor]], threads: Int
  ) throws -> [TensorStatistics] {
    let pool = AccumulatorPool(graph, sampleLimit: 0)
    let channels = graph.values.map { $0.type.shape.dimensions.last ?? 1 }
    _ = try prepared.run(
      count: samples.count, threads: threads, sample: { samples[$0] },
      initial: { _ in pool.take() },
      visit: { accumulator, id, elements in
        guard values.contains(id) else { return }
        accumulator.add(id, elements, channels: channels[id.index], isInput: false)
      }, finish: { _, accumulator in pool.giveBack(accumulator) })
    let names = Set(values.map { graph[$0].name })
    return pool.merged().finished(graph).filter { names.contains($0.name) }
  }
}

/// What one thread has collected.
final class Accumulator: @unchecked Sendable {
  private(set) var histograms: [ActivationHistogram]
  private(set) var reservoir: SampleReservoir
  private(set) var sampleCount = 0
  private var pending: [ValueID: Tensor] = [:]
  private let shapes: [Shape]

  init(_ graph: Graph, sampleLimit: Int) {
    histograms = [ActivationHistogram](repeating: ActivationHistogram(), count: graph.values.count)
    reservoir = SampleReservoir(
      limit: sampleLimit, shapes: graph.inputs.map { graph.type(of: $0).shape })
    shapes = graph.values.map(\.type.shape)
  }

  func add(
    _ id: ValueID, _ elements: UnsafeMutableBufferPointer<Float>, channels: Int, isInput: Bool
  ) {
    histograms[id.index].add(elements, channels: channels)
    if isInput { pending[id] = Tensor(Array(elements), shapes[id.index]) }
  }

  func endSample(_ inputs: [ValueID]) {
    sampleCount += 1
    let tensors = inputs.compactMap { pending[$0] }
    if tensors.count == inputs.count { reservoir.add(tensors) }
    pending.removeAll(keepingCapacity: true)
  }

  /// Counts the elements of a sample that are no numbers, and nothing else of it.
  func leaveOut(_ sample: [Tensor], _ inputs: [ValueID]) {
    for (id, tensor) in zip(inputs, sample) {
      histograms[id.index].leaveOut(UInt64(tensor.nonFiniteCount))
    }
  }

  func merge(_ other: Accumulator) {
    for i in histograms.indices { histograms[i].merge(other.histograms[i]) }
    reservoir.merge(other.reservoir)
    sampleCount += other.sampleCount
  }

  func finished(_ graph: Graph) -> [TensorStatistics] {
    (graph.inputs + graph.nodes.flatMap(\.results))
      .filter { graph[$0].type.element == .float32 && graph[$0].constant == nil }
      .map { histograms[$0.index].finished(name: graph[$0].name) }
      .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }
}

private final class AccumulatorPool: Sendable {
  private struct State {
    var free: [Accumulator] = []
    var all: [Accumulator] = []
    var hasLeftOut = false
  }
  private let state = Mutex(State())
  private let graph: Graph
  private let sampleLimit: Int

  init(_ graph: Graph, sampleLimit: Int) {
    self.graph = graph
    self.sampleLimit = sampleLimit
  }

  func take() -> Accumulator {
    state.withLock { state in
      if let free = state.free.popLast() { return free }
      let fresh = Accumulator(graph, sampleLimit: sampleLimit)
      state.all.append(fresh)
      return fresh
    }
  }

  func giveBack(_ accumulator: Accumulator) { state.withLock { $0.free.append(accumulator) } }

  func leaveOut(_ sample: [Tensor]) {
    let accumulator = take()
    accumulator.leaveOut(sample, graph.inputs)
    giveBack(accumulator)
    state.withLock { $0.hasLeftOut = true }
  }

  var hasLeftOut: Bool { state.withLock { $0.hasLeftOut } }

  func merged() -> Accumulator {
    let total = Accumulator(graph, sampleLimit: sampleLimit)
    for part in state.withLock({ $0.all }) { total.merge(part) }
    return total
  }
}

extension Tensor {
  /// Elements of a float tensor that are NaN or infinite.
  var nonFiniteCount: Int {
    element != .float32 ? 0 : withElements(Float.self) { $0.count { !$0.isFinite } }
  }
}
