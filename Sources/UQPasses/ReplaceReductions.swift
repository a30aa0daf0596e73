import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Makes means and maxima over neighbouring axes global poolings.
///
/// `[1, ..., A, B, ..., C, ...]` reduced over `A, B` is a pooling of `[1, A, B, C]`.
public struct ReplaceReductions: Pass {
  /// Creates the pass.
  public init() {}
  /// `replace-reductions`.
  public static let name = "replace-reductions"

  /// Never throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    try GraphEditor.walk(&graph) { editor, node throws(Diagnostic) in
      guard let reduce = node.op as? Reduce, reduce.kind == .mean || reduce.kind == .maximum,
        let x = node.operands[0], editor.type(of: x).element == .float32,
        let image = Self.image(editor.shape(of: x), reduce.axes)
      else { return editor.keep(node) }
      var operand = x
      let shape = editor.shape(of: x)
      let name = editor.graph[node.result].name
      if image != shape {
        operand = editor.addValue(
          editor.graph[x].name + ":image", TensorType(.float32, image))
        editor.emit(
          Node(
            name: node.name + ":image", op: Reshape(shape: image), operands: [x],
            results: [operand], place: node.place))
      }
      let window = Window2D(kernel: [image[1], image[2]])
      let op: any Operator =
        reduce.kind == .mean ? AveragePool2D(window: window) : MaxPool2D(window: window)
      let pooled: Shape = [1, 1, 1, image[3]]
      let result = editor.shape(of: node.result)
      var pool = node
      pool.op = op
      pool.operands = [operand]
      if pooled == result { return editor.emit(pool) }
      pool.results = [editor.addValue(name + ":pooled", TensorType(.float32, pooled))]
      editor.emit(pool)
      editor.emit(
        Node(
          name: node.name + ":shape", op: Reshape(shape: result), operands: [pool.result],
          results: node.results, place: node.place))
    }
  }

  /// The operand as `[1, H, W, C]` with the reduced axes as H and W; `nil` where they lie apart.
  private static func image(_ shape: Shape, _ axes: [Int]) -> Shape? {
    let reduced = axes.filter { shape[$0] != 1 }
    guard let first = reduced.first, let last = reduced.last, shape.count > 0,
      shape[..<first].allSatisfy({ $0 == 1 }),
      (first...last).allSatisfy({ reduced.contains($0) || shape[$0] == 1 })
    else { return nil }
    let channels = shape[(last + 1)...].reduce(1, *)
    // A mean of everything is no image.
    guard channels > 1 else { return nil }
    guard reduced.count == 2 else { return [1, 1, shape[first...last].reduce(1, *), channels] }
    return [1, shape[first], shape[last], channels]
  }
}
