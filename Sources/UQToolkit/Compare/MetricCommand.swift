import Foundation
import UQBoards
import UQNumerics
import UQReport
import UQSamples
import UQSupport

/// Judges outputs by a program of the user's.
///
/// `sh` runs the command with `UQ_OUTPUTS`, an `.npy` file of `[samples, outputs]`, `UQ_LABELS`, an `.npy`
/// file of labels where there are any, and `UQ_VARIANT`, the variant's name. The last line that it prints
/// is the metric; more is better.
struct MetricCommand {
  /// The command.
  let command: String
  /// Seconds that it may take.
  private static let timeLimit = 3600.0

  /// The metric of a variant's outputs.
  ///
  /// - Throws: `compare.metric.failed`, `output.file.write`.
  func measure(_ outputs: [[Float]], labels: [Int]?, variant: String) throws -> Double {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("uq-metric-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let width = outputs.first?.count ?? 0
    try NumPyFile.write(
      Tensor(outputs.flatMap { $0 }, [outputs.count, width]), to: "\(folder)/outputs.npy")
    var environment = ProcessInfo.processInfo.environment
    environment["UQ_OUTPUTS"] = "\(folder)/outputs.npy"
    environment["UQ_VARIANT"] = variant
    if let labels {
      try NumPyFile.write(
        Tensor(labels.map(Int64.init), [labels.count]), to: "\(folder)/labels.npy")
      environment["UQ_LABELS"] = "\(folder)/labels.npy"
    }
    let finished = try ProcessRunner.run(
      "/bin/sh", ["-c", command], in: FileManager.default.currentDirectoryPath,
      environment: environment, timeLimit: Self.timeLimit)
    let last = finished.output.split(whereSeparator: \.isNewline).last ?? ""
    guard finished.succeeded, let value = Double(last.trimmingCharacters(in: .whitespaces)),
      value.isFinite
    else {
      throw Diagnostic(
        id: "compare.metric.failed",
        finished.succeeded
          ? "the metric's command printed '\(last.prefix(80))', which is no number"
          : "the metric's command ended by \(finished.endingText): \(finished.tail(2))")
    }
    return value
  }
}
