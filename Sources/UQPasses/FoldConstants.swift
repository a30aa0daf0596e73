import UQGraph
import UQNumerics
import UQSupport

/// Computes the nodes whose operands are all constant.
public struct FoldConstants: Pass {
  /// Largest number of elements that a result may have; larger ones stay nodes.
  public var limit: Int

  /// Creates the pass.
  public init(limit: Int = 1 << 20) { self.limit = limit }

  /// `fold-constants`.
  public static let name = "fold-constants"
  /// No node within the limit has only constant operands.
  public static let establishes: Invariants = .constantsFolded

  /// - Throws: the operator's diagnostic.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    try GraphEditor.walk(&graph) { editor, node throws(Diagnostic) in
      let constants = node.operands.map { editor.constant($0) }
      let types = node.results.map { editor.type(of: $0) }
      let isConstant = zip(node.operands, constants).allSatisfy { $0 == nil || $1 != nil }
      guard isConstant, types.allSatisfy({ $0.shape.count <= limit && $0.quantization == nil })
      else { return editor.keep(node) }
      let values: [Tensor]
      do throws(Diagnostic) {
        values = try node.op.evaluate(constants, results: types)
      } catch {
        throw error.located(
          in: SourcePlace(node: node.name, operatorName: node.spec.name).within(node.place))
      }
      for (id, value) in zip(node.results, values) { editor.makeConstant(id, value) }
    }
  }
}
