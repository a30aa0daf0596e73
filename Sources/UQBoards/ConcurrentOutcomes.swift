import Dispatch
import Synchronization
import UQSupport

/// Results of independent pieces of work, each a value or problems.
final class ConcurrentOutcomes<Value: Sendable>: Sendable {
  private let slots: Mutex<[Result<Value, Diagnostics>?]>
  private let count: Int

  init(count: Int) {
    self.count = count
    slots = Mutex(Array(repeating: nil, count: count))
  }

  /// Computes every slot on all cores.
  func fill(_ body: @escaping @Sendable (Int) -> Result<Value, Diagnostics>) {
    DispatchQueue.concurrentPerform(iterations: count) { index in
      let outcome = body(index)
      slots.withLock { $0[index] = outcome }
    }
  }

  /// All values, or all problems in order.
  func results() throws(Diagnostics) -> [Value] {
    var values: [Value] = []
    var problems: [Diagnostic] = []
    for outcome in slots.withLock({ $0 }) {
      switch outcome {
      case .success(let value): values.append(value)
      case .failure(let error): problems += error.all
      case nil: break
      }
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
    return values
  }
}
