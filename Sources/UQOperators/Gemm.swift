import UQGraph
import UQNumerics
import UQSupport

/// Import of ONNX `Gemm`: a fully connected layer where B is constant, else a matrix product.
public enum Gemm: ForeignOperator {
  /// The rules.
  public static var imports: [ImportRule] {
    [
      .onnx("Gemm") { node, builder throws(Diagnostic) in
        let a = try builder.gemmOperand(node, 0, "A", transposed: "transA")
        let alpha = Double(try node.float("alpha", default: 1))
        let beta = Double(try node.float("beta", default: 1))
        if let matrix = builder.constant(try node.operand(1, "B")), builder.constant(a) == nil {
          let isTransposed = try node.int("transB", default: 0) != 0
          return [
            try builder.addGemm(
              node, a, matrix, isTransposed: isTransposed, alpha: alpha, beta: beta)
          ]
        }
        let b = try builder.gemmOperand(node, 1, "B", transposed: "transB")
        return [try builder.addGemm(node, a, b, alpha: alpha, beta: beta)]
      }
    ]
  }
}

extension GraphBuilder {
  /// A matrix operand, transposed where the attribute says so.
  ///
  /// - Throws: `import.gemm.rank`.
  fileprivate mutating func gemmOperand(
    _ node: ForeignNode, _ index: Int, _ role: String, transposed attribute: String
  ) throws(Diagnostic) -> ValueID {
    let id = try node.operand(index, role)
    guard shape(of: id).rank == 2 else {
      throw Diagnostic(
        id: "import.gemm.rank", "operand \(role) is \(shape(of: id)), expected a matrix",
        at: node.place)
    }
    guard try node.int(attribute, default: 0) != 0 else { return id }
    return try addStep(Transpose(permutation: [1, 0]), [id], attribute, of: node)
  }

  /// `α · A · B + β · C` with constant B: α goes into the weights, a row C into the bias.
  fileprivate mutating func addGemm(
    _ node: ForeignNode, _ a: ValueID, _ matrix: Tensor, isTransposed: Bool, alpha: Double,
    beta: Double
  ) throws(Diagnostic) -> ValueID {
    let name = graph[try node.operand(1, "B")].name
    guard matrix.shape.rank == 2 else {
      throw Diagnostic(
        id: "import.gemm.rank", "operand B is \(matrix.shape), expected a matrix", at: node.place)
    }
    let weights = (isTransposed ? matrix : matrix.permuted([1, 0])).scaled(by: alpha)
    let channels = weights.shape[0]
    let w = addConstant(weights, name: "\(name):ok")
    guard let c = node.optionalOperand(2) else {
      return try add(FullyConnected(), [a, w], as: node)[0]
    }
    try checkGemmBias(node, c, [shape(of: a)[0], channels])
    if let constant = constant(c), constant.count == 1 || constant.shape.last == constant.count {
      let row = constant.scaled(by: beta)
      let bias =
        row.count == channels
        ? row.reshaped([channels])
        : viewed(row, StridedBox(offset: 0, strides: [0]), as: [channels])
      let b = addConstant(bias, name: "\(graph[c].name):bias")
      return try add(FullyConnected(), [a, w, b], as: node)[0]
    }
    let product = try addStep(FullyConnected(), [a, w], "product", of: node)
    return try addScaled(c, by: beta, to: product, of: node)
  }

  /// `α · A · B + β · C` of values.
  fileprivate mutating func addGemm(
    _ node: ForeignNode, _ a: ValueID, _ b: ValueID, alpha: Double, beta: Double
  ) throws(Diagnostic) -> ValueID {
    let c = node.optionalOperand(2)
    if let c { try checkGemmBias(node, c, [shape(of: a)[0], shape(of: b)[1]]) }
    guard c != nil || alpha != 1 else {
      return try addProduct(a, b, results: node.results, of: node)
    }
    var product = try addProduct(
      a, b, results: ["\(node.results.first ?? node.name):product"], of: node)
    if alpha != 1 {
      let factor = addConstant(
        Tensor(doubles: [alpha], type(of: product).element, []), name: "\(node.name):alpha")
      guard c != nil else {
        return try add(Multiply(activation: .none), [product, factor], as: node)[0]
      }
      product = try addStep(Multiply(activation: .none), [product, factor], "scaled", of: node)
    }
    guard let c else { return product }
    return try addScaled(c, by: beta, to: product, of: node)
  }

  private func checkGemmBias(
    _ node: ForeignNode, _ c: ValueID, _ extents: [Int]
  ) throws(Diagnostic) {
    let result = try node.shape(extents)
    if Shape.broadcast(shape(of: c), result) != result {
      throw Diagnostic(
        id: "import.gemm.bias",
        "operand C \(shape(of: c)) does not broadcast to the product's \(result)", at: node.place)
    }
  }

  private mutating func addScaled(
    _ c: ValueID, by beta: Double, to product: ValueID, of node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    var offset = c
    if let constant = constant(c), beta != 1 {
      offset = addConstant(constant.scaled(by: beta), name: "\(graph[c].name):beta")
    } else if beta != 1 {
      let factor = addConstant(
        Tensor(doubles: [beta], type(of: c).element, []), name: "\(node.name):beta")
      offset = try addStep(Multiply(activation: .none), [c, factor], "offset", of: node)
    }
    return try add(Add(activation: .none), [product, offset], as: node)[0]
  }
}

extension Tensor {
  /// The elements times `factor`, rounded once.
  fileprivate func scaled(by factor: Double) -> Tensor {
    if factor == 1 { return self }
    let values = converted(to: .float64).elements(Double.self).map { $0 * factor }
    return Tensor(doubles: values, element, shape)
  }
}
