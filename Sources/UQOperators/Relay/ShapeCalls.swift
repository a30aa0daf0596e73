import UQGraph
import UQNumerics

extension Reshape: RelayPrintable {
  /// `reshape`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    guard shape.count > 0 else { return nil }
    return RelayCall("reshape", [.operand(0)], [("newshape", .ints(shape.dimensions))])
  }
}

extension Transpose: RelayPrintable {
  /// `transpose`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("transpose", [.operand(0)], [("axes", .ints(permutation))])
  }
}

extension Concat: RelayPrintable {
  /// `concatenate` of a tuple.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall(
      "concatenate", [.tuple(operands.indices.map { .operand($0) })], [("axis", .int(axis))])
  }
}

extension Slice: RelayPrintable {
  /// `strided_slice`; an end before index 0 is written as one far below.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let last = zip(ends, steps).map { end, step in step < 0 && end < 0 ? Int(Int32.min) : end }
    return RelayCall(
      "strided_slice", [.operand(0)],
      [
        ("begin", .ints(starts)), ("end", .ints(last)), ("strides", .ints(steps)),
        ("axes", .ints(axes)),
      ])
  }
}

extension Pad: RelayPrintable {
  /// `nn.pad` with the value as operand.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall(
      "nn.pad", [.operand(0), .scalar(value, result.element)],
      [("pad_width", .list(zip(before, after).map { .ints([$0, $1]) }))])
  }
}

extension Broadcast: RelayPrintable {
  /// `broadcast_to`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("broadcast_to", [.operand(0)], [("shape", .ints(shape.dimensions))])
  }
}

extension Gather: RelayPrintable {
  /// `take`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("take", [.operand(0), .operand(1)], [("axis", .int(axis))])
  }
}

extension ResizeNearest: RelayPrintable {
  /// `nn.upsampling` in NHWC.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall(
      "nn.upsampling", [.operand(0)],
      [
        ("scale_h", .float(Float(factors[0]))), ("scale_w", .float(Float(factors[1]))),
        ("layout", .string("NHWC")),
      ])
  }
}

extension Reduce: RelayPrintable {
  /// `mean`, `sum`, `max`, `min` or `prod`, around or inside what the norms need.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let x = RelayCall.Operand.operand(0)
    func reduce(_ name: String, _ operand: RelayCall.Operand) -> RelayCall {
      RelayCall(name, [operand], [("axis", .ints(axes)), ("keepdims", .bool(keepsDimensions))])
    }
    guard !axes.isEmpty else { return nil }
    switch kind {
    case .mean: return reduce("mean", x)
    case .sum: return reduce("sum", x)
    case .maximum: return reduce("max", x)
    case .minimum: return reduce("min", x)
    case .product: return reduce("prod", x)
    case .l1: return reduce("sum", RelayCall.of("abs", x))
    case .sumSquare: return reduce("sum", RelayCall.of("multiply", x, x))
    case .l2: return RelayCall("sqrt", [.call(reduce("sum", RelayCall.of("multiply", x, x)))])
    case .logSum: return RelayCall("log", [.call(reduce("sum", x))])
    case .logSumExp: return RelayCall("log", [.call(reduce("sum", RelayCall.of("exp", x)))])
    }
  }
}
