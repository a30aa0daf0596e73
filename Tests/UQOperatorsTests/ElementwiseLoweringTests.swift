import Foundation
import Testing
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQSupport

private let qa = Quantization(bits: 8, scales: [0.0371], zeroPoint: -9)
private let qb = Quantization(bits: 8, scales: [0.0213], zeroPoint: 31)
private let qy = Quantization(bits: 8, scales: [0.0457], zeroPoint: 5)
/// Half a step for the only rounding, and what 24 bits of a factor leave of 255 steps.
private let once = 0.5 + 1e-4

private func constant(_ shape: Shape, _ low: Float = -2, _ high: Float = 2) -> Tensor {
  var random = SeededGenerator(seed: 5)
  return Tensor((0..<shape.count).map { _ in Float.random(in: low...high, using: &random) }, shape)
}

@Suite struct ElementwiseLoweringTests {
  static let shapes: [(Shape, Shape)] = [
    ([1, 4, 5, 3], [1, 4, 5, 3]), ([1, 4, 5, 3], [1, 1, 1, 3]), ([1, 4, 5, 3], [1, 4, 5, 1]),
    ([1, 1, 1, 3], [1, 4, 5, 3]), ([1, 4, 1, 3], [1, 1, 5, 1]), ([1, 4, 5, 3], [1, 1, 5, 1]),
    ([6, 20], [20]),
  ]

  @Test(arguments: shapes) func sumsAndDifferences(_ a: Shape, _ b: Shape) throws {
    for op in [Add(), Subtract(), Add(activation: .relu)] as [any LowerableOperator] {
      let node = QuantizedNode(
        op: op, operands: [.activation(a, qa), .activation(b, qb)], result: qy)
      #expect(try node.largestError() <= 0.51)
      #expect(try node.largestError(inPlace: true) <= 0.51)
    }
  }

  @Test(arguments: shapes) func products(_ a: Shape, _ b: Shape) throws {
    for rounding in Rounding.allCases {
      let node = QuantizedNode(
        op: Multiply(), operands: [.activation(a, qa), .activation(b, qb)],
        result: Quantization(bits: 8, scales: [0.08], zeroPoint: -3), rounding: rounding)
      // Doubled rounding may be wrong by another half step of its first rounding.
      #expect(try node.largestError() <= (rounding == .double ? 1 : once))
      #expect(try node.largestError(inPlace: true) <= (rounding == .double ? 1 : once))
    }
  }

  @Test(arguments: shapes) func extrema(_ a: Shape, _ b: Shape) throws {
    for op in [Minimum(), Maximum()] as [any LowerableOperator] {
      let shared = QuantizedNode(
        op: op, operands: [.activation(a, qy), .activation(b, qy)], result: qy)
      #expect(try shared.largestError() < 1e-9)
      let rescaled = QuantizedNode(
        op: op, operands: [.activation(a, qa), .activation(b, qb)], result: qy)
      #expect(try rescaled.largestError() <= once)
    }
  }

  @Test func constantNumbersMakeTables() throws {
    let number = Tensor(scalar: 1.37)
    let ops: [any LowerableOperator] = [
      Add(), Subtract(), Multiply(), Divide(), Minimum(), Maximum(), Multiply(activation: .relu),
    ]
    for op in ops {
      let right = QuantizedNode(
        op: op, operands: [.activation([2, 300], qa), .constant(number)], result: qy)
      #expect(try right.largestError() <= 0.5 + 1e-9)
      #expect(try right.run().calls == ["uq_lut_s8"])
      let left = QuantizedNode(
        op: op, operands: [.constant(number), .activation([2, 300], qa)], result: qy)
      // 1.37 / 0 is infinite and saturates; the distance to it is taken from the largest integer.
      #expect(try left.largestError() <= 0.5 + 1e-9)
    }
  }

  @Test func constantsOfChannelsAreExact() throws {
    for op in [Add(), Subtract(), Multiply(), Multiply(activation: Clamp(low: -1, high: 2))]
      as [any LowerableOperator]
    {
      for shape in [[3], [1, 1, 1, 3]] as [Shape] {
        let right = QuantizedNode(
          op: op, operands: [.activation([1, 7, 6, 3], qa), .constant(constant(shape))], result: qy)
        // Addends are whole 64ths of a step of the operand.
        #expect(try right.largestError() <= 0.52)
        #expect(try right.run().calls == ["uq_depthwise_conv2d_s8"])
        let left = QuantizedNode(
          op: op, operands: [.constant(constant(shape)), .activation([1, 7, 6, 3], qa)], result: qy)
        #expect(try left.largestError() <= 0.52)
      }
    }
    let quotient = QuantizedNode(
      op: Divide(), operands: [.activation([1, 7, 6, 3], qa), .constant(constant([3], 0.5, 2))],
      result: qy)
    #expect(try quotient.largestError() <= once)
  }

  @Test func constantsOfOtherShapesAreQuantized() throws {
    let b = constant([3, 1, 1])
    let sum = QuantizedNode(
      op: Add(), operands: [.activation([1, 3, 4, 5], qa), .constant(b)], result: qy)
    // Half a step of the constant, 4 / 255 at most, and of the result.
    #expect(try sum.largestError() <= 0.51 + 0.5 * 4 / 255 / qy.scale)
    let product = QuantizedNode(
      op: Multiply(), operands: [.constant(b), .activation([1, 3, 4, 5], qa)], result: qy)
    let largest = qa.scale * 136
    #expect(try product.largestError() <= once + 0.5 * 4 / 255 * largest / qy.scale)
  }

  @Test func slopesOfChannels() throws {
    for slope in [[4], [1], [1, 1, 4], [2, 1, 1]] as [Shape] {
      let node = QuantizedNode(
        op: PRelu(), operands: [.activation([1, 2, 6, 4], qa), .constant(constant(slope, -1, 1))],
        result: qy)
      #expect(try node.largestError() <= once)
      #expect(try node.largestError(inPlace: true) <= once)
    }
  }

  @Test func refusals() throws {
    let x = QuantizedNode.Operand.activation([2, 3], qa)
    func id(_ op: any LowerableOperator, _ operands: [QuantizedNode.Operand]) throws -> String {
      let error = try #require(throws: Diagnostic.self) {
        _ = try QuantizedNode(op: op, operands: operands, result: qy).run()
      }
      return error.id
    }
    #expect(try id(Divide(), [x, x]) == "lower.divide.activations")
    #expect(try id(Power(), [x, x]) == "lower.power.activations")
    #expect(try id(PRelu(), [x, x]) == "lower.prelu.slope")
    #expect(try id(Reduce(kind: .l2, axes: [0], keepsDimensions: true), [x]) == "lower.reduce.kind")
    #expect(try id(Pad(before: [0, 1], after: [0, 0], value: 99), [x]) == "lower.pad.value")
  }

  static let functions: [(PointwiseFunction, @Sendable (Double) -> Double)] = [
    (.abs, { abs($0) }), (.acos, { acos($0) }), (.acosh, { acosh($0) }),
    (.affine(scale: 2, offset: -1), { 2 * $0 - 1 }), (.asin, { asin($0) }),
    (.asinh, { asinh($0) }), (.atan, { atan($0) }), (.atanh, { atanh($0) }), (.ceil, { ceil($0) }),
    (.celu(alpha: 0.5), { max(0, $0) + min(0, 0.5 * (exp($0 / 0.5) - 1)) }), (.cos, { cos($0) }),
    (.cosh, { cosh($0) }), (.elu(alpha: 0.5), { $0 < 0 ? 0.5 * (exp($0) - 1) : $0 }),
    (.erf, { erf($0) }), (.exp, { exp($0) }), (.floor, { floor($0) }),
    (.gelu(tanh: false), { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) }),
    (
      .gelu(tanh: true),
      { 0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * pow($0, 3)))) }
    ),
    (.hardSigmoid(alpha: 0.25, beta: 0.5), { max(0, min(1, 0.25 * $0 + 0.5)) }),
    (.hardSwish, { $0 * max(0, min(1, $0 / 6 + 0.5)) }),
    (.leakyRelu(alpha: 0.125), { max($0, 0) + 0.125 * min($0, 0) }), (.log, { log($0) }),
    (.mish, { $0 * tanh(log(1 + exp($0))) }), (.negate, { -$0 }),
    (.power(exponent: 2), { $0 * $0 }), (.reciprocal, { 1 / $0 }), (.round, { rint($0) }),
    (.selu(alpha: 1.5, gamma: 1.25), { 1.25 * ($0 > 0 ? $0 : 1.5 * (exp($0) - 1)) }),
    (.sigmoid, { 1 / (1 + exp(-$0)) }), (.sign, { $0 == 0 ? 0 : $0 / abs($0) }),
    (.silu, { $0 / (1 + exp(-$0)) }), (.sin, { sin($0) }), (.sinh, { sinh($0) }),
    (.softplus, { log(1 + exp($0)) }), (.softsign, { $0 / (1 + abs($0)) }), (.sqrt, { sqrt($0) }),
    (.tan, { tan($0) }), (.tanh, { tanh($0) }),
    (.thresholdedRelu(alpha: 0.5), { $0 > 0.5 ? $0 : 0 }),
  ]

  /// Every entry is the nearest integer to the exact value, which the test computes by other formulas;
  /// a value within 1e-9 of a tie may fall to either side.
  @Test(arguments: functions.indices) func tablesAreExact(_ index: Int) throws {
    let (function, formula) = Self.functions[index]
    let output = function.definition.quantization ?? qy
    let (integers, _, calls) = try QuantizedNode(
      op: Pointwise(function: function), operands: [.activation([256], qa)], result: output,
      integers: Array(-128...127)
    ).run()
    #expect(calls == ["uq_lut_s8"])
    for (integer, actual) in zip(-128...127, integers) {
      let value = formula(qa.dequantize(integer)) / output.scale
      guard !value.isNaN else {
        #expect(actual == output.zeroPoint)
        continue
      }
      let wanted = min(max(value + Double(output.zeroPoint), -128), 127)
      #expect(abs(Double(actual) - wanted) <= 0.5 + 1e-9, "\(function) at \(integer)")
    }
  }

  @Test func clipsByTableOrNotAtAll() throws {
    let relu = QuantizedNode(
      op: Clip(bounds: Clamp(low: 0, high: 2)), operands: [.activation([5, 60], qa)], result: qy)
    #expect(try relu.largestError() <= 0.5 + 1e-9)
    let open = QuantizedNode(
      op: Clip(bounds: Clamp(low: -9, high: 9)), operands: [.activation([5, 60], qa)], result: qa)
    #expect(try open.run().calls == ["uq_copy_2d"])
  }
}
