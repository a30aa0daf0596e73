import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// A value as a transpose, and perhaps a reshape after it, of another one: axis `i` of the value is axis
/// `permutation[i]` of the base.
struct LayoutView {
  var base: ValueID
  var permutation: [Int]
  /// Shape after a reshape that mixes axes which do not lie together in the base.
  var flattened: Shape?
}

/// The values that are known as views while transposes are moved down.
struct LayoutViews {
  private var views: [ValueID: LayoutView] = [:]
  private var converted: [Conversion: ValueID] = [:]

  private struct Conversion: Hashable {
    var base: ValueID
    var permutation: [Int]
  }

  /// Emits what becomes of a node.
  mutating func visit(_ node: Node, _ editor: inout GraphEditor) throws(Diagnostic) {
    switch node.op {
    case let op as Transpose: visit(op, node, &editor)
    case let op as Reshape: try visit(op, node, &editor)
    case let op as FullyConnected: try visit(op, node, &editor)
    default:
      guard let plan = plan(node, editor) else { return try keep(node, &editor) }
      try emit(node, plan, &editor)
    }
  }

  /// The value itself, computed from its base where it is only known as a view.
  mutating func plain(_ id: ValueID, _ editor: inout GraphEditor) throws(Diagnostic) -> ValueID {
    guard let view = views[id] else { return id }
    views[id] = nil
    if let shape = view.flattened {
      let name = editor.graph[id].name + ":transposed"
      let moved = convert(view.base, view.permutation, name, &editor)
      editor.emit(
        Node(name: name, op: Reshape(shape: shape), operands: [moved], results: [id]))
      return id
    }
    let key = Conversion(base: view.base, permutation: view.permutation)
    if let known = converted[key] {
      editor.replace(id, with: known)
      return known
    }
    emitMove(view.base, view.permutation, to: id, &editor)
    return id
  }

  private mutating func keep(_ node: Node, _ editor: inout GraphEditor) throws(Diagnostic) {
    var node = node
    for (index, operand) in node.operands.enumerated() {
      if let operand { node.operands[index] = try plain(operand, &editor) }
    }
    editor.keep(node)
  }

  private mutating func visit(_ op: Transpose, _ node: Node, _ editor: inout GraphEditor) {
    guard let x = node.operands[0] else { return editor.keep(node) }
    var view = LayoutView(base: x, permutation: op.permutation)
    if let known = views[x], known.flattened == nil {
      view.base = known.base
      view.permutation = op.permutation.map { known.permutation[$0] }
    } else if views[x] != nil {
      // A transpose behind a mixing reshape starts anew from the reshaped value.
      guard let base = try? plain(x, &editor) else { return editor.keep(node) }
      view.base = base
    }
    if view.permutation == Array(view.permutation.indices) {
      editor.replace(node.result, with: view.base)
    } else {
      views[node.result] = view
    }
  }

  private mutating func visit(
    _ op: Reshape, _ node: Node, _ editor: inout GraphEditor
  ) throws(Diagnostic) {
    guard let x = node.operands[0], let view = views[x], view.flattened == nil,
      let groups = axisGroups(from: editor.shape(of: x), to: op.shape)
    else { return try keep(node, &editor) }
    guard
      let order = orderOfReshape(
        groups, of: view.permutation, base: editor.shape(of: view.base), to: op.shape)
    else {
      views[node.result] = LayoutView(
        base: view.base, permutation: view.permutation, flattened: op.shape)
      return
    }
    try emitReshape(of: view.base, order, node, op.shape, &editor)
  }

  private mutating func emitReshape(
    of base: ValueID, _ order: [Int], _ node: Node, _ shape: Shape, _ editor: inout GraphEditor
  ) throws(Diagnostic) {
    var node = node
    node.operands = [base]
    if order == Array(order.indices) { return editor.emit(node) }
    let target = shape.permuted(order)
    let old = node.result
    let type = TensorType(editor.type(of: old).element, target)
    let fresh = editor.addValue(takingNameOf: old, type, leaving: ":transposed")
    node.op = Reshape(shape: target)
    node.results = [fresh]
    editor.emit(node)
    views[old] = LayoutView(base: fresh, permutation: inverse(order))
  }

  /// The columns of constant weights are put into the order that the operand has without the transpose.
  private mutating func visit(
    _ op: FullyConnected, _ node: Node, _ editor: inout GraphEditor
  ) throws(Diagnostic) {
    guard let x = node.operands[0], let view = views[x], let shape = view.flattened,
      let weights = node.operands[1], let tensor = editor.constant(weights), shape.rank > 0,
      shape[shape.rank - 1] == shape.count
    else {
      guard let plan = plan(node, editor) else { return try keep(node, &editor) }
      return try emit(node, plan, &editor)
    }
    let outputs = tensor.shape[0]
    let seen = editor.shape(of: view.base).permuted(view.permutation)
    let columns = tensor.reshaped(Shape([outputs] + seen.dimensions))
    let back = [0] + inverse(view.permutation).map { $0 + 1 }
    let moved = try transposed(columns, back).reshaped(tensor.shape)
    var node = node
    let type = TensorType(editor.type(of: x).element, shape)
    let flat = editor.addValue(editor.graph[x].name + ":flat", type)
    editor.emit(
      Node(
        name: node.name + ":flat", op: Reshape(shape: shape), operands: [view.base],
        results: [flat]))
    node.operands[0] = flat
    node.operands[1] = editor.replaceConstant(weights, with: moved)
    editor.emit(node)
  }

  private func plan(_ node: Node, _ editor: GraphEditor) -> LayoutPlan? {
    guard node.results.count == 1,
      node.operands.contains(where: { $0.map { views[$0] != nil } ?? false })
    else { return nil }
    if node.op.isUnaryElementwise, let x = node.operands[0], let view = views[x] {
      return LayoutPlan(op: node.op, permutation: view.permutation, flattened: view.flattened)
    }
    var best: (plan: LayoutPlan, cost: Int)?
    var tried: [[Int]] = []
    for case let id? in node.operands {
      guard let view = views[id], view.flattened == nil, !tried.contains(view.permutation) else {
        continue
      }
      tried.append(view.permutation)
      let shapes = node.operands.map { $0.map { editor.shape(of: $0) } }
      guard
        let plan = LayoutPlan(
          node, view.permutation, operands: shapes, result: editor.shape(of: node.result))
      else { continue }
      let cost = cost(node, of: view.permutation, editor)
      if cost < best?.cost ?? .max { best = (plan, cost) }
    }
    guard let best, best.cost < cost(node, of: nil, editor) else { return nil }
    return best.plan
  }

  /// Elements that have to be moved to have all operands in an order of axes, or (`nil`) as they are.
  private func cost(_ node: Node, of permutation: [Int]?, _ editor: GraphEditor) -> Int {
    var cost = 0
    for case let id? in node.operands where editor.constant(id) == nil {
      let shape = editor.shape(of: id)
      let move: (base: ValueID, permutation: [Int])?
      if let permutation {
        move = conversion(id, permutation, editor)
      } else {
        move = views[id].map { ($0.base, $0.permutation) }
      }
      guard let move, editor.shape(of: move.base).rank == move.permutation.count else { continue }
      if converted[Conversion(base: move.base, permutation: move.permutation)] != nil { continue }
      // An alias costs less than any move, but is not nothing.
      cost += movesNothing(move.permutation, editor.shape(of: move.base)) ? 1 : 1 + shape.count
    }
    return cost
  }

  /// How an operand gets to stand as a base that `permutation` makes the operand from; `nil` where it
  /// already does.
  private func conversion(_ id: ValueID, _ permutation: [Int], _ editor: GraphEditor)
    -> (base: ValueID, permutation: [Int])?
  {
    let view = views[id]
    if view?.permutation == permutation, view?.flattened == nil { return nil }
    let rank = permutation.count
    let own = view.flatMap { $0.flattened == nil && $0.permutation.count == rank ? $0 : nil }
    var result = permutation
    for axis in 0..<rank { result[permutation[axis]] = own?.permutation[axis] ?? axis }
    return (own?.base ?? id, result)
  }

  private mutating func emit(
    _ node: Node, _ plan: LayoutPlan, _ editor: inout GraphEditor
  ) throws(Diagnostic) {
    var node = node
    if plan.flattened == nil {
      for (index, id) in node.operands.enumerated() where plan.moves(index) {
        if let id {
          node.operands[index] = try operand(id, plan.operandPermutation, &editor)
        }
      }
    } else if let id = node.operands[0], let view = views[id] {
      node.operands[0] = view.base
    }
    node.op = plan.op
    let type: TensorType
    do { type = try plan.op.resultTypes(editor.graph.types(of: node.operands))[0] } catch {
      throw error.located(in: SourcePlace(node: node.name).within(node.place))
    }
    let old = node.result
    if plan.permutation == Array(plan.permutation.indices), plan.flattened == nil {
      return editor.emit(node)
    }
    let fresh = editor.addValue(takingNameOf: old, type, leaving: ":transposed")
    node.results = [fresh]
    editor.emit(node)
    views[old] = LayoutView(
      base: fresh, permutation: plan.permutation, flattened: plan.flattened)
  }

  /// An operand in the order of axes that `permutation` makes it from.
  private mutating func operand(
    _ id: ValueID, _ permutation: [Int], _ editor: inout GraphEditor
  ) throws(Diagnostic) -> ValueID {
    let rank = permutation.count
    if let tensor = editor.constant(id) {
      guard let shape = tensor.shape.extended(toRank: rank) else { return id }
      if tensor.count == 1 { return id }
      let moved = try transposed(tensor.reshaped(shape), inverse(permutation))
      return editor.replaceConstant(id, with: moved)
    }
    var source = id
    if editor.shape(of: id).rank < rank {
      source = try plain(id, &editor)
      guard let shape = editor.shape(of: source).extended(toRank: rank) else { return source }
      let type = TensorType(editor.type(of: source).element, shape)
      let name = editor.graph[source].name + ":extended"
      let wide = editor.addValue(name, type)
      editor.emit(
        Node(name: name, op: Reshape(shape: shape), operands: [source], results: [wide]))
      source = wide
    } else if views[id]?.flattened != nil {
      source = try plain(id, &editor)
    }
    guard let move = conversion(source, permutation, editor) else {
      return views[source]?.base ?? source
    }
    return convert(move.base, move.permutation, editor.graph[source].name + ":moved", &editor)
  }

  private mutating func convert(
    _ base: ValueID, _ permutation: [Int], _ name: String, _ editor: inout GraphEditor
  ) -> ValueID {
    if permutation == Array(permutation.indices) { return base }
    if let known = converted[Conversion(base: base, permutation: permutation)] { return known }
    let source = editor.type(of: base)
    let type = TensorType(source.element, source.shape.permuted(permutation))
    let fresh = editor.addValue(name, type)
    emitMove(base, permutation, to: fresh, &editor)
    return fresh
  }

  private mutating func emitMove(
    _ base: ValueID, _ permutation: [Int], to id: ValueID, _ editor: inout GraphEditor
  ) {
    let shape = editor.shape(of: base)
    let op: any Operator =
      movesNothing(permutation, shape)
      ? Reshape(shape: shape.permuted(permutation)) : Transpose(permutation: permutation)
    converted[Conversion(base: base, permutation: permutation)] = id
    editor.emit(
      Node(name: editor.graph[id].name, op: op, operands: [base], results: [id]))
  }

}

/// A constant with its axes in another order.
func transposed(_ tensor: Tensor, _ permutation: [Int]) throws(Diagnostic) -> Tensor {
  let type = TensorType(tensor.element, tensor.shape.permuted(permutation))
  return try Transpose(permutation: permutation).evaluate([tensor], results: [type])[0]
}

/// The order of the axes of a reshape's result that the base of a view can be reshaped to; `nil` where
/// axes that the reshape joins or splits lie apart in the base.
func orderOfReshape(
  _ groups: [AxisGroup], of permutation: [Int], base: Shape, to shape: Shape
) -> [Int]? {
  let isTogether = groups.allSatisfy { group in
    let axes = group.from.map { permutation[$0] }
    return zip(axes, axes.dropFirst()).allSatisfy { a, b in
      a < b && (a + 1..<b).allSatisfy { base[$0] == 1 }
    }
  }
  guard isTogether else { return nil }
  // Extents of 1 travel with the axis in front of them.
  let ordered = groups.sorted { permutation[$0.from[0]] < permutation[$1.from[0]] }
  var order = Array(shape.indices.prefix { shape[$0] == 1 })
  for group in ordered {
    for axis in group.to {
      order.append(axis)
      order += (axis + 1..<shape.rank).prefix { shape[$0] == 1 }
    }
  }
  return order
}
