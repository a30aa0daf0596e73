import UQGraph
import UQNumerics

extension IntegerConv2D: RelayPrintable {
  /// `nn.conv2d`, or `qnn.conv2d` where there are zero points; QNN's scales do not matter.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    guard operands.count > 1, let x = operands[0], let weights = operands[1],
      x.shape.rank == 4, weights.shape.rank == 4
    else { return nil }
    let channels = x.shape[3]
    var kernel = RelayCall.Operand.operand(1)
    var layout = "OHWI"
    if groups == channels, groups > 1, weights.shape[0] != channels {
      // Relay has the outputs of a channel along an axis of their own.
      let extents = [channels, weights.shape[0] / channels] + window.kernel
      kernel = .call(RelayCall("reshape", [kernel], [("newshape", .ints(extents))]))
      layout = "OIHW"
    }
    return .integerLayer(
      "conv2d", .operand(0), kernel, inputZeroPoint, weightZeroPoints,
      window.relayAttributes + [
        ("groups", .int(groups)), ("channels", .int(weights.shape[0])),
        ("kernel_size", .ints(window.kernel)), ("data_layout", .string("NHWC")),
        ("kernel_layout", .string(layout)), ("out_dtype", .string(element.name)),
      ])
  }
}

extension IntegerTransposedConv2D: RelayPrintable {
  /// `qnn.conv2d_transpose`; its letter O stands for the input's channels.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    guard groups == 1 else { return nil }
    return RelayCall(
      "qnn.conv2d_transpose",
      [
        .operand(0), .operand(1), .zeroPoints([inputZeroPoint]), .zeroPoints(weightZeroPoints),
        .scales([1]), .scales([1]),
      ],
      window.relayAttributes + [
        ("output_padding", .ints(outputPadding)), ("channels", .int(result.shape.last ?? 0)),
        ("kernel_size", .ints(window.kernel)), ("data_layout", .string("NHWC")),
        ("kernel_layout", .string("OHWI")), ("out_dtype", .string(element.name)),
      ])
  }
}

extension IntegerMatrixProduct: RelayPrintable {
  /// `nn.dense` or `nn.batch_matmul`, or QNN's where there are zero points.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    guard operands.count > 1, let b = operands[1] else { return nil }
    let type = RelayCall.Attribute.string(element.name)
    if b.shape.rank == 2 {
      return .integerLayer(
        "dense", .operand(0), .operand(1), zeroPointA, zeroPointsB,
        [("units", .int(b.shape[0])), ("out_dtype", type)])
    }
    return .integerLayer(
      "batch_matmul", .operand(0), .operand(1), zeroPointA, zeroPointsB,
      [("out_dtype", type), ("transpose_b", .bool(true))])
  }
}

extension IntegerAveragePool2D: RelayPrintable {
  /// `nn.avg_pool2d` of integers, cast to the type of the sums and back where that is another.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    func cast(_ operand: RelayCall.Operand, _ element: ElementType) -> RelayCall {
      RelayCall("cast", [operand], [("dtype", .string(element.name))])
    }
    let x = sums.map { RelayCall.Operand.call(cast(.operand(0), $0)) } ?? .operand(0)
    let mean = RelayCall(
      "nn.avg_pool2d", [x],
      [("pool_size", .ints(window.kernel))] + window.relayAttributes + [
        ("layout", .string("NHWC")), ("count_include_pad", .bool(includesPadding)),
      ])
    return sums == nil ? mean : cast(.call(mean), result.element)
  }
}

extension RelayCall {
  /// An operator of integers: of `nn` where all zero points are 0, else of `qnn` with scales of 1.
  fileprivate static func integerLayer(
    _ name: String, _ x: Operand, _ weights: Operand, _ zeroPoint: Int,
    _ weightZeroPoints: [Int], _ attributes: [(name: String, value: Attribute)]
  ) -> RelayCall {
    if zeroPoint == 0, weightZeroPoints == [0] {
      return RelayCall("nn.\(name)", [x, weights], attributes)
    }
    return RelayCall(
      "qnn.\(name)",
      [
        x, weights, .zeroPoints([zeroPoint]), .zeroPoints(weightZeroPoints), .scales([1]),
        .scales([1]),
      ], attributes)
  }
}
