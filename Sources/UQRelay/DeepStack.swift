import Foundation

/// Runs recursive work where the stack is deep enough for the limits of this layer.
///
/// Callers may be on threads with small stacks (those of a task pool), while the text's nesting and
/// the depth of calls are bounded by counts.
enum DeepStack {
  /// Bytes of address space; pages that are not touched cost nothing.
  static let byteCount = 256 << 20

  /// The result of `body`.
  static func run<T>(_ body: () -> T) -> T {
    withoutActuallyEscaping(body) { body in
      let work = Work(body)
      let thread = Thread { work.perform() }
      thread.stackSize = byteCount
      thread.start()
      return work.wait()
    }
  }

  /// What a thread is to do; handed over once each way, by the semaphore.
  private final class Work<T>: @unchecked Sendable {
    private var body: (() -> T)?
    private var result: T?
    private let done = DispatchSemaphore(value: 0)

    init(_ body: @escaping () -> T) { self.body = body }

    func perform() {
      result = body?()
      body = nil
      done.signal()
    }

    func wait() -> T {
      while true {
        done.wait()
        if let result { return result }
      }
    }
  }
}
