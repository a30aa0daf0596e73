import UQGraph
import UQNumerics
import UQSupport

/// Computes once what several nodes compute from the same operands, and keeps equal constants once.
public struct EliminateCommonSubexpressions: Pass {
  /// Creates the pass.
  public init() {}
  /// `eliminate-common-subexpressions`.
  public static let name = "eliminate-common-subexpressions"

  /// Never throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    var known: [Expression: [ValueID]] = [:]
    var constants: [ConstantContent: ValueID] = [:]
    var canonical: [ValueID: ValueID] = [:]
    for (index, value) in graph.values.enumerated() {
      guard let tensor = value.constant else { continue }
      let content = ConstantContent(tensor: tensor, type: value.type)
      if let first = constants[content] {
        canonical[ValueID(index)] = first
      } else {
        constants[content] = ValueID(index)
      }
    }
    return try GraphEditor.walk(&graph) { editor, node throws(Diagnostic) in
      var node = node
      let merged = node.operands.map { $0.map { canonical[$0] ?? $0 } }
      let isMerged = merged != node.operands
      node.operands = merged
      let key = Expression(
        op: AnyHashable(node.op), operands: node.operands,
        types: node.results.map { editor.type(of: $0) })
      if let results = known[key] {
        for (old, new) in zip(node.results, results) { editor.replace(old, with: new) }
        return
      }
      known[key] = node.results
      if isMerged { editor.emit(node) } else { editor.keep(node) }
    }
  }

  private struct Expression: Hashable {
    var op: AnyHashable
    var operands: [ValueID?]
    var types: [TensorType]
  }

  private struct ConstantContent: Hashable {
    var tensor: Tensor
    var type: TensorType

    func hash(into hasher: inout Hasher) {
      hasher.combine(type)
      tensor.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
  }
}
