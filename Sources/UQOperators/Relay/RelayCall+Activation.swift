import UQGraph
import UQNumerics

extension RelayCall {
  /// The call, then a clamp.
  func clamped(_ clamp: Clamp) -> RelayCall {
    guard !clamp.isNone else { return self }
    if clamp == .relu { return RelayCall("nn.relu", [.call(self)]) }
    return RelayCall(
      "clip", [.call(self)], [("a_min", .float(clamp.low)), ("a_max", .float(clamp.high))])
  }

  /// The call, then the sum with the node's third operand along the channels, where there is one.
  func biased(_ operands: [TensorType?], axis: Int) -> RelayCall {
    guard operands.count > 2, operands[2] != nil else { return self }
    return RelayCall("nn.bias_add", [.call(self), .operand(2)], [("axis", .int(axis))])
  }

  /// An operator without attributes on other calls.
  static func of(_ name: String, _ operands: Operand...) -> Operand {
    .call(RelayCall(name, operands))
  }
}

extension RelayCall.Operand {
  /// A scalar of an element type.
  static func scalar(_ value: Float, _ element: ElementType) -> RelayCall.Operand {
    .constant(Tensor(scalar: value).converted(to: element))
  }
}

extension Window2D {
  /// The attributes that convolutions and pooling share.
  var relayAttributes: [(name: String, value: RelayCall.Attribute)] {
    [
      ("strides", .ints(strides)), ("padding", .ints(padding)), ("dilation", .ints(dilations)),
    ]
  }
}
