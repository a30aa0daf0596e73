import UQGraph
import UQNumerics

extension Reshape: RelayPrintable {
  /// `reshape`; an extent of 0 is not a code.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let hasZero = shape.dimensions.contains(0)
    return RelayCall(
      "reshape", [.operand(0)],
      [("newshape", .ints(shape.dimensions))] + (hasZero ? [("allowzero", .bool(true))] : []))
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
  /// `mean`, `sum`, `max`, `min`, `prod`, `any` or `all`, around or inside what the norms need.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let x = RelayCall.Operand.operand(0)
    let isLogic = result.element == .bool
    switch kind {
    case .mean: return reduced("mean", x)
    case .sum: return reduced("sum", x)
    case .maximum: return reduced(isLogic ? "any" : "max", x)
    case .minimum: return reduced(isLogic ? "all" : "min", x)
    case .product: return reduced("prod", x)
    case .l1: return reduced("sum", RelayCall.of("abs", x))
    case .sumSquare: return reduced("sum", RelayCall.of("multiply", x, x))
    case .l2: return RelayCall("sqrt", [.call(reduced("sum", RelayCall.of("multiply", x, x)))])
    case .logSum: return RelayCall("log", [.call(reduced("sum", x))])
    case .logSumExp: return logSumExp(x)
    }
  }

  /// Relay takes an empty list for all axes; none are reduced by a copy.
  private func reduced(
    _ name: String, _ operand: RelayCall.Operand, keepsDimensions: Bool? = nil
  ) -> RelayCall {
    guard !axes.isEmpty else { return RelayCall("copy", [operand]) }
    return RelayCall(
      name, [operand],
      [("axis", .ints(axes)), ("keepdims", .bool(keepsDimensions ?? self.keepsDimensions))])
  }

  /// `m + ln Σ e^(x − m)` with the maximum m, so that nothing overflows.
  private func logSumExp(_ x: RelayCall.Operand) -> RelayCall {
    let aligned = RelayCall.Operand.call(reduced("max", x, keepsDimensions: true))
    let sum = reduced("sum", RelayCall.of("exp", RelayCall.of("subtract", x, aligned)))
    return RelayCall("add", [RelayCall.of("log", .call(sum)), .call(reduced("max", x))])
  }
}
