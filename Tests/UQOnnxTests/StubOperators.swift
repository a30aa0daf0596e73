import UQGraph
import UQNumerics
import UQSupport

/// `function(x)` by element, imported from `Relu` and `LeakyRelu`.
struct StubUnary: Operator {
  var alpha: Float

  static let spec = OperatorSpec("stub_unary", "Stub.", operands: [OperandSpec("x")])

  static let imports: [ImportRule] = [
    .onnx("Relu", 6...1000) { node, builder throws(Diagnostic) in
      try builder.add(
        StubUnary(alpha: 0), [try node.operand(0, "x")], name: node.name, results: node.results,
        place: node.place)
    },
    .onnx("LeakyRelu") { node, builder throws(Diagnostic) in
      try builder.add(
        StubUnary(alpha: try node.float("alpha", default: 0.01)), [try node.operand(0, "x")],
        name: node.name, results: node.results, place: node.place)
    },
    .onnx("Identity") { node, _ throws(Diagnostic) in [try node.operand(0, "x")] },
    .onnx("Constant") { node, builder throws(Diagnostic) in
      guard case .tensor(let tensor)? = node.attributes["value"] else {
        throw Diagnostic(id: "import.constant.unsupported", "no value", at: node.place)
      }
      return [builder.addConstant(tensor, name: node.results.first ?? "")]
    },
    .onnx("StoredBits") { node, builder throws(Diagnostic) in
      let bits = builder.storedBits[try node.operand(1, "z")] ?? 8
      return try builder.add(
        StubUnary(alpha: Float(bits)), [try node.operand(0, "x")], name: node.name,
        results: node.results, place: node.place)
    },
    .onnx("Greater") { node, builder throws(Diagnostic) in
      guard let a = builder.constant(try node.operand(0, "a")),
        let b = builder.constant(try node.operand(1, "b"))
      else { throw Diagnostic(id: "import.greater.unsupported", "not constant", at: node.place) }
      return [builder.addConstant(Tensor([a.floats[0] > b.floats[0]], []), name: node.results[0])]
    },
  ]

  func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    guard let x = operands[0], x.element == .float32 else {
      throw Diagnostic(id: "type.stub_unary.element", "takes float32, got \(operands)")
    }
    return [x]
  }

  func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor] {
    guard let x = operands[0] else { return [] }
    return [Tensor(x.floats.map { $0 > 0 ? $0 : $0 * alpha }, x.shape)]
  }
}

/// `a + b`, imported from `Add` and `Mul`.
struct StubBinary: Operator {
  var isProduct: Bool

  static let spec = OperatorSpec(
    "stub_binary", "Stub.", operands: [OperandSpec("a"), OperandSpec("b")])

  static let imports: [ImportRule] = ["Add", "Mul"].map { name in
    .onnx(name) { node, builder throws(Diagnostic) in
      try builder.add(
        StubBinary(isProduct: name == "Mul"),
        [try node.operand(0, "a"), try node.operand(1, "b")], name: node.name,
        results: node.results, place: node.place)
    }
  }

  func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    guard let a = operands[0], let b = operands[1], a.element == b.element else {
      throw Diagnostic(id: "type.stub_binary.element", "operands differ: \(operands)")
    }
    guard let shape = Shape.broadcast(a.shape, b.shape) else {
      throw Diagnostic(id: "shape.stub_binary.broadcast", "\(a) and \(b) do not fit")
    }
    return [TensorType(a.element, shape)]
  }

  func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor] {
    [Tensor(zeros: results[0].element, results[0].shape)]
  }
}

/// The operators of the tests.
let stubs: [any ForeignOperator.Type] = [StubUnary.self, StubBinary.self]
