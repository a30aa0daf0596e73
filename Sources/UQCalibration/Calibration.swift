import UQGraph
import UQNumerics
import UQSupport

/// Statistics and kept samples of a model, as a `.uqcal` file holds them.
public struct Calibration: Sendable {
  /// SHA-256 of the model file.
  public var modelDigest: Digest
  /// Samples that the statistics were made from.
  public var sampleCount: Int
  /// Statistics, sorted by name.
  public var tensors: [TensorStatistics]
  var samples: SampleReservoir

  init(
    modelDigest: Digest, sampleCount: Int, tensors: [TensorStatistics], samples: SampleReservoir
  ) {
    self.modelDigest = modelDigest
    self.sampleCount = sampleCount
    self.tensors = tensors
    self.samples = samples
  }

  /// Number of kept samples.
  public var keptSamples: Int { samples.entries.count }

  /// What the quantizer needs; samples of files that keep NaN or infinite elements are left out.
  public var summary: CalibrationSummary {
    CalibrationSummary(
      modelDigest: modelDigest.description, sampleCount: sampleCount,
      tensors: Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }),
      samples: samples.samples.filter { $0.allSatisfy { $0.nonFiniteCount == 0 } })
  }

  /// The calibration of the union of several sample sets of one model.
  ///
  /// Equal, byte for byte as a file, to calibrating all samples at once.
  ///
  /// - Throws: `calibration.merge.model`, `calibration.merge.tensors`, `calibration.merge.limit`.
  public static func merge(_ parts: [Calibration]) throws(Diagnostic) -> Calibration {
    guard var result = parts.first else {
      throw Diagnostic(id: "calibration.merge.empty", "nothing to merge")
    }
    for part in parts.dropFirst() {
      guard part.modelDigest == result.modelDigest else {
        throw Diagnostic(
          id: "calibration.merge.model",
          "the files belong to different models (\(result.modelDigest.description.prefix(12))..., "
            + "\(part.modelDigest.description.prefix(12))...)")
      }
      guard part.tensors.map(\.name) == result.tensors.map(\.name) else {
        throw Diagnostic(
          id: "calibration.merge.tensors",
          "the files describe different tensors; they were made by different versions of uq")
      }
      guard part.samples.limit == result.samples.limit else {
        throw Diagnostic(
          id: "calibration.merge.limit",
          "the files keep samples up to different limits (\(result.samples.limit) and "
            + "\(part.samples.limit) bytes)")
      }
      for (a, b) in zip(result.tensors, part.tensors) {
        let counts = (a.channelMinimum.count, b.channelMinimum.count)
        // A tensor that was never finite has no channels' ranges.
        guard counts.0 == counts.1 || counts.0 == 0 || counts.1 == 0 else {
          throw Diagnostic(
            id: "calibration.merge.tensors",
            "'\(a.name)' has \(counts.0) channels in one file and \(counts.1) in another; they were "
              + "made by different versions of uq")
        }
      }
      result.tensors = zip(result.tensors, part.tensors).map { a, b in
        var histogram = ActivationHistogram(a)
        histogram.merge(ActivationHistogram(b))
        return histogram.finished(name: a.name)
      }
      result.samples.merge(part.samples)
      result.sampleCount = min(result.sampleCount + part.sampleCount, CalibrationFile.countLimit)
    }
    return result
  }
}
