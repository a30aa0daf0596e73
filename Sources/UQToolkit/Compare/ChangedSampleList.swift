import UQReport
import UQSupport

/// Chooses the samples whose change of class a report shows.
struct ChangedSampleList {
  private let samples: SampleEvaluation
  private let outcomes: [String: [SampleOutcome]]

  /// Most samples that are shown.
  static let most = 24
  /// Most bytes of all previews together.
  static let mostBytes = 600_000

  /// Takes the outcomes of the variants by name.
  init(_ samples: SampleEvaluation, _ outcomes: [String: [SampleOutcome]]) {
    self.samples = samples
    self.outcomes = outcomes
  }

  /// Samples that changed class, those of the recommended variant first, then of the others in turn; in the
  /// order of the samples.
  func choose(_ report: ComparisonReport) throws -> [ChangedSample] {
    guard !samples.metric.isRegression, samples.metric != .command else { return [] }
    let names = report.integers.map(\.name)
    let first = report.recommendation.variant
    let order = names.filter { $0 == first } + names.filter { $0 != first }
    var queues = order.map { name in
      (outcomes[name] ?? []).indices.filter { outcomes[name]?[$0].best != samples.float[$0].best }[
        ...]
    }
    var chosen: Set<Int> = []
    // Half of the room belongs to the recommended variant.
    if !queues.isEmpty {
      chosen.formUnion(queues[0].prefix(Self.most / 2))
      queues[0] = queues[0].dropFirst(Self.most / 2)
    }
    while chosen.count < Self.most, queues.contains(where: { !$0.isEmpty }) {
      for index in queues.indices where chosen.count < Self.most {
        if let next = queues[index].popFirst() { chosen.insert(next) }
      }
    }
    var room = Self.mostBytes
    return try chosen.sorted().map { position in
      var sample = ChangedSample(
        index: samples.used[position], name: samples.name(position),
        label: samples.labels?[position],
        predictions: report.variants.map { outcomes[$0.name]?[position].best })
      if let preview = try samples.tensors(position).first.flatMap({ SamplePreview($0) }) {
        let size =
          switch preview {
          case .picture(let uri, _, _): uri.utf8.count
          case .waveform(let paths, _, _): paths.reduce(0) { $0 + $1.utf8.count }
          }
        if size <= room { sample.preview = preview }
        room -= size
      }
      return sample
    }
  }
}
