import Synchronization
import UQSupport

/// Collects samples that cannot be used, and stops the work when they are more than a few.
///
/// A few are `max(3, 1 %)`. May be used from many threads at once.
public final class SampleProblems: Sendable {
  /// How many problems are still accepted.
  public let limit: Int
  private let total: Int
  private let found = Mutex<[Int: Diagnostic]>([:])

  /// Starts an empty collection for a source of `total` samples.
  public init(total: Int) {
    self.total = total
    limit = max(3, total / 100)
  }

  /// Number of samples with a problem.
  public var count: Int { found.withLock { $0.count } }

  /// The problems in the order of the samples, as warnings: the samples were left out.
  public var warnings: [Diagnostic] {
    sorted().map { problem in
      var copy = problem
      copy.severity = .warning
      copy.message += "; the sample is left out"
      return copy
    }
  }

  /// Records that the sample at `index` cannot be used.
  ///
  /// - Throws: ``Diagnostics``: the first problems in the samples' order, then
  ///   `samples.folder.too-many-bad`, where there are now more than ``limit`` or every sample is bad.
  public func record(_ problem: Diagnostic, at index: Int) throws(Diagnostics) {
    let count = found.withLock { list in
      list[index] = problem
      return list.count
    }
    guard count > limit || count >= total else { return }
    let last = Diagnostic(
      id: "samples.folder.too-many-bad",
      "\(count) of \(total) samples cannot be used, at most \(limit) may be left out")
    throw Diagnostics(sorted().prefix(limit + 1) + [last])
  }

  private func sorted() -> [Diagnostic] {
    found.withLock { list in list.sorted { $0.key < $1.key }.map(\.value) }
  }
}
