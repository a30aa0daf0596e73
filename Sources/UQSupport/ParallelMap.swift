import Dispatch
import Synchronization

/// Computes `body` for each index on several threads and returns the results in order.
///
/// Each thread has a context of its own, made on first use. The first index's failure is thrown where
/// several fail, so the outcome does not depend on the number of threads.
public func parallelMap<Context, Result: Sendable>(
  count: Int, threads: Int, context: @Sendable () throws -> Context,
  body: @Sendable (inout Context, Int) throws -> Result
) throws -> [Result] {
  let results = ResultSlots<Result>(count)
  let next = Mutex(0)
  let workers = max(1, min(threads, count))
  DispatchQueue.concurrentPerform(iterations: workers) { _ in
    var own: Context?
    while true {
      let index = next.withLock { position -> Int in
        position += 1
        return position - 1
      }
      guard index < count else { return }
      do {
        var current = try own ?? context()
        let value = try body(&current, index)
        own = current
        results.set(index, .success(value))
      } catch { results.set(index, .failure(error)) }
    }
  }
  return try results.values()
}

/// Results of workers, each index written by one of them.
private final class ResultSlots<Value: Sendable>: @unchecked Sendable {
  private let storage: UnsafeMutableBufferPointer<Swift.Result<Value, any Error>?>

  init(_ count: Int) {
    storage = .allocate(capacity: count)
    storage.initialize(repeating: nil)
  }

  deinit {
    storage.deinitialize()
    storage.deallocate()
  }

  func set(_ index: Int, _ value: Swift.Result<Value, any Error>) { storage[index] = value }

  func values() throws -> [Value] {
    try storage.map { slot in
      guard let slot else {
        throw Diagnostic(id: "internal.parallel.incomplete", "an index was not computed")
      }
      return try slot.get()
    }
  }
}
