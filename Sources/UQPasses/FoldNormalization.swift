import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Folds products and sums with a constant per channel into the weights and bias of the layer before or
/// after them.
///
/// `s · (W · x + b) + t` has the weights `s · W` and the bias `s · b + t`; `W · (s · x + t) + b` has the
/// weights `W · s` and the bias `b + W · t`, which padding allows only where `t` is 0. Reshapes and
/// transposes between the two are followed. Computed in `Double` (Jacob et al. 2018, section 3.2).
public struct FoldNormalization: Pass {
  /// Creates the pass.
  public init() {}
  /// `fold-batch-norm`.
  public static let name = "fold-batch-norm"
  /// No constant scale or offset per channel follows a layer.
  public static let establishes: Invariants = .normalizationFolded

  /// Never throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    try GraphEditor.walk(&graph) { editor, node throws(Diagnostic) in
      if ChannelAffine(node, editor) != nil {
        if !Self.foldIntoLayerBefore(node, &editor) { editor.keep(node) }
      } else if LinearLayer(node, in: editor) != nil {
        Self.foldWhatComesBefore(node, &editor)
      } else {
        editor.keep(node)
      }
    }
  }

  private static func foldIntoLayerBefore(_ node: Node, _ editor: inout GraphEditor) -> Bool {
    guard let affine = ChannelAffine(node, editor),
      let route = Route(from: affine.operand, editor),
      var layer = LinearLayer(route.end, in: editor), route.end.op.resultBounds?.isNone == true
    else { return false }
    let axis = editor.shape(of: route.end.result).rank - 1
    guard let channels = affine.channels(layer.outputs, axis: route.axis(atEnd: axis)) else {
      return false
    }
    layer.scaleOutputs(channels.scale, channels.offset)
    guard layer.isFinite else { return false }
    var end = route.end
    if let bounds = node.op.resultBounds, let op = end.op.bounded(by: bounds) { end.op = op }
    layer.store(in: &end, &editor, uses: 1)
    if !route.steps.isEmpty {
      // The layer's own value changes, so its name goes as well.
      let type = editor.type(of: end.result)
      end.results = [editor.addValue(editor.graph[node.result].name + ":folded", type)]
      for (position, step) in route.steps.enumerated() {
        var moved = step.node
        if position == route.steps.count - 1 { moved.operands[0] = end.result }
        if position == 0 { moved.results = node.results }
        editor.update(at: step.index, with: moved)
      }
    } else {
      end.results = node.results
    }
    editor.update(at: route.endIndex, with: end)
    return true
  }

  private static func foldWhatComesBefore(_ visited: Node, _ editor: inout GraphEditor) {
    var node = visited
    var hasFolded = false
    while let x = node.operands[0], var layer = LinearLayer(node, in: editor),
      let route = Route(from: x, editor),
      let affine = ChannelAffine(route.end, editor), route.end.op.resultBounds?.isNone == true
    {
      let axis = editor.shape(of: x).rank - 1
      guard let seen = route.axis(atStart: axis),
        let channels = affine.channels(layer.inputs, axis: seen),
        !layer.isPadded || channels.offset.allSatisfy({ $0 == 0 })
      else { break }
      layer.scaleInputs(channels.scale, channels.offset)
      guard layer.isFinite else { break }
      layer.store(in: &node, &editor, uses: 0)
      editor.remove(at: route.endIndex)
      if let first = route.steps.last {
        var moved = first.node
        moved.operands[0] = affine.operand
        editor.update(at: first.index, with: moved)
      } else {
        node.operands[0] = affine.operand
      }
      hasFolded = true
    }
    if hasFolded { editor.emit(node) } else { editor.keep(node) }
  }
}
