import Dispatch
import UQGraph
import UQNumerics
import UQSupport

/// A graph with packed weights and planned memory.
final class PreparedFloatGraph: PreparedGraph, @unchecked Sendable {
  let graph: Graph
  let steps: [EngineStep]
  let memory: EngineMemory
  private let engine: FloatEngine

  init(_ graph: Graph, engine: FloatEngine) throws {
    self.graph = graph
    self.engine = engine
    steps = try graph.nodes.map { try EngineStep($0, graph, engine) }
    memory = EngineMemory(graph, scratch: steps.map(\.scratchBytes).max() ?? 0)
  }

  func run<R: Sendable>(
    _ samples: [[Tensor]], threads: Int, initial: @Sendable (Int) -> R,
    visit: @Sendable (inout R, ValueID, UnsafeMutableBufferPointer<Float>) -> Void
  ) throws -> [R] {
    let results = Slots<R>(samples.count)
    let workers = max(1, min(threads, samples.count))
    DispatchQueue.concurrentPerform(iterations: workers) { worker in
      let session = EngineSession(self)
      for index in stride(from: worker, to: samples.count, by: workers) {
        var state = initial(index)
        do {
          try session.run(samples[index]) { id, elements in visit(&state, id, elements) }
          results[index] = .success(state)
        } catch {
          results[index] = .failure(error)
        }
      }
    }
    return try results.values()
  }

  func outputs(of sample: [Tensor]) throws -> [Tensor] {
    let session = EngineSession(self)
    try session.run(sample) { _, _ in }
    return graph.outputs.map { session.tensor($0) }
  }
}

/// Results of workers, each index written by one of them.
private final class Slots<R: Sendable>: @unchecked Sendable {
  private let storage: UnsafeMutableBufferPointer<Result<R, any Error>?>

  init(_ count: Int) {
    storage = .allocate(capacity: count)
    storage.initialize(repeating: nil)
  }

  deinit {
    storage.deinitialize()
    storage.deallocate()
  }

  subscript(index: Int) -> Result<R, any Error>? {
    get { storage[index] }
    set { storage[index] = newValue }
  }

  func values() throws -> [R] {
    try storage.map { slot in
      switch slot {
      case .success(let value): return value
      case .failure(let error): throw error
      case nil: throw Diagnostic(id: "engine.run.incomplete", "a sample was not computed")
      }
    }
  }
}
