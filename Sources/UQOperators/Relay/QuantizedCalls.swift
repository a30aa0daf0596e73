import UQGraph
import UQNumerics

extension QuantizeLinear: RelayPrintable {
  /// `qnn.quantize`; with ties to even its definition.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    if !tiesToEven {
      return RelayCall(
        "qnn.quantize", [.operand(0), .scales(scales), .zeroPoints(zeroPoints)],
        [("out_dtype", .string(element.name)), ("axis", .int(axis ?? -1))])
    }
    guard element.byteCount <= 2 else { return nil }
    let count = max(scales.count, zeroPoints.count)
    let behind = axis.map { result.shape.rank - $0 - 1 } ?? 0
    // Numbers of an axis broadcast over those behind it.
    func numbers(_ values: [Float]) -> RelayCall.Operand {
      values.count == 1
        ? .scalar(values[0], .float32)
        : .constant(Tensor(values, Shape([count] + [Int](repeating: 1, count: behind))))
    }
    let quotient = RelayCall.of("divide", .operand(0), numbers(scales))
    let integer = RelayCall.roundedToEven(quotient, .float32)
    let shifted = RelayCall.of("add", .call(integer), numbers(zeroPoints.map(Float.init)))
    let range = element.integerRange
    let bounded = RelayCall(
      "clip", [shifted],
      [("a_min", .float(Float(range.lowerBound))), ("a_max", .float(Float(range.upperBound)))])
    return RelayCall("cast", [.call(bounded)], [("dtype", .string(element.name))])
  }
}

extension DequantizeLinear: RelayPrintable {
  /// `qnn.dequantize`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    guard result.element == .float32 else { return nil }
    return RelayCall(
      "qnn.dequantize", [.operand(0), .scales(scales), .zeroPoints(zeroPoints)],
      [("out_dtype", .string("float32")), ("axis", .int(axis ?? -1))])
  }
}

extension Requantize: RelayPrintable {
  /// `qnn.requantize` with its rounding and arithmetic.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let name =
      switch rounding {
      case .upward: "UPWARD"
      case .awayFromZero: "TONEAREST"
      }
    return RelayCall(
      "qnn.requantize",
      [
        .operand(0), .scales(inputScales), .zeroPoints(inputZeroPoints),
        .scales([outputScale]), .zeroPoints([outputZeroPoint]),
      ],
      [
        ("axis", .int(axis ?? -1)), ("rounding", .string(name)),
        ("compute_dtype", .string(arithmetic.rawValue)), ("out_dtype", .string(element.name)),
      ])
  }
}

extension QuantizedArithmetic: RelayPrintable {
  /// `qnn.add`, `qnn.subtract` or `qnn.mul`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let name =
      switch kind {
      case .add: "qnn.add"
      case .subtract: "qnn.subtract"
      case .multiply: "qnn.mul"
      }
    let parameters = [a, b, y].flatMap { $0.relayOperands }
    return RelayCall(name, [.operand(0), .operand(1)] + parameters)
  }
}

extension QuantizedLeakyRelu: RelayPrintable {
  /// `qnn.leaky_relu`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall(
      "qnn.leaky_relu", [.operand(0)] + x.relayOperands + y.relayOperands,
      [("alpha", .float(alpha))])
  }
}

extension IntegerSoftmax: RelayPrintable {
  /// `qnn.softmax`, which does not depend on the operand's zero point.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall(
      "qnn.softmax",
      [.operand(0), .scales([inputScale]), .zeroPoints([0])] + y.relayOperands,
      [("axis", .int(axis))])
  }
}

extension FixedPointMultiply: RelayPrintable {
  /// `fixed_point_multiply`, or `fixed_point_multiply_per_axis` for the factors of an axis.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    if shiftsIn32Bits, factors.count == 1, axis == nil {
      return RelayCall(
        "fixed_point_multiply", [.operand(0)],
        [
          ("multiplier", .int(Int(factors[0].multiplier))), ("shift", .int(factors[0].shift)),
        ])
    }
    guard let axis, !shiftsIn32Bits else { return nil }
    func integers(_ values: [Int]) -> RelayCall.Operand {
      .constant(Tensor(values.map { Int32(clamping: $0) }, [values.count]))
    }
    let shifts = factors.map(\.shift)
    return RelayCall(
      "fixed_point_multiply_per_axis",
      [
        .operand(0), integers(factors.map { Int($0.multiplier) }),
        integers(shifts.map { max($0, 0) }), integers(shifts.map { max(-$0, 0) }),
      ],
      [
        ("is_lshift_required", .bool(shifts.contains { $0 > 0 })),
        ("is_rshift_required", .bool(shifts.contains { $0 < 0 })), ("axes", .ints([axis])),
      ])
  }
}

extension QuantizedArithmetic.Scale {
  /// The scale and the zero point as QNN's operators take them.
  fileprivate var relayOperands: [RelayCall.Operand] {
    [.scales([scale]), .zeroPoints([zeroPoint])]
  }
}

extension RelayCall.Operand {
  /// Scales: a scalar where there is one.
  static func scales(_ scales: [Float]) -> RelayCall.Operand {
    .constant(Tensor(scales, scales.count == 1 ? [] : [scales.count]))
  }

  /// Zero points of int32: a scalar where there is one.
  static func zeroPoints(_ zeroPoints: [Int]) -> RelayCall.Operand {
    .constant(
      Tensor(
        zeroPoints.map { Int32(clamping: $0) }, zeroPoints.count == 1 ? [] : [zeroPoints.count]))
  }
}
