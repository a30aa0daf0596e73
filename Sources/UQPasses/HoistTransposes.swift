import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Moves a transpose up to the input that it comes from, past reshapes and operators that work element
/// by element, so that all layers see the inner layout.
public struct HoistTransposes: Pass {
  /// Creates the pass.
  public init() {}
  /// `hoist-transposes`.
  public static let name = "hoist-transposes"

  /// - Throws: what folding a transposed constant throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    let inputs = Set(graph.inputs)
    return try GraphEditor.walk(&graph) { editor, node throws(Diagnostic) in
      guard let transpose = node.op as? Transpose, let x = node.operands[0],
        !movesNothing(transpose.permutation, editor.shape(of: x)),
        let chain = Self.chain(x, transpose.permutation, inputs, editor)
      else { return editor.keep(node) }
      try Self.emit(chain, node, &editor)
    }
  }

  /// A node between the input and the transpose, and the order of axes that its result is to have.
  private struct Step {
    var index: Int
    var node: Node
    var permutation: [Int]
    /// Position of the only operand that is no constant.
    var activation: Int
  }

  private struct Chain {
    var input: ValueID
    var permutation: [Int]
    /// Nearest to the input first.
    var steps: [Step]
  }

  /// The nodes from an input to `x`, each used by the next alone; `nil` where there is a layer.
  private static func chain(
    _ x: ValueID, _ permutation: [Int], _ inputs: Set<ValueID>, _ editor: GraphEditor
  ) -> Chain? {
    var steps: [Step] = []
    var (current, wanted) = (x, permutation)
    var producer = editor.soleProducer(x)
    while let (index, node) = producer {
      guard let (activation, above) = order(above: node, wanted, editor),
        let operand = node.operands[activation]
      else { return nil }
      steps.append(Step(index: index, node: node, permutation: wanted, activation: activation))
      (current, wanted) = (operand, above)
      producer = editor.onlyUsedProducer(operand)
    }
    guard !steps.isEmpty, inputs.contains(current) else { return nil }
    return Chain(input: current, permutation: wanted, steps: steps.reversed())
  }

  /// The order of axes that a node's operand must have for its result to have an order.
  private static func order(
    above node: Node, _ permutation: [Int], _ editor: GraphEditor
  ) -> (activation: Int, permutation: [Int])? {
    guard node.results.count == 1 else { return nil }
    let shape = editor.shape(of: node.result)
    let activations = node.operands.indices.filter { editor.constant(node.operands[$0]) == nil }
    guard activations.count == 1, let x = node.operands[activations[0]] else { return nil }
    let source = editor.shape(of: x)
    if node.op.isUnaryElementwise || node.op.isBinaryElementwise {
      return source == shape ? (activations[0], permutation) : nil
    }
    guard node.op is Reshape, let groups = axisGroups(from: shape, to: source) else { return nil }
    let order = orderOfReshape(
      groups, of: inverse(permutation), base: shape.permuted(permutation), to: source)
    return order.map { (activations[0], $0) }
  }

  private static func emit(
    _ chain: Chain, _ node: Node, _ editor: inout GraphEditor
  ) throws(Diagnostic) {
    let source = editor.type(of: chain.input)
    let name = editor.graph[chain.input].name + ":transposed"
    var current = editor.addValue(
      name, TensorType(source.element, source.shape.permuted(chain.permutation)))
    let op: any Operator =
      movesNothing(chain.permutation, source.shape)
      ? Reshape(shape: source.shape.permuted(chain.permutation))
      : Transpose(permutation: chain.permutation)
    // A constant that several steps use must not change under the second.
    var uses: [ValueID: Int] = [:]
    for step in chain.steps {
      editor.remove(at: step.index)
      for case let id? in step.node.operands { uses[id, default: 0] += 1 }
    }
    editor.emit(Node(name: name, op: op, operands: [chain.input], results: [current]))
    for step in chain.steps {
      var moved = step.node
      let type = editor.type(of: step.node.result)
      let shape = type.shape.permuted(step.permutation)
      for (index, operand) in moved.operands.enumerated() where index != step.activation {
        guard let id = operand, let tensor = editor.constant(id), tensor.count > 1,
          let wide = tensor.shape.extended(toRank: shape.rank)
        else { continue }
        let constant = try transposed(tensor.reshaped(wide), step.permutation)
        moved.operands[index] =
          uses[id] == 1
          ? editor.replaceConstant(id, with: constant)
          : editor.addConstant(constant, editor.graph[id].name)
      }
      moved.operands[step.activation] = current
      if moved.op is Reshape { moved.op = Reshape(shape: shape) }
      current = editor.addValue(
        takingNameOf: step.node.result, TensorType(type.element, shape), leaving: ":unused")
      moved.results = [current]
      editor.emit(moved)
    }
    editor.replace(node.result, with: current)
  }
}
