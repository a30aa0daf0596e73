import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Makes spatial padding a part of the convolution or pooling that follows.
///
/// Convolutions and averages that count their padding take zeros; a maximum takes any value that is not
/// above its operand, where no window lies in the padding alone.
public struct MergePads: Pass {
  /// Creates the pass.
  public init() {}
  /// `merge-pads`.
  public static let name = "merge-pads"

  /// Never throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    try GraphEditor.walk(&graph) { editor, node throws(Diagnostic) in
      guard let x = node.operands.first ?? nil, let source = editor.producerNode(x),
        let pad = source.op as? Pad, let image = source.operands[0],
        editor.shape(of: image).rank == 4,
        [0, 3].allSatisfy({ pad.before[$0] == 0 && pad.after[$0] == 0 }),
        let op = Self.merged(node.op, pad, low: Self.lowerBound(of: image, editor))
      else { return editor.keep(node) }
      var merged = node
      merged.op = op
      merged.operands[0] = image
      editor.emit(merged)
    }
  }

  /// The operator with the padding in its window; `nil` where that would compute something else.
  private static func merged(_ op: any Operator, _ pad: Pad, low: Float) -> (any Operator)? {
    let amount = [pad.before[1], pad.before[2], pad.after[1], pad.after[2]]
    let widened = { (window: Window2D) in
      var copy = window
      copy.padding = zip(window.padding, amount).map { $0 + $1 }
      return copy
    }
    switch op {
    case var op as Conv2D where pad.value == 0:
      op.window = widened(op.window)
      return op
    case var op as DepthwiseConv2D where pad.value == 0:
      op.window = widened(op.window)
      return op
    case var op as AveragePool2D where pad.value == 0:
      guard op.includesPadding || op.window.padding == [0, 0, 0, 0] else { return nil }
      op.window = widened(op.window)
      op.includesPadding = true
      return op
    case var op as MaxPool2D where pad.value <= low:
      op.window = widened(op.window)
      // Each window reaches past its padding on either side.
      let reaches = (0..<2).allSatisfy { axis in
        let span = (op.window.kernel[axis] - 1) * op.window.dilations[axis] + 1
        return op.window.dilations[axis] == 1
          && max(op.window.padding[axis], op.window.padding[axis + 2]) < span
      }
      return reaches ? op : nil
    default: return nil
    }
  }

  private static func lowerBound(of id: ValueID, _ editor: GraphEditor) -> Float {
    editor.producerNode(id)?.op.resultBounds?.low ?? -.infinity
  }
}
