import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// Elements of one value around a tensor.
public struct Pad: Operator {
  /// Elements in front of each axis, not negative.
  public var before: [Int]
  /// Elements after each axis, not negative.
  public var after: [Int]
  /// The value of the new elements.
  public var value: Float

  /// Creates the operator.
  public init(before: [Int], after: [Int], value: Float = 0) {
    self.before = before
    self.after = after
    self.value = value
  }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "pad", "Elements of one value around a tensor.", operands: [OperandSpec("x")])

  /// The operand's element type, extents enlarged.
  ///
  /// - Throws: `shape.pad.axes`, `shape.pad.amount`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard before.count == x.shape.rank, after.count == x.shape.rank else {
      throw shapeProblem(
        "axes", "paddings \(before) and \(after) do not describe every axis of \(x.shape)")
    }
    let limit = 0...(1 << 40)
    guard (before + after).allSatisfy(limit.contains), x.shape.allSatisfy(limit.contains),
      let shape = Shape(checking: x.shape.indices.map { before[$0] + x.shape[$0] + after[$0] })
    else {
      throw shapeProblem(
        "amount", "paddings \(before) and \(after) of \(x.shape) are negative or too large")
    }
    return [x.moved(to: shape)]
  }

  /// Copies the operand into a tensor of the value.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    let shape = results[0].shape
    let strides = shape.strides
    let fill = Tensor([value], []).converted(to: x.element)
    var result = viewed(
      fill, StridedBox(offset: 0, strides: shape.map { _ in 0 }), as: shape)
    let offset = zip(before, strides).reduce(0) { $0 + $1.0 * $1.1 }
    copyBox(
      x.shape.dimensions, from: x, StridedBox(offset: 0, strides: x.shape.strides), to: &result,
      StridedBox(offset: offset, strides: strides))
    return [result]
  }

  /// The operand's quantization, which must be able to represent the value.
  public var quantizationRule: QuantizationRule { .inherit(0) }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Pad", 1...1) { node, builder throws(Diagnostic) in
        let pads = try node.ints("paddings") ?? []
        return try padded(node, &builder, pads, nil, Double(try node.float("value", default: 0)))
      },
      .onnx("Pad", 2...10) { node, builder throws(Diagnostic) in
        let pads = try node.ints("pads") ?? []
        return try padded(node, &builder, pads, nil, Double(try node.float("value", default: 0)))
      },
      .onnx("Pad", 11...1000) { node, builder throws(Diagnostic) in
        try padded(
          node, &builder, try builder.integers(node, 1, "pads"),
          try builder.optionalIntegers(node, 3, "axes"),
          try builder.optionalScalar(node, 2, "constant_value") ?? 0)
      },
      .relay("nn.pad") { node, builder throws(Diagnostic) in
        let pairs = try node.pairs("pad_width")
        // Up to TVM 0.7 the value was an attribute.
        let older = Double(try node.float("pad_value", default: 0))
        let value = try builder.optionalScalar(node, 1, "pad_value") ?? older
        var node = node
        node.attributes["mode"] = .string(try node.text("pad_mode", default: "constant"))
        return try padded(
          node, &builder, pairs.map { $0.0 } + pairs.map { $0.1 }, nil, value)
      },
      .relay("nn.mirror_pad") { node, builder throws(Diagnostic) in
        let pairs = try node.pairs("pad_width")
        var node = node
        node.attributes["mode"] = .string(
          try node.text("mode", default: "SYMMETRIC").lowercased())
        return try padded(node, &builder, pairs.map { $0.0 } + pairs.map { $0.1 }, nil, 0)
      },
    ]
  }

  private static func padded(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ pads: [Int], _ axes: [Int]?,
    _ value: Double
  ) throws(Diagnostic) -> [ValueID] {
    let operand = try node.operand(0, "data")
    let x = builder.shape(of: operand)
    let axes = axes ?? Array(0..<x.rank)
    _ = try node.axes(axes, rank: x.rank)
    guard pads.count == 2 * axes.count, pads.allSatisfy({ $0.magnitude <= 1 << 40 }) else {
      throw Diagnostic(
        id: "import.pad.count",
        "paddings \(pads) do not give a begin and an end for each of axes \(axes)", at: node.place)
    }
    var before = x.map { _ in 0 }
    var after = before
    for (position, wanted) in axes.enumerated() {
      let axis = try node.axis(wanted, rank: x.rank)
      before[axis] = pads[position]
      after[axis] = pads[position + axes.count]
    }
    let mode = try node.string("mode", default: "constant")
    guard mode == "constant" else {
      return try mirrored(node, &builder, operand, before, after, mode)
    }
    guard before.contains(where: { $0 < 0 }) || after.contains(where: { $0 < 0 }) else {
      let pad = Pad(before: before, after: after, value: Float(value))
      return try builder.add(pad, [operand], as: node)
    }
    let starts = before.map { max(-$0, 0) }
    let ends = x.indices.map { x[$0] + min(after[$0], 0) }
    let cropped = try builder.addStep(
      Slice(starts: starts, ends: ends), [operand], "cropped", of: node)
    let pad = Pad(
      before: before.map { max($0, 0) }, after: after.map { max($0, 0) }, value: Float(value))
    return try builder.add(pad, [cropped], as: node)
  }

  /// The modes that repeat elements of the operand gather them by constant indices, axis by axis.
  private static func mirrored(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ operand: ValueID, _ before: [Int],
    _ after: [Int], _ mode: String
  ) throws(Diagnostic) -> [ValueID] {
    guard ["edge", "reflect", "symmetric", "wrap"].contains(mode) else {
      throw Diagnostic(
        id: "import.pad.mode",
        "mode is '\(mode)'; 'constant', 'edge', 'reflect' and 'wrap' are known", at: node.place)
    }
    let shape = builder.shape(of: operand)
    let changed = shape.indices.filter { before[$0] != 0 || after[$0] != 0 }
    var result = operand
    for axis in changed {
      let extent = shape[axis]
      guard extent > 0, before[axis] + extent + after[axis] <= 1 << 24 else {
        throw Diagnostic(
          id: "shape.pad.amount",
          "paddings \(before[axis]) and \(after[axis]) of axis \(axis) of \(shape) are too large",
          at: node.place)
      }
      let indices = (-before[axis]..<max(extent + after[axis], -before[axis])).map {
        (position) -> Int64 in
        switch mode {
        case "edge": return Int64(min(max(position, 0), extent - 1))
        case "symmetric":
          let phase = ((position % (2 * extent)) + 2 * extent) % (2 * extent)
          return Int64(min(phase, 2 * extent - 1 - phase))
        case "wrap": return Int64(((position % extent) + extent) % extent)
        default:
          let period = max(2 * (extent - 1), 1)
          let phase = ((position % period) + period) % period
          return Int64(min(phase, period - phase) % extent)
        }
      }
      let constant = builder.addConstant(
        Tensor(indices, [indices.count]), name: "\(node.name):axis\(axis)")
      let gather = Gather(axis: axis)
      result =
        axis == changed.last
        ? try builder.add(gather, [result, constant], as: node)[0]
        : try builder.addStep(gather, [result, constant], "axis\(axis)", of: node)
    }
    return [result]
  }
}

extension Pad: LowerableOperator {
  /// The padding kernel with the integer of the value, axes without padding seen as one with the axis
  /// in front of them.
  ///
  /// - Throws: `lower.pad.value` for a value outside the result's range, `lower.pad.axes` for more than
  ///   4 padded axes, `lower.pad.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    let shape = context.type(of: x).shape
    let to = try context.quantization(node, node.result)
    if (before + after).allSatisfy({ $0 == 0 }) { return try context.pass(node, x) }
    let integer = to.quantize(Double(value))
    guard (to.dequantize(integer) - Double(value)).magnitude <= to.scale * 0.501 else {
      throw context.problem(
        node, "value",
        "value \(value) is outside \(to.dequantize(to.lowest)) to"
          + " \(to.dequantize(to.highest)), the range of the result")
    }
    var axes: [(size: Int, before: Int, after: Int)] = []
    for axis in shape.indices {
      let next = (size: shape[axis], before: before[axis], after: after[axis])
      if let last = axes.last, next.before == 0, next.after == 0 {
        axes[axes.count - 1] = (
          last.size * next.size, last.before * next.size, last.after * next.size
        )
      } else {
        axes.append(next)
      }
    }
    guard axes.count <= 4 else {
      throw context.problem(node, "axes", "pads \(axes.count) axes of \(shape), the kernel takes 4")
    }
    let source = try context.conformed(node, x, to: to)
    context.emit(
      PadKernel(
        sizes: axes.map(\.size), before: axes.map(\.before), after: axes.map(\.after),
        elementBytes: to.storageBytes, value: integer, x: source, y: context.buffer(node.result)))
  }
}
