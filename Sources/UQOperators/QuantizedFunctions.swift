import UQGraph
import UQNumerics
import UQSupport

/// Import of the QNN dialect's operators that TVM itself defines by others: functions of one number
/// between dequantizing and quantizing, and concatenation of requantized tensors.
public enum QuantizedFunctions: ForeignOperator {
  /// The rules, one for each name.
  public static var imports: [ImportRule] {
    functions.map { name, steps in unary(name, steps) } + [
      .relay("qnn.concatenate") { node, builder throws(Diagnostic) in
        try concatenated(node, &builder)
      },
      .relay("qnn.simulated_quantize") { node, builder throws(Diagnostic) in
        try simulated(node, &builder, quantizes: true)
      },
      .relay("qnn.simulated_dequantize") { node, builder throws(Diagnostic) in
        try simulated(node, &builder, quantizes: false)
      },
    ]
  }

  private static let functions: [(String, [PointwiseFunction])] = [
    ("qnn.abs", [.abs]), ("qnn.erf", [.erf]), ("qnn.exp", [.exp]),
    ("qnn.hardswish", [.hardSwish]), ("qnn.log", [.log]), ("qnn.rsqrt", [.sqrt, .reciprocal]),
    ("qnn.sigmoid", [.sigmoid]), ("qnn.sqrt", [.sqrt]), ("qnn.tanh", [.tanh]),
  ]

  private static func unary(_ name: String, _ steps: [PointwiseFunction]) -> ImportRule {
    .relay(name) { node, builder throws(Diagnostic) in
      let x = try node.operand(0, "x")
      var value = try builder.addStep(
        DequantizeLinear(
          scales: try builder.scales(node, 1, "scale"),
          zeroPoints: try builder.zeroPoints(node, 2, "zero point")), [x], "real", of: node)
      for (index, step) in steps.enumerated() {
        value = try builder.addStep(
          Pointwise(function: step), [value], "function\(index)", of: node)
      }
      return try builder.add(
        QuantizeLinear(
          scales: try builder.scales(node, 3, "output scale"),
          zeroPoints: try builder.zeroPoints(node, 4, "output zero point"), tiesToEven: false,
          element: builder.type(of: x).element), [value], as: node)
    }
  }

  private static func concatenated(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let count = (node.operands.count - 2) / 3
    guard count > 0, node.operands.count == 3 * count + 2 else {
      throw Diagnostic(
        id: "import.operand.missing",
        "\(node.operands.count) operands are not n tensors, n scales, n zero points and two of the "
          + "result", at: node.place)
    }
    let scale = try builder.scale(node, 3 * count, "output scale")
    let zeroPoint = try builder.zeroPoint(node, 3 * count + 1, "output zero point")
    var parts: [ValueID] = []
    for index in 0..<count {
      let x = try node.operand(index, "data")
      let op = Requantize(
        inputScales: [try builder.scale(node, count + index, "scale")],
        inputZeroPoints: [try builder.zeroPoint(node, 2 * count + index, "zero point")],
        outputScale: scale, outputZeroPoint: zeroPoint, element: builder.type(of: x).element)
      let isSame = op.inputScales == [scale] && op.inputZeroPoints == [zeroPoint]
      parts.append(isSame ? x : try builder.addStep(op, [x], "part\(index)", of: node))
    }
    let rank = builder.shape(of: parts[0]).rank
    let axis = try node.axis(try node.int("axis", default: 0), rank: rank)
    return try builder.add(Concat(axis: axis), parts, as: node)
  }

  /// Element types of the simulation by the number that stands for them.
  private static let simulatedTypes: [Int: ElementType] = [
    1: .int8, 2: .uint8, 3: .int32,
  ]

  /// Quantizing to numbers that stay float32, and back.
  private static func simulated(
    _ node: ForeignNode, _ builder: inout GraphBuilder, quantizes: Bool
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "data")
    let code = try builder.numbers(node, 1, "type").integers[0]
    if code == 0 { return [x] }
    guard let element = simulatedTypes[code] else {
      throw Diagnostic(
        id: "import.operand.type", "\(code) stands for no type of the simulation", at: node.place)
    }
    let scales = try builder.scales(node, 2, "scale")
    let zeroPoints = try builder.zeroPoints(node, 3, "zero point")
    let rank = builder.shape(of: x).rank
    let isPerAxis = scales.count > 1 || zeroPoints.count > 1
    let axis = isPerAxis ? try node.axis(try node.int("axis", default: -1), rank: rank) : nil
    if quantizes {
      let integers = try builder.addStep(
        QuantizeLinear(
          scales: scales, zeroPoints: zeroPoints, axis: axis, tiesToEven: false, element: element),
        [x], "integers", of: node)
      return try builder.add(Cast(element: .float32), [integers], as: node)
    }
    let integers = try builder.addStep(Cast(element: .int32), [x], "integers", of: node)
    return try builder.add(
      DequantizeLinear(scales: scales, zeroPoints: zeroPoints, axis: axis), [integers], as: node)
  }
}
