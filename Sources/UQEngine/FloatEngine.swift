import COneDNN
import UQGraph
import UQNumerics
import UQSupport

/// Computes graphs in float32 on oneDNN; operators it lacks are evaluated as they define themselves.
///
/// Every sample is computed by one thread from beginning to end, so results are the same to the last bit
/// for any number of threads. Across processors they may differ in last bits.
public final class FloatEngine: GraphEvaluator, @unchecked Sendable {
  let handle: OpaquePointer

  /// Opens the engine of this processor.
  ///
  /// - Throws: `engine.cpu.unavailable`.
  public init() throws(Diagnostic) {
    guard let handle = uq_dnn_engine_create() else {
      throw Diagnostic(id: "engine.cpu.unavailable", "oneDNN offers no engine on this processor")
    }
    self.handle = handle
  }

  deinit { uq_dnn_engine_destroy(handle) }

  /// Version of the oneDNN library in use.
  public static var libraryVersion: String { String(cString: uq_dnn_version()) }

  /// Prepares a graph: packs the constant weights and plans the memory of one run.
  ///
  /// - Throws: `engine.memory.exhausted`, `engine.primitive.failed`.
  public func prepare(_ graph: Graph) throws -> any PreparedGraph {
    try PreparedFloatGraph(graph, engine: self)
  }

  /// `c [m, n] += a [m, k] · b [k, n]`, on the calling thread.
  ///
  /// - Throws: `engine.primitive.failed`.
  public func accumulate(
    _ product: MatrixProductShape, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    into c: UnsafeMutablePointer<Float>
  ) throws(Diagnostic) {
    var shape = uq_dnn_product(
      m: Int32(product.m), n: Int32(product.n), k: Int32(product.k),
      a_transposed: product.transposesA ? 1 : 0, b_transposed: product.transposesB ? 1 : 0,
      a_stride: Int32(product.transposesA ? product.m : product.k),
      b_stride: Int32(product.transposesB ? product.k : product.n), c_stride: Int32(product.n),
      accumulates: 1)
    guard uq_dnn_multiply(handle, &shape, a, b, c) == UQ_DNN_OK else {
      throw Diagnostic(id: "engine.primitive.failed", "oneDNN could not multiply two matrices")
    }
  }
}
