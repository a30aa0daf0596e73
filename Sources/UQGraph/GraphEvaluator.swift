import UQNumerics
import UQSupport

/// Computes graphs in float: what calibration, the quantizer and comparisons need of an engine.
public protocol GraphEvaluator: Sendable {
  /// Prepares a graph for many runs.
  ///
  /// - Throws: `engine.*` where the graph cannot be computed.
  func prepare(_ graph: Graph) throws -> any PreparedGraph

  /// `c [m, n] += a [m, k] · b [k, n]`, on the calling thread.
  ///
  /// - Throws: `engine.primitive.failed`.
  func accumulate(
    _ product: MatrixProductShape, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    into c: UnsafeMutablePointer<Float>) throws(Diagnostic)
}

/// Extents of a product of two dense matrices in memory.
public struct MatrixProductShape: Sendable {
  /// Rows of the result.
  public var m: Int
  /// Columns of the result.
  public var n: Int
  /// Length of the sums.
  public var k: Int
  /// Whether `a` is stored `[k, m]`.
  public var transposesA: Bool
  /// Whether `b` is stored `[n, k]`.
  public var transposesB: Bool

  /// Creates a shape.
  public init(m: Int, n: Int, k: Int, transposesA: Bool = false, transposesB: Bool = false) {
    self.m = m
    self.n = n
    self.k = k
    self.transposesA = transposesA
    self.transposesB = transposesB
  }
}

/// A graph that is ready to run.
public protocol PreparedGraph: Sendable {
  /// Runs samples and shows each float value to `visit` as soon as it is computed.
  ///
  /// - Parameters:
  ///   - count: number of samples.
  ///   - threads: threads to use; results do not depend on it.
  ///   - sample: makes the tensors of a sample, one for each input in the model's order, on the thread
  ///     that runs it; `nil` skips the sample.
  ///   - initial: makes the state of a sample's run.
  ///   - visit: gets the state, the value and its elements in memory, inputs first, then results in the
  ///     order of the nodes. It may change the elements, as fake quantization does: what follows sees
  ///     the change. Values of other element types are not shown.
  ///   - finish: makes the result of a sample from the state.
  /// - Returns: a result for each sample, `nil` where it was skipped.
  /// - Throws: `engine.*`, and what an operator's evaluation or `sample` throws.
  func run<State, Result: Sendable>(
    count: Int, threads: Int, sample: @Sendable (Int) throws -> [Tensor]?,
    initial: @Sendable (Int) -> State,
    visit: @Sendable (inout State, ValueID, UnsafeMutableBufferPointer<Float>) -> Void,
    finish: @Sendable (Int, State) -> Result
  ) throws -> [Result?]

  /// Runs one sample and returns the outputs.
  ///
  /// - Throws: `engine.*`, and what an operator's evaluation throws.
  func outputs(of sample: [Tensor]) throws -> [Tensor]
}

extension PreparedGraph {
  /// Runs samples that are in memory; the final states are the results.
  ///
  /// - Throws: `engine.*`, and what an operator's evaluation throws.
  public func run<State: Sendable>(
    _ samples: [[Tensor]], threads: Int, initial: @Sendable (Int) -> State,
    visit: @Sendable (inout State, ValueID, UnsafeMutableBufferPointer<Float>) -> Void
  ) throws -> [State] {
    try run(
      count: samples.count, threads: threads, sample: { samples[$0] }, initial: initial,
      visit: visit, finish: { _, state in state }
    ).compactMap { $0 }
  }
}
