import UQGraph
import UQNumerics
import UQOnnx
import UQSamples
import UQSupport

/// A sample folder opened for a model: tensors, labels, and what was wrong with some of them.
public struct SampleSet: Sendable {
  /// The folder.
  public let folder: SampleFolder
  /// Positions in the folder that are used, in order.
  public let positions: [Int]
  private let inputs: [(name: String, type: TensorType)]
  private let problems: SampleProblems

  /// Opens `path` for a model.
  ///
  /// - Parameters:
  ///   - limit: at most so many samples, spread evenly over the folder.
  ///   - shard: the part of the samples to use, `index` from 1.
  /// - Throws: `samples.*`.
  public init(
    _ path: String, model: LoadedModel, preprocessing: Preprocessing?, limit: Int? = nil,
    shard: (index: Int, count: Int)? = nil
  ) throws {
    folder = try SampleFolder(
      path: path, overriding: preprocessing ?? Preprocessing(), inputs: model.inputs,
      tensorProtoReader: { path in try TensorProtoFile.read(path) })
    var all = Array(0..<folder.count)
    if let limit, limit < all.count {
      let count = all.count
      all = (0..<limit).map { $0 * count / limit }
    }
    if let shard { all = all.filter { $0 % shard.count == shard.index - 1 } }
    positions = all
    inputs = model.inputs
    problems = SampleProblems(total: all.count)
  }

  /// Number of samples.
  public var count: Int { positions.count }
  /// Labels of the samples, if the folder has any.
  public var labels: [Int]? {
    folder.labels.map { labels in positions.map { labels[$0] } }
  }

  /// The tensors of a sample, one for each input; `nil` where it cannot be used and is left out.
  ///
  /// - Throws: `samples.folder.too-many-bad`.
  public func tensors(_ index: Int) throws -> [Tensor]? {
    do {
      let sample = try folder.sample(at: positions[index])
      return try folder.tensors(for: sample, inputs: inputs)
    } catch {
      try problems.record(error, at: index)
      return nil
    }
  }

  /// Warnings about samples that were left out, and notes about the folder.
  public var warnings: [Diagnostic] { folder.notes + problems.warnings }
}
