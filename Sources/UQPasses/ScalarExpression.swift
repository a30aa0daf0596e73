import Foundation
import UQGraph
import UQNumerics
import UQOperators

/// A value as a function of another one, element by element: what small networks of sums, products,
/// clamps and pointwise functions compute.
struct ScalarExpression {
  /// Nodes that are looked at.
  private static let limit = 12

  private let graph: Graph
  private let nodes: [Node]
  private let result: ValueID
  /// Values that the result may be a function of, nearest first.
  private(set) var variables: [ValueID] = []

  /// Collects the nodes behind the result of `root`; `nil` where it is no function of numbers.
  init?(_ root: Node, _ editor: GraphEditor) {
    guard ScalarExpression.isScalar(root, editor) else { return nil }
    graph = editor.graph
    result = root.result
    let shape = editor.shape(of: root.result)
    var found: [(index: Int, node: Node)] = [(.max, root)]
    var seen: Set<ValueID> = [root.result]
    var next = 0
    while next < found.count {
      for case let id? in found[next].node.operands
      where editor.constant(id) == nil && seen.insert(id).inserted {
        if editor.shape(of: id) == shape { variables.append(id) }
        guard found.count < ScalarExpression.limit, let index = editor.producerIndex(id),
          let node = editor.producerNode(id), ScalarExpression.isScalar(node, editor),
          editor.shape(of: id) == shape
        else { continue }
        found.append((index, node))
      }
      next += 1
    }
    // Emission order has operands before users.
    nodes = found.sorted { $0.index < $1.index }.map(\.node)
    guard nodes.count > 1, nodes.contains(where: { $0.op is Clip || $0.op is Pointwise }) else {
      return nil
    }
  }

  private static func isScalar(_ node: Node, _ editor: GraphEditor) -> Bool {
    guard node.results.count == 1, editor.type(of: node.result).element == .float32,
      node.op is Clip || node.op is Pointwise
        || (node.op.isBinaryElementwise && !(node.op is PRelu))
    else { return false }
    return node.operands.allSatisfy { id in editor.constant(id).map { $0.count == 1 } ?? true }
  }

  /// The result for an element `x` of `variable`; `nil` where it depends on other values too.
  func value(at x: Double, of variable: ValueID) -> Double? {
    var known: [ValueID: Double] = [variable: x]
    for node in nodes where node.result != variable {
      var operands: [Double] = []
      for case let id? in node.operands {
        if let value = known[id] {
          operands.append(value)
        } else if let tensor = graph.constant(id) {
          operands.append(Double(tensor.floats[0]))
        }
      }
      guard operands.count == node.operands.count else { continue }
      let value = ScalarExpression.apply(node.op, operands)
      known[node.result] =
        node.op.resultBounds.map {
          min(max(value, Double($0.low)), Double($0.high))
        } ?? value
    }
    return known[result]
  }

  private static func apply(_ op: any Operator, _ x: [Double]) -> Double {
    switch op {
    case is Add: x[0] + x[1]
    case is Subtract: x[0] - x[1]
    case is Multiply: x[0] * x[1]
    case is Divide: x[0] / x[1]
    case is Minimum: min(x[0], x[1])
    case is Maximum: max(x[0], x[1])
    case is Power: pow(x[0], x[1])
    case let op as Pointwise: op.function.definition.evaluate(x[0])
    default: x[0]
    }
  }
}
