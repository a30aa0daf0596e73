import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// `x < 0 ? slope · x : x`; the slope broadcasts to `x`.
public struct PRelu: Operator {
  /// Creates the operator.
  public init() {}

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "prelu", "Leaky rectifier with a slope for each channel.",
    operands: [OperandSpec("x"), OperandSpec("slope", .parameter)])

  /// The type of `x`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let type = try broadcastType(operands)
    let x = try requiredType(operands, 0)
    guard type.shape == x.shape else {
      let slope = try requiredType(operands, 1)
      throw shapeProblem("slope", "slope \(slope.shape) does not broadcast to \(x.shape)")
    }
    return [type]
  }

  /// Computes the result in the operands' element type.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let slope = try requiredValue(operands, 1)
    return [evaluateBinary(PRelu.self, x, slope, results[0])]
  }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("PRelu", 1...6) { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "X")
        let slope = try node.operand(1, "slope")
        return try perChannel(node, &builder, x, slope, axis: 1)
      },
      .onnx("PRelu", 7...1000) { node, builder throws(Diagnostic) in
        let operands = [try node.operand(0, "X"), try node.operand(1, "slope")]
        return try builder.add(PRelu(), operands, as: node)
      },
      .relay("nn.prelu") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let slope = try node.operand(1, "alpha")
        return try perChannel(node, &builder, x, slope, axis: try node.int("axis", default: 1))
      },
    ]
  }

  /// The slope has one element, or one for each index of the axis.
  private static func perChannel(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ x: ValueID, _ slope: ValueID, axis: Int
  ) throws(Diagnostic) -> [ValueID] {
    let shape = builder.shape(of: slope)
    let rank = builder.shape(of: x).rank
    guard shape.rank == 1, shape.count != 1, rank > 1 else {
      return try builder.add(PRelu(), [x, slope], as: node)
    }
    let trailing = rank - 1 - (try node.axis(axis, rank: rank))
    let aligned = try builder.addStep(
      Reshape(shape: Shape(shape.dimensions + [Int](repeating: 1, count: trailing))), [slope],
      "slope", of: node)
    return try builder.add(PRelu(), [x, aligned], as: node)
  }
}

extension PRelu: BinaryFunction {
  static func floating<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T { a < 0 ? a * b : a }
  static func integer<T: FixedWidthInteger>(_ a: T, _ b: T) -> T { a < 0 ? a &* b : a }
}

extension PRelu: LowerableOperator {
  /// A table for one slope, otherwise the kernel with a slope for each channel, the innermost axis.
  ///
  /// - Throws: `lower.prelu.slope` for a slope that depends on the input, `lower.prelu.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    let slope = try context.operand(node, 1)
    guard let slopes = try context.reals(node, slope) else {
      throw context.problem(
        node, "slope", "slope '\(context.graph[slope].name)' is not a constant")
    }
    if try context.lowerWithScalar(node, .none, { $0 < 0 ? $0 * $1 : $0 }) { return }
    let shape = context.type(of: x).shape
    var slopeShape = context.type(of: slope).shape
    var values = slopes
    let walk = BroadcastWalk(shape, slopeShape, shape)
    if walk.second != [1], walk.second != [0, 1] {
      guard shape.count <= 1 << 14 else {
        throw context.problem(
          node, "slope", "slope \(slopeShape) is not one number for each channel of \(shape)")
      }
      let whole = Broadcast(shape: shape)
      values = try whole.evaluate(
        [Tensor(slopes, slopeShape)], results: [TensorType(.float64, shape)])[0].elements()
      slopeShape = shape
    }
    let from = try context.quantization(node, x, bits: 8)
    let to = try context.quantization(node, node.result, bits: 8)
    let factors = [1] + values
    var scales: [KernelScale] = []
    for factor in factors { scales.append(try context.scale(node, factor * from.scale / to.scale)) }
    if scales.contains(where: { $0.rounding != scales[0].rounding }) {
      // One rounding serves all channels.
      scales = factors.compactMap { KernelScale($0 * from.scale / to.scale, .single) }
    }
    let multipliers = scales.dropFirst().map { Int32($0.multiplier) }
    let shifts = scales.dropFirst().map { UInt8($0.shift) }
    context.emit(
      PReluKernel(
        pixels: shape.count / max(values.count, 1), channels: values.count,
        zeroPoint: from.zeroPoint, scale: scales[0],
        output: OutputStage(to, rounding: scales[0].rounding),
        multipliers: context.addConstant(
          ProgramConstant(name: "\(node.name) multipliers", role: .scales, multipliers)),
        shifts: context.addConstant(
          ProgramConstant(name: "\(node.name) shifts", role: .scales, shifts)),
        x: context.buffer(x), y: context.buffer(node.result)))
  }
}
