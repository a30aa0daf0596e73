import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// What quantized nodes of ONNX become, and what they are refused for.
@Suite struct QuantizedImportTests {
  private let x = ForeignModel.Operand.input(Tensor([Float(1), 2, 3, 4], [1, 4]))
  private let step = ForeignModel.Operand.constant(Tensor([Float(0.5)], []))
  private let zero = ForeignModel.Operand.constant(Tensor([Int8(0)], []))
  private let weights = ForeignModel.Operand.constant(Tensor(zeros: .int8, [4, 4]))

  private func problem(
    _ name: String, _ operands: [ForeignModel.Operand], _ attributes: [String: ForeignAttribute]
  ) -> String? {
    do {
      _ = try ForeignModel(name, version: 21, attributes: attributes, operands)
      return nil
    } catch { return (error as? Diagnostic)?.id }
  }

  @Test func blocksOfActivations() {
    #expect(
      problem("QuantizeLinear", [x, step], ["block_size": .int(2)]) == "import.quantize.block")
    let integers = ForeignModel.Operand.input(Tensor(zeros: .int8, [4, 4]))
    #expect(
      problem("DequantizeLinear", [integers, step], ["block_size": .int(2)])
        == "import.operand.nonconstant")
  }

  @Test(arguments: [-1, 3, Int.max]) func blocksThatScalesDoNotFit(block: Int) {
    let scales = ForeignModel.Operand.constant(Tensor([Float](repeating: 1, count: 4), [4]))
    #expect(
      problem(
        "DequantizeLinear", [weights, scales], ["axis": .int(0), "block_size": .int(block)])
        == "shape.dequantize_linear.block")
  }

  @Test func scalesAndTypes() {
    let none = ForeignModel.Operand.constant(Tensor([Float(0)], []))
    #expect(problem("QuantizeLinear", [x, none], [:]) == "import.scale.range")
    #expect(problem("QuantizeLinear", [x, x], [:]) == "import.operand.nonconstant")
    #expect(
      problem("QuantizeLinear", [x, step], ["output_dtype": .int(17)]) == "import.operand.type")
    let many = ForeignModel.Operand.constant(Tensor([Float(1), 2, 3, 4], [4]))
    #expect(problem("QuantizeLinear", [x, many], ["axis": .int(2)]) == "import.axis.range")
    #expect(
      problem("QuantizeLinear", [x, many], ["axis": .int(0)]) == "shape.quantize_linear.axis")
    let integers = ForeignModel.Operand.input(Tensor(zeros: .int8, [1, 4]))
    #expect(
      problem("QLinearMatMul", [integers, many, zero, weights, step, zero, step, zero], [:])
        == "import.operand.type")
    #expect(
      problem("QLinearMatMul", [x, step, zero, weights, step, zero, step, zero], [:])
        == "type.dequantize_linear.element")
  }

  @Test func roundingOfUnsoundSteps() throws {
    for (step, bits, zero) in [(Float(0), 8, 0), (.nan, 8, 0), (1, 8, 200), (1, 5, 0)] {
      var op = RoundToStep(step: 1, integers: -128...127, zero: 0, tiesToEven: true)
      (op.step, op.bits, op.zeroPoint) = (step, bits, zero)
      #expect(throws: Diagnostic.self) {
        try op.resultTypes([TensorType(.float32, [2])])
      }
    }
  }

  /// ONNX Runtime's own operators compute on the real numbers and round to the result's step.
  @Test(
    arguments: [
      ("QLinearSigmoid", [:], [0.12, 0.73, 0.88, 0.95]),
      ("QLinearLeakyRelu", ["alpha": .float(0.1)], [-0.2, 1, 2, 3]),
      ("QLinearSoftmax", ["axis": .int(-1)], [0, 0.09, 0.24, 0.66]),
    ] as [(String, [String: ForeignAttribute], [Float])])
  func operatorsOfOneTensor(
    _ name: String, _ attributes: [String: ForeignAttribute], _ expected: [Float]
  ) throws {
    let found = try runtimeOperator(
      name, attributes, ["x", "step", "zero", "fine", "zero"], expected: 0.03)
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 0.0201 }, "\(found)")
  }

  @Test func operatorsOfTwoTensors() throws {
    let pair = ["x", "step", "zero", "x", "step", "zero", "fine", "zero"]
    #expect(try runtimeOperator("QLinearAdd", [:], pair, expected: 0.5) == [-4, 2, 4, 6])
    #expect(try runtimeOperator("QLinearMul", [:], pair, expected: 0.5) == [4, 1, 4, 9])
    let joined = ["fine", "zero", "x", "step", "zero", "x", "step", "zero"]
    #expect(
      try runtimeOperator("QLinearConcat", ["axis": .int(1)], joined, expected: 0.5)
        == [-2, 1, 2, 3, -2, 1, 2, 3])
  }

  /// The real numbers that an operator of ONNX Runtime gives for −2, 1, 2, 3 as integers of steps of 0.5, in
  /// steps of `expected`.
  private func runtimeOperator(
    _ name: String, _ attributes: [String: ForeignAttribute], _ operands: [String], expected: Float
  ) throws -> [Float] {
    var builder = GraphBuilder(name: "test")
    let x = Tensor([Int8(-3), 3, 5, 7], [1, 4])
    let ids: [String: ValueID] = [
      "x": builder.addInput("x", x.type),
      "step": builder.addConstant(Tensor([Float(0.5)], []), name: "step"),
      "fine": builder.addConstant(Tensor([expected], []), name: "fine"),
      "zero": builder.addConstant(Tensor([Int8(1)], []), name: "zero"),
    ]
    let rule = try #require(
      allOperators.flatMap { $0.imports }.first {
        $0.domain == "com.microsoft" && $0.operatorName == name
      })
    let node = ForeignNode(
      dialect: .onnx, domain: "com.microsoft", operatorName: name, version: 1, name: "node",
      attributes: attributes, operands: operands.map { ids[$0] }, results: ["y"],
      place: SourcePlace())
    builder.addOutput("y", try rule.build(node, &builder)[0])
    let graph = builder.graph
    try graph.verify()
    var values: [ValueID: Tensor] = [graph.inputs[0]: x]
    for node in graph.nodes {
      let results = try node.op.evaluate(
        node.operands.map { $0.flatMap { values[$0] ?? graph.constant($0) } },
        results: node.results.map { graph.type(of: $0) })
      for (id, tensor) in zip(node.results, results) { values[id] = tensor }
    }
    let y = try #require(values[graph.outputs[0]])
    #expect(y.element == .int8)
    return y.converted(to: .float32).floats.map { ($0 - 1) * expected }
  }
}
