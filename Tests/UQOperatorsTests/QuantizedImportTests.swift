import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// What quantized nodes of ONNX are refused for.
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
}
