import UQGraph
import UQSupport

/// Infers the types of all values again.
public struct InferShapes: Pass {
  /// Creates the pass.
  public init() {}
  /// `infer-shapes`.
  public static let name = "infer-shapes"
  /// Nothing.
  public static let requires: Invariants = []
  /// Every value has its operator's type.
  public static let establishes: Invariants = .typed

  /// - Throws: the first operator's diagnostic.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    let before = graph.values.map(\.type)
    try graph.inferTypes()
    return before != graph.values.map(\.type)
  }
}
