import UQGraph
import UQNumerics

extension Conv2D: RelayPrintable {
  /// `nn.conv2d` in NHWC and OHWI, bias and activation behind it.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let channels = result.shape.dimensions.last ?? 0
    return RelayCall(
      "nn.conv2d", [.operand(0), .operand(1)],
      window.relayAttributes + [
        ("groups", .int(groups)), ("channels", .int(channels)),
        ("kernel_size", .ints(window.kernel)), ("data_layout", .string("NHWC")),
        ("kernel_layout", .string("OHWI")),
      ]
    ).biased(operands, axis: 3).clamped(activation)
  }
}

extension DepthwiseConv2D: RelayPrintable {
  /// `nn.conv2d` in NHWC and HWOI with as many groups as channels.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let channels = result.shape.dimensions.last ?? 0
    guard multiplier > 0 else { return nil }
    let groups = channels / multiplier
    let weights = RelayCall(
      "reshape", [.operand(1)], [("newshape", .ints(window.kernel + [groups, multiplier]))])
    return RelayCall(
      "nn.conv2d", [.operand(0), .call(weights)],
      window.relayAttributes + [
        ("groups", .int(groups)), ("channels", .int(channels)),
        ("kernel_size", .ints(window.kernel)), ("data_layout", .string("NHWC")),
        ("kernel_layout", .string("HWOI")),
      ]
    ).biased(operands, axis: 3).clamped(activation)
  }
}

extension FullyConnected: RelayPrintable {
  /// `nn.dense`, bias and activation behind it.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall(
      "nn.dense", [.operand(0), .operand(1)],
      [("units", .int(result.shape.dimensions.last ?? 0))]
    ).biased(operands, axis: -1).clamped(activation)
  }
}

extension MatrixProduct: RelayPrintable {
  /// `nn.matmul` of matrices, else `nn.batch_matmul`; other ranks than 3 are reshaped.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    guard operands.count == 2, let a = operands[0]?.shape, let b = operands[1]?.shape,
      a.rank >= 2, b.rank >= 2
    else { return nil }
    if result.shape.rank == 2 {
      return RelayCall(
        "nn.matmul", [.operand(0), .operand(1)], [("units", .int(result.shape[1]))])
    }
    func flat(_ index: Int, _ shape: Shape) -> RelayCall.Operand {
      guard shape.rank != 3 else { return .operand(index) }
      let extents = [-1] + shape.dimensions.suffix(2)
      return .call(RelayCall("reshape", [.operand(index)], [("newshape", .ints(extents))]))
    }
    let leading = { (shape: Shape) in shape.dimensions.dropLast(2).reduce(1, *) }
    guard leading(a) == leading(b) || a.rank == 3 && b.rank == 3 else { return nil }
    let product = RelayCall(
      "nn.batch_matmul", [flat(0, a), flat(1, b)], [("transpose_b", .bool(false))])
    guard result.shape.rank != 3 else { return product }
    return RelayCall(
      "reshape", [.call(product)], [("newshape", .ints(result.shape.dimensions))])
  }
}

extension MaxPool2D: RelayPrintable {
  /// `nn.max_pool2d` in NHWC.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall(
      "nn.max_pool2d", [.operand(0)],
      [("pool_size", .ints(window.kernel))] + window.relayAttributes
        + [("layout", .string("NHWC"))])
  }
}

extension AveragePool2D: RelayPrintable {
  /// `nn.avg_pool2d` in NHWC.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall(
      "nn.avg_pool2d", [.operand(0)],
      [("pool_size", .ints(window.kernel))] + window.relayAttributes + [
        ("layout", .string("NHWC")), ("count_include_pad", .bool(includesPadding)),
      ])
  }
}

extension Softmax: RelayPrintable {
  /// `nn.softmax`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("nn.softmax", [.operand(0)], [("axis", .int(axis))])
  }
}

extension LogSoftmax: RelayPrintable {
  /// `nn.log_softmax`.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall("nn.log_softmax", [.operand(0)], [("axis", .int(axis))])
  }
}
