import UQGraph
import UQNumerics
import UQSupport

/// Import of the ONNX operators that take and give quantized tensors: each is dequantized, computed by the
/// operator for real numbers, and quantized.
///
/// `RecognizeFakeQuantization` joins what one of them quantizes with what the next dequantizes.
public enum QLinearOperators: ForeignOperator {
  /// The rules: those of the standard, and ONNX Runtime's own.
  public static var imports: [ImportRule] {
    forms.map { form in
      .onnx(form.name, domain: form.domain) { node, builder throws(Diagnostic) in
        try form.imported(node, &builder)
      }
    }
  }

  private static let microsoft = "com.microsoft"

  private static let forms: [Form] = [
    Form("QLinearConv", "Conv", [.at(0), .at(3, axis: .first)], bias: 8, y: 6),
    Form("QLinearMatMul", "MatMul", [.at(0), .at(3, axis: .last)], y: 6),
    Form("QGemm", "Gemm", [.at(0), .at(3, axis: .columns)], bias: 6, y: 7, microsoft),
    Form("QLinearAdd", "Add", [.at(0), .at(3)], y: 6, microsoft),
    Form("QLinearMul", "Mul", [.at(0), .at(3)], y: 6, microsoft),
    Form("QLinearAveragePool", "AveragePool", [.at(0)], y: 3, microsoft),
    Form("QLinearGlobalAveragePool", "GlobalAveragePool", [.at(0)], y: 3, microsoft),
    Form("QLinearSigmoid", "Sigmoid", [.at(0)], y: 3, microsoft),
    Form("QLinearLeakyRelu", "LeakyRelu", [.at(0)], y: 3, microsoft),
    Form("QLinearSoftmax", "Softmax", [.at(0)], y: 3, microsoft),
    Form("QLinearConcat", "Concat", nil, y: 0, microsoft),
  ]
}

/// Where an operator has its tensors, scales and zero points.
private struct Form: Sendable {
  /// A tensor, followed by its scale and its zero point.
  struct Quantized: Sendable {
    var position: Int
    /// The axis of several scales; `nil` where one is expected.
    var axis: Axis?

    static func at(_ position: Int, axis: Axis? = nil) -> Quantized {
      Quantized(position: position, axis: axis)
    }
  }

  enum Axis: Sendable {
    case first
    case last
    /// The columns of a matrix, which `transB` says whether they are written as rows.
    case columns
  }

  var name: String
  var domain: String
  /// The operator for real numbers.
  var real: String
  /// `nil` where triples follow the result's scale and zero point to the end.
  var operands: [Quantized]?
  /// Position of an int32 bias, whose scale is the product of those of the operands.
  var bias: Int?
  /// Position of the result's scale; its zero point follows.
  var y: Int

  init(
    _ name: String, _ real: String, _ operands: [Quantized]?, bias: Int? = nil, y: Int,
    _ domain: String = ""
  ) {
    self.name = name
    self.domain = domain
    self.real = real
    self.operands = operands
    self.bias = bias
    self.y = y
  }

  /// The nodes that a node becomes.
  ///
  /// - Throws: `import.operand.*`, `import.scale.range`, `import.qlinear.*`.
  func imported(_ node: ForeignNode, _ builder: inout GraphBuilder) throws(Diagnostic) -> [ValueID]
  {
    guard try node.int("channels_last", default: 0) == 0 else {
      throw Diagnostic(
        id: "import.qlinear.layout", "channels_last is 1; only channels first is supported",
        at: node.place)
    }
    let tensors =
      operands ?? stride(from: 2, to: node.operands.count, by: 3).map { .at($0) }
    var reals: [ValueID?] = []
    var scales: [[Float]] = []
    for (index, tensor) in tensors.enumerated() {
      let x = try node.operand(tensor.position, "operand \(index)")
      let found = try builder.scales(node, tensor.position + 1, "scale of operand \(index)")
      let zeros =
        node.optionalOperand(tensor.position + 2) == nil
        ? [0] : try builder.zeroPoints(node, tensor.position + 2, "zero point of operand \(index)")
      var axis: Int?
      if max(found.count, zeros.count) > 1 {
        switch tensor.axis {
        case .first: axis = 0
        case .last: axis = builder.shape(of: x).rank - 1
        case .columns: axis = try node.int("transB", default: 0) == 0 ? 1 : 0
        case nil:
          throw Diagnostic(
            id: "import.operand.type", "operand \(index) has several scales; only weights may",
            at: node.place)
        }
      }
      scales.append(found)
      reals.append(
        try builder.addStep(
          DequantizeLinear(scales: found, zeroPoints: zeros, axis: axis), [x], "operand\(index)",
          of: node))
    }
    if let bias, let b = node.optionalOperand(bias) {
      let alpha = try node.float("alpha", default: 1)
      let product = scales[1].map { $0 * scales[0][0] * alpha }
      let axis = max(0, builder.shape(of: b).rank - 1)
      reals.append(
        try builder.addStep(
          DequantizeLinear(
            scales: product, zeroPoints: [0], axis: product.count > 1 ? axis : nil), [b], "bias",
          of: node))
    }
    let quantizes = node.optionalOperand(y) != nil
    let result = try computed(node, reals, &builder, isLast: !quantizes)
    guard quantizes else { return [result] }
    let zeroPoint = node.optionalOperand(y + 1)
    let op = QuantizeLinear(
      scales: [try builder.scale(node, y, "scale of the result")],
      zeroPoints: [zeroPoint == nil ? 0 : try builder.zeroPoint(node, y + 1, "zero point")],
      tiesToEven: true, element: zeroPoint.map { builder.type(of: $0).element } ?? .uint8)
    return try builder.add(op, [result], as: node)
  }

  /// What the operator for real numbers makes, by its own rule.
  private func computed(
    _ node: ForeignNode, _ operands: [ValueID?], _ builder: inout GraphBuilder, isLast: Bool
  ) throws(Diagnostic) -> ValueID {
    var call = node
    call.domain = ""
    call.operatorName = real
    call.operands = operands
    // ONNX Runtime's operators have versions of their own and mean the newest of the standard's.
    if !domain.isEmpty { call.version = try node.int("opset", default: 13) }
    if !isLast {
      call.name = "\(node.name):real"
      call.results = ["\(node.results.first ?? node.name):real"]
    }
    let rule = allOperators.lazy.flatMap { $0.imports }.first {
      $0.dialect == .onnx && $0.domain.isEmpty && $0.operatorName == real
        && $0.versions.contains(call.version)
    }
    guard let value = try rule?.build(call, &builder).first else {
      throw Diagnostic(
        id: "import.qlinear.version", "'\(real)' is not known in version \(call.version)",
        at: node.place)
    }
    return value
  }
}
