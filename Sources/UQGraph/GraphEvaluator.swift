import UQNumerics
import UQSupport

/// Computes graphs in float: what calibration, the quantizer and comparisons need of an engine.
public protocol GraphEvaluator: Sendable {
  /// Prepares a graph for many runs.
  ///
  /// - Throws: `engine.*` where the graph cannot be computed.
  func prepare(_ graph: Graph) throws -> any PreparedGraph
}

/// A graph that is ready to run.
public protocol PreparedGraph: Sendable {
  /// Runs every sample and shows each value to `visit` as soon as it is computed.
  ///
  /// A sample is a tensor for each input, in the model's order. `visit` gets the run's own state (which
  /// `initial` makes from the sample's position), the value and its float elements in memory, which it may change (as fake quantization does): what
  /// follows sees the change. Inputs, then results in the order of the nodes, are shown; values of
  /// other element types are not. Results come in the order of the samples for any number of threads.
  ///
  /// - Throws: `engine.*`, and what an operator's evaluation throws.
  func run<R: Sendable>(
    _ samples: [[Tensor]], threads: Int, initial: @Sendable (Int) -> R,
    visit: @Sendable (inout R, ValueID, UnsafeMutableBufferPointer<Float>) -> Void
  ) throws -> [R]

  /// Runs one sample and returns the outputs.
  ///
  /// - Throws: `engine.*`, and what an operator's evaluation throws.
  func outputs(of sample: [Tensor]) throws -> [Tensor]
}
