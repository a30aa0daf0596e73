import UQGraph
import UQSupport

/// Removes the nodes whose results nothing uses and the values that nothing refers to.
public struct EliminateDeadCode: Pass {
  /// Creates the pass.
  public init() {}
  /// `eliminate-dead-code`.
  public static let name = "eliminate-dead-code"
  /// Every result is used, every value referred to.
  public static let establishes: Invariants = .compact

  /// Never throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    let (nodes, values) = (graph.nodes.count, graph.values.count)
    graph.compact()
    return graph.nodes.count != nodes || graph.values.count != values
  }
}
