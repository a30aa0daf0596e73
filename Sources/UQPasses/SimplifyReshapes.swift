import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Joins reshapes, drops those that change nothing, and moves the others down past operators that work
/// element by element, so that layers meet their activations and constants.
///
/// A transpose that moves only extents of 1 is a reshape.
public struct SimplifyReshapes: Pass {
  /// Creates the pass.
  public init() {}
  /// `simplify-reshapes`.
  public static let name = "simplify-reshapes"

  /// Never throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    var bases: [ValueID: ValueID] = [:]
    return try GraphEditor.walk(&graph) { editor, node throws(Diagnostic) in
      if let x = node.operands.first ?? nil, node.isReshape(in: editor) {
        Self.visitReshape(node, x, &bases, &editor)
      } else if node.results.count == 1,
        node.op.isUnaryElementwise || node.op.isBinaryElementwise,
        let shape = Self.commonBase(node, bases, editor)
      {
        Self.sink(node, to: shape, &bases, &editor)
      } else {
        editor.keep(node)
      }
    }
  }

  private static func visitReshape(
    _ node: Node, _ x: ValueID, _ bases: inout [ValueID: ValueID], _ editor: inout GraphEditor
  ) {
    let base = bases[x] ?? x
    let shape = editor.shape(of: node.result)
    if editor.shape(of: base) == shape { return editor.replace(node.result, with: base) }
    bases[node.result] = base
    if base == x, node.op is Reshape { return editor.keep(node) }
    var joined = node
    joined.op = Reshape(shape: shape)
    joined.operands = [base]
    editor.emit(joined)
  }

  /// The shape that all operands have before their reshapes; `nil` where the node has to stay.
  private static func commonBase(
    _ node: Node, _ bases: [ValueID: ValueID], _ editor: GraphEditor
  ) -> Shape? {
    let result = editor.shape(of: node.result)
    var common: Shape?
    for case let id? in node.operands where editor.constant(id) == nil {
      guard editor.shape(of: id) == result, let base = bases[id] else { return nil }
      let shape = editor.shape(of: base)
      if let common, common != shape { return nil }
      common = shape
    }
    guard let common else { return nil }
    for case let id? in node.operands {
      guard let tensor = editor.constant(id) else { continue }
      if reshaped(tensor, from: result, to: common) == nil { return nil }
    }
    return common
  }

  private static func sink(
    _ node: Node, to shape: Shape, _ bases: inout [ValueID: ValueID],
    _ editor: inout GraphEditor
  ) {
    var sunk = node
    let result = node.result
    let type = editor.type(of: result)
    for (index, operand) in node.operands.enumerated() {
      guard let id = operand else { continue }
      if let tensor = editor.constant(id) {
        guard let moved = reshaped(tensor, from: type.shape, to: shape) else { continue }
        if moved.shape != tensor.shape {
          sunk.operands[index] = editor.replaceConstant(id, with: moved)
        }
      } else {
        sunk.operands[index] = bases[id] ?? id
      }
    }
    let fresh = editor.addValue(
      takingNameOf: result, TensorType(type.element, shape), leaving: ":reshaped")
    sunk.results = [fresh]
    editor.emit(sunk)
    bases[result] = fresh
    editor.emit(
      Node(
        name: node.name + ":reshaped", op: Reshape(shape: type.shape), operands: [fresh],
        results: [result], place: node.place))
  }

  /// A constant that broadcasts to `from`, reshaped so that it broadcasts to `to` in the same way.
  private static func reshaped(_ tensor: Tensor, from: Shape, to: Shape) -> Tensor? {
    if tensor.count == 1 { return tensor.shape.rank == 0 ? tensor : tensor.reshaped([]) }
    guard let wide = tensor.shape.extended(toRank: from.rank),
      let groups = axisGroups(from: from, to: to)
    else { return nil }
    var extents = [Int](repeating: 1, count: to.rank)
    for group in groups {
      if group.from.allSatisfy({ wide[$0] == from[$0] }) {
        for axis in group.to { extents[axis] = to[axis] }
      } else if !group.from.allSatisfy({ wide[$0] == 1 }) {
        return nil
      }
    }
    return tensor.reshaped(Shape(extents))
  }
}

extension Node {
  /// Whether the node only gives its operand another shape.
  func isReshape(in editor: GraphEditor) -> Bool {
    if op is Reshape { return true }
    guard let transpose = op as? Transpose, let x = operands.first ?? nil else { return false }
    return movesNothing(transpose.permutation, editor.shape(of: x))
  }
}
