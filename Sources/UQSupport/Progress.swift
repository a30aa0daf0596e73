import Foundation
import Synchronization

/// Shows how far a piece of work is: a bar on a terminal, else a line now and then.
///
/// Rate and time left stand beside it. Writes to standard error; silent where asked to be.
public final class Progress: Sendable {
  private struct State {
    var done = 0
    var shown = -1
    var lastTime = 0.0
  }

  private let title: String
  private let total: Int
  private let unit: String
  private let isSilent: Bool
  private let isTerminal: Bool
  private let start = Date()
  private let state = Mutex(State())

  /// Announces work of `total` units.
  public init(_ title: String, total: Int, unit: String, silent: Bool = false) {
    self.title = title
    self.total = total
    self.unit = unit
    isSilent = silent
    isTerminal = isatty(STDERR_FILENO) == 1
  }

  /// Reports that `count` more units are done; any thread.
  public func advance(by count: Int = 1) {
    guard !isSilent else { return }
    let line: String? = state.withLock { state in
      state.done += count
      let now = Date().timeIntervalSince(start)
      let interval = isTerminal ? 0.1 : 5
      guard now - state.lastTime >= interval else { return nil }
      state.lastTime = now
      return text(done: state.done, seconds: now)
    }
    if let line { write(line, last: false) }
  }

  /// Shows the final state.
  public func finish() {
    guard !isSilent else { return }
    let done = state.withLock { $0.done }
    write(text(done: done, seconds: Date().timeIntervalSince(start)), last: true)
  }

  private func text(done: Int, seconds: Double) -> String {
    let rate = seconds > 0 ? Double(done) / seconds : 0
    let left = rate > 0 && total > done ? Double(total - done) / rate : 0
    var line = "\(title) \(done)/\(total) \(unit), \(decimal(rate)) \(unit)/s"
    line += done < total ? ", \(decimal(left)) s left" : ", \(decimal(seconds)) s"
    guard isTerminal, total > 0 else { return line }
    let filled = min(24, 24 * done / total)
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
    return "\(bar) \(line)"
  }

  private func decimal(_ value: Double) -> String {
    value >= 100 ? String(Int(value.rounded())) : String(format: "%.1f", value)
  }

  private func write(_ line: String, last: Bool) {
    let text = isTerminal ? "\r\u{1B}[K\(line)" + (last ? "\n" : "") : line + "\n"
    FileHandle.standardError.write(Data(text.utf8))
  }
}
