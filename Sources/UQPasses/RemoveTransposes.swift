import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Moves transposes down past operators that do not care about the order of axes, so that they meet
/// and cancel, end at an output, or are absorbed by the weights of a fully connected layer.
///
/// A value behind a transpose is kept as a view of the untransposed value for as long as its users can
/// be rewritten to other axes. The result is taken only where it moves fewer elements, has fewer
/// transposes, or has them later; so repeating the pass ends.
public struct RemoveTransposes: Pass {
  /// Creates the pass.
  public init() {}
  /// `remove-transposes`.
  public static let name = "remove-transposes"
  /// No transpose that can be proved away remains.
  public static let establishes: Invariants = .layoutsResolved

  /// - Throws: what folding a transposed constant throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    let before = TransposeCost(graph)
    guard before.count > 0 else { return false }
    var candidate = graph
    var views = LayoutViews()
    _ = try GraphEditor.walk(&candidate) { editor, node throws(Diagnostic) in
      try views.visit(node, &editor)
    } finish: { editor throws(Diagnostic) in
      for id in editor.graph.outputs { _ = try views.plain(editor.resolved(id), &editor) }
    }
    guard TransposeCost(candidate) < before else { return false }
    graph = candidate
    return true
  }
}

/// What transposes cost: elements moved, then their number, then how early they stand behind layers.
///
/// A transpose of an input stands best where it is: what follows then has the inner layout.
private struct TransposeCost: Comparable {
  var elements = 0
  var count = 0
  var earliness = 0

  init(_ graph: Graph) {
    // A transpose that nothing needs costs nothing.
    var live = [Bool](repeating: false, count: graph.values.count)
    for id in graph.outputs { live[id.index] = true }
    let isInput = TransposeCost.inputValues(graph)
    var later = 0
    for node in graph.nodes.reversed() where node.results.contains(where: { live[$0.index] }) {
      for case let id? in node.operands { live[id.index] = true }
      if let transpose = node.op as? Transpose, let x = node.operands[0] {
        let shape = graph.type(of: x).shape
        if !movesNothing(transpose.permutation, shape) { elements += shape.count }
        count += 1
        if !isInput[x.index] { earliness += later }
      } else if !(node.op is Reshape) {
        later += 1
      }
    }
  }

  /// The values that inputs become before any layer.
  private static func inputValues(_ graph: Graph) -> [Bool] {
    var result = [Bool](repeating: false, count: graph.values.count)
    for id in graph.inputs { result[id.index] = true }
    for node in graph.nodes {
      let isPlain =
        node.op is Transpose || node.op is Reshape || node.op.isUnaryElementwise
        || node.op.isBinaryElementwise
      guard isPlain else { continue }
      let comesFromInputs = node.operands.allSatisfy {
        $0.map { graph.constant($0) != nil || result[$0.index] } ?? true
      }
      if comesFromInputs { for id in node.results { result[id.index] = true } }
    }
    return result
  }

  static func < (a: TransposeCost, b: TransposeCost) -> Bool {
    (a.elements, a.count, a.earliness) < (b.elements, b.count, b.earliness)
  }
}
