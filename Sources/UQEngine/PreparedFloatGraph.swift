import Dispatch
import Foundation
import Synchronization
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
    guard UInt64(memory.byteCount) <= ProcessInfo.processInfo.physicalMemory else {
      throw Diagnostic(
        id: "engine.memory.exhausted",
        "one run takes \(memory.byteCount) bytes, this machine has "
          + "\(ProcessInfo.processInfo.physicalMemory)")
    }
  }

  func run<State, Result: Sendable>(
    count: Int, threads: Int, sample: @Sendable (Int) throws -> [Tensor]?,
    initial: @Sendable (Int) -> State,
    visit: @Sendable (inout State, ValueID, UnsafeMutableBufferPointer<Float>) -> Void,
    finish: @Sendable (Int, State) -> Result
  ) throws -> [Result?] {
    let results = Slots<Result>(count)
    let workers = max(1, min(threads, count))
    let next = WorkCounter()
    DispatchQueue.concurrentPerform(iterations: workers) { _ in
      let session = EngineSession(self)
      while let index = next.take(below: count) {
        do {
          guard let inputs = try sample(index) else {
            results[index] = .success(nil)
            continue
          }
          var state = initial(index)
          try session.run(inputs) { id, elements in visit(&state, id, elements) }
          results[index] = .success(finish(index, state))
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

/// Hands out the samples' positions to workers.
private final class WorkCounter: Sendable {
  private let next = Mutex(0)

  func take(below count: Int) -> Int? {
    next.withLock { position in
      guard position < count else { return nil }
      position += 1
      return position - 1
    }
  }
}

/// Results of workers, each index written by one of them.
private final class Slots<Value: Sendable>: @unchecked Sendable {
  private let storage: UnsafeMutableBufferPointer<Result<Value?, any Error>?>

  init(_ count: Int) {
    storage = .allocate(capacity: count)
    storage.initialize(repeating: nil)
  }

  deinit {
    storage.deinitialize()
    storage.deallocate()
  }

  subscript(index: Int) -> Result<Value?, any Error>? {
    get { storage[index] }
    set { storage[index] = newValue }
  }

  /// The values; the first sample's failure where there is one.
  func values() throws -> [Value?] {
    try storage.map { slot in
      switch slot {
      case .success(let value): return value
      case .failure(let error): throw error
      case nil: throw Diagnostic(id: "engine.run.incomplete", "a sample was not computed")
      }
    }
  }
}
