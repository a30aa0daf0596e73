import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// A value that is +1 or −1 by the sign of another one, however it is written: ONNX `Sign`, Larq's
/// `Sign(Sign(x) + 0.1)`, `Where(x >= 0, 1, -1)`, `2 · Cast(x > 0) − 1`.
///
/// The nodes behind the value are computed at points from −2⁶⁰ to 2⁶⁰; they are taken for a sign where
/// they give −1 below 0 and +1 above 0 everywhere.
struct SignExpression {
  /// Nodes that are looked at.
  private static let limit = 8

  /// What the sign is of.
  let operand: ValueID
  /// From here on the sign is +1: 0, or the smallest number above it where the sign of 0 is −1.
  ///
  /// The 0 that ONNX `Sign` makes of 0 counts as +1.
  let threshold: Float
  /// Whether the nodes give 0 for 0.
  let zeroIsZero: Bool

  /// Reads the nodes behind `value`; `nil` where it is no sign.
  init?(_ value: ValueID, _ editor: GraphEditor) {
    self.init(editor.producerNode(value), editor)
  }

  /// Reads `root`, which may be under visit, and the nodes behind it, as far back as they make a sign;
  /// `nil` where they make none.
  init?(_ root: Node?, _ editor: GraphEditor) {
    guard let root, Self.isElementwise(root, editor) else { return nil }
    let shape = editor.shape(of: root.result)
    var nodes = [(index: Int.max, node: root)]
    var seen: Set<ValueID> = [root.result]
    var variables: [ValueID] = []
    var next = 0
    while next < nodes.count {
      for case let id? in nodes[next].node.operands
      where editor.constant(id) == nil && seen.insert(id).inserted {
        if editor.shape(of: id) == shape, editor.type(of: id).element == .float32 {
          variables.append(id)
        }
        guard nodes.count < Self.limit, let index = editor.producerIndex(id),
          let node = editor.producerNode(id), Self.isElementwise(node, editor)
        else { continue }
        nodes.append((index, node))
      }
      next += 1
    }
    // Emission order has operands before users.
    let ordered = nodes.sorted { $0.index < $1.index }.map(\.node)
    guard ordered.contains(where: Self.decides) else { return nil }
    for x in variables.reversed() {
      guard let signs = Self.evaluate(ordered, root.result, at: Self.points, of: x, editor) else {
        continue
      }
      let isSign = zip(Self.points, signs).allSatisfy { point, sign in
        point == 0 ? [-1, 0, 1].contains(sign) : sign == (point < 0 ? -1 : 1)
      }
      guard isSign, let zero = Self.points.firstIndex(of: 0) else { continue }
      operand = x
      threshold = signs[zero] < 0 ? .leastNonzeroMagnitude : 0
      zeroIsZero = signs[zero] == 0
      return
    }
    return nil
  }

  private static func decides(_ node: Node) -> Bool {
    switch (node.op as? Pointwise)?.function {
    case .sign, .binarize: true
    default: node.op is Compare
    }
  }

  private static let points: [Float] =
    [0]
    + (-60...60).flatMap { exponent -> [Float] in
      let power = Float(sign: .plus, exponent: exponent, significand: 1)
      return [power, -power, 1.5 * power, -1.5 * power]
    }

  private static func isElementwise(_ node: Node, _ editor: GraphEditor) -> Bool {
    guard node.results.count == 1,
      node.op is Pointwise || node.op is Clip || node.op is Where || node.op is Compare
        || node.op is Cast || node.op.isBinaryElementwise && !(node.op is PRelu)
    else { return false }
    return node.operands.allSatisfy { editor.constant($0).map { $0.count == 1 } ?? true }
  }

  /// The result for each element of `points` in the place of `x`; `nil` where it depends on more.
  private static func evaluate(
    _ nodes: [Node], _ result: ValueID, at points: [Float], of x: ValueID, _ editor: GraphEditor
  ) -> [Float]? {
    var known = [x: Tensor(points, [points.count])]
    for node in nodes where node.result != x {
      let operands = node.operands.map { id -> Tensor? in
        id.flatMap { known[$0] ?? editor.constant($0)?.reshaped([1]) }
      }
      guard operands.allSatisfy({ $0 != nil }),
        let types = try? node.op.resultTypes(operands.map { $0?.type }),
        let values = try? node.op.evaluate(operands, results: types)
      else { continue }
      known[node.result] = values[0]
    }
    guard let signs = known[result], signs.element.isFloat, signs.count == points.count else {
      return nil
    }
    return signs.floats
  }
}
