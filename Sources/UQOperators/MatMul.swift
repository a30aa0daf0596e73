import UQGraph
import UQNumerics
import UQSupport

/// Import of ONNX `MatMul`: a fully connected layer where one side is a constant matrix.
public enum MatMul: ForeignOperator {
  /// The rules.
  public static var imports: [ImportRule] {
    [
      .onnx("MatMul") { node, builder throws(Diagnostic) in
        [
          try builder.addProduct(
            try node.operand(0, "A"), try node.operand(1, "B"), results: node.results, of: node)
        ]
      },
      .relay("nn.dense") { node, builder throws(Diagnostic) in
        if builder.type(of: try node.operand(0, "data")).element.isInteger {
          return try IntegerMatrixProduct.importedDense(node, &builder)
        }
        return [try builder.addProduct(node, transposes: (false, true))]
      },
      .relay("nn.matmul") { node, builder throws(Diagnostic) in
        [
          try builder.addProduct(
            node, transposes: (try node.flag("transpose_a"), try node.flag("transpose_b")))
        ]
      },
      .relay("nn.batch_matmul") { node, builder throws(Diagnostic) in
        if builder.type(of: try node.operand(0, "x")).element.isInteger {
          return try IntegerMatrixProduct.importedBatch(node, &builder)
        }
        // Unset attributes are not printed, and the constructor's defaults differ from the class's.
        return [
          try builder.addProduct(
            node, transposes: (try node.flag("transpose_a"), try node.flag("transpose_b")))
        ]
      },
    ]
  }
}

extension GraphBuilder {
  /// Adds the product of `a` and `b` by the rules of NumPy's `matmul`.
  ///
  /// - Parameter results: wanted name of the result.
  /// - Throws: `import.matmul.*`.
  mutating func addProduct(
    _ a: ValueID, _ b: ValueID, results: [String], of node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    let left = shape(of: a)
    let right = shape(of: b)
    guard left.rank > 0, right.rank > 0 else {
      throw Diagnostic(
        id: "import.matmul.rank", "operands \(left) and \(right): a scalar has no product",
        at: node.place)
    }
    let depth = left[left.rank - 1]
    guard depth == right[max(right.rank - 2, 0)] else {
      throw Diagnostic(
        id: "import.matmul.depth",
        "A \(left) has \(depth) columns, B \(right) has \(right[max(right.rank - 2, 0)]) rows",
        at: node.place)
    }
    let leads = (
      Shape(Array(left.dimensions.dropLast(2))), Shape(Array(right.dimensions.dropLast(2)))
    )
    guard let lead = Shape.broadcast(leads.0, leads.1) else {
      throw Diagnostic(
        id: "import.matmul.batch",
        "the leading extents of A \(left) and B \(right) do not broadcast", at: node.place)
    }
    let rows = left.rank > 1 ? [left[left.rank - 2]] : []
    let columns = right.rank > 1 ? [right[right.rank - 1]] : []
    let target = try node.shape(lead.dimensions + rows + columns)
    if let matrix = constant(b), constant(a) == nil, leads.1.count == 1 {
      let weights = matrix.reshaped([depth, columns.first ?? 1]).permuted([1, 0])
      let w = addConstant(weights, name: "\(graph[b].name):ok")
      return try addReshaped(FullyConnected(), [a, w], target, results, of: node)
    }
    if let matrix = constant(a), constant(b) == nil, leads.0.count == 1 {
      // A · B = (Bᵀ · Aᵀ)ᵀ, with Aᵀ as constant weights.
      let w = addConstant(
        matrix.reshaped([rows.first ?? 1, depth]), name: "\(graph[a].name):ok")
      guard right.rank > 1 else {
        return try addReshaped(FullyConnected(), [b, w], target, results, of: node)
      }
      let order = Array(0..<right.rank - 2) + [right.rank - 1, right.rank - 2]
      let x = try addStep(Transpose(permutation: order), [b], "transposed", of: node)
      guard left.rank > 1 else {
        return try addReshaped(FullyConnected(), [x, w], target, results, of: node)
      }
      let y = try addStep(FullyConnected(), [x, w], "product", of: node)
      return try addReshaped(Transpose(permutation: order), [y], target, results, of: node)
    }
    let x = try addExpanded(a, lead.dimensions + [rows.first ?? 1, depth], "a", of: node)
    let y = try addExpanded(b, lead.dimensions + [depth, columns.first ?? 1], "b", of: node)
    return try addReshaped(MatrixProduct(), [x, y], target, results, of: node)
  }

  /// Adds a node, and a reshape after it where its result has another shape than `target`.
  private mutating func addReshaped(
    _ op: some Operator, _ operands: [ValueID?], _ target: Shape, _ results: [String],
    of node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    let own: [TensorType]
    do { own = try op.resultTypes(graph.types(of: operands)) } catch {
      throw error.located(in: node.place)
    }
    if own.first?.shape == target {
      return try add(op, operands, name: node.name, results: results, place: node.place)[0]
    }
    let y = try addStep(op, operands, "matrix", of: node)
    return try add(
      Reshape(shape: target), [y], name: node.name, results: results, place: node.place)[0]
  }

  /// `x` with leading axes added and repeated so that its extents are `extents`.
  private mutating func addExpanded(
    _ x: ValueID, _ extents: [Int], _ role: String, of node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    let own = shape(of: x)
    let target = try node.shape(extents)
    if own == target { return x }
    var value = x
    let inner = own.rank > 1 ? Array(own.dimensions) : Array(extents.suffix(2))
    let ones = [Int](repeating: 1, count: target.rank - inner.count)
    if ones + inner != own.dimensions {
      value = try addStep(
        Reshape(shape: try node.shape(ones + inner)), [value], "\(role):matrix", of: node)
    }
    if ones + inner == extents { return value }
    return try addStep(Broadcast(shape: target), [value], "\(role):repeated", of: node)
  }
}

extension GraphBuilder {
  /// Adds the product of operands 0 and 1 of a Relay node, matrices or batches of them.
  ///
  /// - Throws: `import.relay.integer`, `import.matmul.*`.
  fileprivate mutating func addProduct(
    _ node: ForeignNode, transposes: (Bool, Bool)
  ) throws(Diagnostic) -> ValueID {
    var operands = [try node.operand(0, "a"), try node.operand(1, "b")]
    try node.requireFloat(type(of: operands[0]))
    try node.requireFloat(type(of: operands[1]))
    for (index, isTransposed) in [transposes.0, transposes.1].enumerated() where isTransposed {
      let rank = shape(of: operands[index]).rank
      guard rank >= 2 else {
        throw Diagnostic(
          id: "import.matmul.rank", "operand \(index) is \(shape(of: operands[index]))",
          at: node.place)
      }
      let order = Array(0..<rank - 2) + [rank - 1, rank - 2]
      operands[index] = try addStep(
        Transpose(permutation: order), [operands[index]], "transposed\(index)", of: node)
    }
    return try addProduct(operands[0], operands[1], results: node.results, of: node)
  }
}
