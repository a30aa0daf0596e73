import UQGraph
import UQNumerics

extension ArgReduce: RelayPrintable {
  /// `argmax` or `argmin`, whose positions are int32; other types are cast to.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    guard !axes.isEmpty else { return nil }
    let positions = RelayCall(
      isMinimum ? "argmin" : "argmax", [.operand(0)],
      [
        ("axis", .ints(axes)), ("keepdims", .bool(keepsDimensions)),
        ("select_last_index", .bool(selectsLast)),
      ])
    if element == .int32 { return positions }
    return RelayCall("cast", [.call(positions)], [("dtype", .string(element.name))])
  }
}

extension Sort: RelayPrintable {
  /// `sort`, or `argsort` where positions are wanted.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    let order: [(name: String, value: RelayCall.Attribute)] = [
      ("axis", .int(axis)), ("is_ascend", .bool(!isDescending)),
    ]
    guard let positions else { return RelayCall("sort", [.operand(0)], order) }
    return RelayCall("argsort", [.operand(0)], order + [("dtype", .string(positions.name))])
  }
}

extension CumulativeSum: RelayPrintable {
  /// `cumsum` or `cumprod`, between two calls of `reverse` where it counts from the end.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    func reversed(_ operand: RelayCall.Operand) -> RelayCall {
      RelayCall("reverse", [operand], [("axis", .int(axis))])
    }
    var attributes: [(name: String, value: RelayCall.Attribute)] = [
      ("axis", .int(axis)), ("dtype", .string(element.name)),
    ]
    if isExclusive { attributes.append(("exclusive", .bool(true))) }
    let x = isReverse ? RelayCall.Operand.call(reversed(.operand(0))) : .operand(0)
    let scan = RelayCall(isProduct ? "cumprod" : "cumsum", [x], attributes)
    return isReverse ? reversed(.call(scan)) : scan
  }
}

extension Gather: RelayPrintable {
  /// `take` with the mode `wrap`, which counts negative indices from the end as the graph does.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    RelayCall(
      "take", [.operand(0), .operand(1)], [("axis", .int(axis)), ("mode", .string("wrap"))])
  }
}

extension GatherElements: RelayPrintable {
  /// `gather` of indices that are made positive.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    guard operands.count > 1, let x = operands[0], let indices = operands[1] else { return nil }
    return RelayCall(
      "gather", [.operand(0), .wrappedIndices(1, indices, extent: x.shape[axis])],
      [("axis", .int(axis))])
  }
}

extension GatherND: RelayPrintable {
  /// `gather_nd` of indices whose tuples are turned to the first axis.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    guard operands.count > 1, let x = operands[0], let indices = operands[1],
      let width = indices.shape.last
    else { return nil }
    let rank = indices.shape.rank
    let extents = Tensor(
      wrapping: (0..<width).map { Int64(x.shape[batchAxes + $0]) }, indices.element, [width])
    let real = RelayCall.of("floor_mod", .operand(1), .constant(extents))
    let turned = RelayCall(
      "transpose", [real], [("axes", .ints([rank - 1] + Array(0..<rank - 1)))])
    return RelayCall(
      "gather_nd", [.operand(0), .call(turned)],
      [("batch_dims", .int(batchAxes)), ("index_rank", .int(width))])
  }
}

extension ScatterElements: RelayPrintable {
  /// `scatter_elements` with indices that are made positive.
  public func relayCall(_ operands: [TensorType?], _ result: TensorType) -> RelayCall? {
    guard operands.count > 1, let indices = operands[1] else { return nil }
    return RelayCall(
      "scatter_elements",
      [
        .operand(0), .wrappedIndices(1, indices, extent: result.shape[axis]), .operand(2),
      ], [("axis", .int(axis)), ("reduction", .string(reduction.rawValue))])
  }
}

extension RelayCall.Operand {
  /// Indices of an axis with negative ones counted from its end, which Relay's operators do not do.
  fileprivate static func wrappedIndices(_ index: Int, _ indices: TensorType, extent: Int)
    -> RelayCall.Operand
  {
    guard indices.element.integerRange.lowerBound < 0 else { return .operand(index) }
    let bound = Tensor(wrapping: [Int64(extent)], indices.element, [])
    return RelayCall.of("floor_mod", .operand(index), .constant(bound))
  }
}
