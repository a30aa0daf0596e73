import UQEngine
import UQGraph
import UQNumerics
import UQSupport

/// Runs a model in float on one sample or many.
public struct FloatRunner: Sendable {
  private let prepared: any PreparedGraph
  private let graph: Graph

  /// Prepares a graph.
  ///
  /// - Throws: `engine.*`.
  public init(_ graph: Graph) throws {
    self.graph = graph
    prepared = try FloatEngine().prepare(graph)
  }

  /// The outputs of each sample.
  ///
  /// - Throws: `engine.*`.
  public func outputs(of samples: [[Tensor]], threads: Int) throws -> [[Tensor]] {
    try parallelMap(count: samples.count, threads: threads, context: { () }) { _, index in
      try prepared.outputs(of: samples[index])
    }
  }
}
