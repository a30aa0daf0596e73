import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Removes nodes that return their operand: sums with 0, products with 1, poolings of one element,
/// empty paddings, whole slices, joins of one operand, open bounds.
public struct RemoveIdentities: Pass {
  /// Creates the pass.
  public init() {}
  /// `remove-identities`.
  public static let name = "remove-identities"

  /// Never throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    try GraphEditor.walk(&graph) { editor, node throws(Diagnostic) in
      guard node.results.count == 1, let kept = Self.returned(by: node, editor),
        editor.constant(kept) == nil, editor.type(of: kept) == editor.type(of: node.result)
      else { return editor.keep(node) }
      editor.replace(node.result, with: kept)
    }
  }

  /// The operand that the node may return; the types say whether it does.
  private static func returned(by node: Node, _ editor: GraphEditor) -> ValueID? {
    let x = node.operands.first ?? nil
    switch node.op {
    case let op as Clip: return op.bounds.isNone ? x : nil
    case is Cast, is Broadcast, is Reshape: return x
    case let op as Transpose: return op.permutation == op.permutation.sorted() ? x : nil
    case let op as Slice: return op.steps.allSatisfy { $0 == 1 } ? x : nil
    case is Concat: return node.operands.count == 1 ? x : nil
    case let op as Pad: return (op.before + op.after).allSatisfy { $0 == 0 } ? x : nil
    case let op as Reduce:
      let keeps: Set<Reduce.Kind> = [.mean, .sum, .maximum, .minimum, .product]
      return keeps.contains(op.kind) ? x : nil
    case let op as MaxPool2D: return isSingle(op.window) ? x : nil
    case let op as AveragePool2D: return isSingle(op.window) ? x : nil
    case let op as Add: return op.activation.isNone ? other(node, 0, editor) : nil
    case let op as Multiply: return op.activation.isNone ? other(node, 1, editor) : nil
    case let op as Subtract:
      return op.activation.isNone && holdsOnly(0, node.operands[1], editor) ? x : nil
    case let op as Divide:
      return op.activation.isNone && holdsOnly(1, node.operands[1], editor) ? x : nil
    default: return nil
    }
  }

  private static func isSingle(_ window: Window2D) -> Bool {
    window.kernel == [1, 1] && window.strides == [1, 1] && window.padding == [0, 0, 0, 0]
  }

  /// The operand of a sum or product beside a constant of neutral elements.
  private static func other(_ node: Node, _ neutral: Float, _ editor: GraphEditor) -> ValueID? {
    if holdsOnly(neutral, node.operands[1], editor) { return node.operands[0] }
    if holdsOnly(neutral, node.operands[0], editor) { return node.operands[1] }
    return nil
  }

  private static func holdsOnly(_ value: Float, _ id: ValueID?, _ editor: GraphEditor) -> Bool {
    guard let tensor = editor.constant(id), tensor.element == .float32 else { return false }
    return tensor.withElements(Float.self) { $0.allSatisfy { $0 == value } }
  }
}
