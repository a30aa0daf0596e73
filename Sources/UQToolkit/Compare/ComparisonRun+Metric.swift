import UQGraph
import UQNumerics
import UQReport
import UQSamples
import UQSupport

extension ComparisonRun {
  static func metric(
    _ samples: SampleSet, hasCommand: Bool, _ notes: inout [Diagnostic]
  ) -> Metric {
    if hasCommand { return .command }
    let wanted = samples.folder.dataset?.metric
    let known = wanted.flatMap { Metric($0) }
    if let wanted, known == nil {
      notes.append(
        Diagnostic(
          .warning, id: "compare.metric.unknown",
          "dataset.json asks for the metric '\(wanted)', which is not known; known are top1, top5, auc, "
            + "agreement, mae, r2, clip, word"))
    }
    if let known, known.isRegression { return known }
    guard samples.labels != nil else {
      if known != .agreement {
        notes.append(
          Diagnostic(
            .note, id: "compare.labels.missing",
            "the samples have no labels: variants are judged by agreement with float"))
      }
      return .agreement
    }
    return known ?? .top1
  }

  static func classCount(_ metric: Metric, _ classes: [String], _ outputs: Shape?) -> Int {
    if case .clip = metric { return 2 }
    return max(classes.count, min(outputs?.dimensions.last ?? 0, 1 << 16))
  }

  /// Names the classes that no sample belongs to.
  static func classNotes(_ samples: SampleEvaluation, _ classes: [String], _ set: SampleSet)
    -> [Diagnostic]
  {
    guard let labels = samples.labels, !classes.isEmpty else { return [] }
    let present = Set(labels)
    let absent = classes.indices.filter { !present.contains($0) }
    guard !absent.isEmpty else { return [] }
    let names = absent.prefix(20).map { classes[$0] }.joined(separator: ", ")
    return [
      Diagnostic(
        .warning, id: "compare.classes.empty",
        "no sample belongs to \(absent.count == 1 ? "class" : "\(absent.count) classes:") \(names)"
          + (absent.count > 20 ? ", ..." : ""), at: SourcePlace(file: set.folder.path))
    ]
  }
}
