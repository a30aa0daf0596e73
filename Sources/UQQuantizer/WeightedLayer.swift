import UQGraph
import UQNumerics
import UQSupport

/// A node whose weights are to become integers.
struct WeightedLayer: Sendable {
  /// Position of the node in the graph.
  var position: Int
  /// Name of the node.
  var name: String
  /// Operand that holds the weights; the bias follows.
  var slot: Int
  /// Axis of the weights that output channels run along.
  var axis: Int
  /// Number of weights.
  var count: Int
  /// The float bias.
  var bias: [Float]?
  /// Least magnitude of each output channel's scale.
  ///
  /// |bias integer| stays below 2^28, which leaves room for the folded zero point and the products.
  var floors: [Double]
  /// What scales for groups of input channels it can have.
  var groups: GroupSupport

  /// All layers of `graph` with float weights; `integer` has the quantization of their inputs.
  ///
  /// - Throws: `quantize.input.unquantized`, `quantize.weights.nonfinite`, all of them at once.
  static func all(in graph: Graph, integer: Graph) throws(Diagnostics) -> [WeightedLayer] {
    var layers: [WeightedLayer] = []
    var problems: [Diagnostic] = []
    for (position, node) in graph.nodes.enumerated() {
      guard let (slot, axis) = node.weightOperand,
        let weights = graph.constant(node.operands[slot]), weights.element == .float32
      else { continue }
      let place = SourcePlace(node: node.name, operatorName: node.spec.name)
      guard let input = node.operands[0], let scale = integer[input].type.quantization?.scale else {
        problems.append(
          Diagnostic(
            id: "quantize.input.unquantized", "the layer's input is not quantized", at: place))
        continue
      }
      let bias = graph.constant(node.biasOperand)?.floats
      guard weights.floats.allSatisfy(\.isFinite), bias?.allSatisfy(\.isFinite) ?? true else {
        problems.append(
          Diagnostic(
            id: "quantize.weights.nonfinite", "weights or bias are not finite", at: place))
        continue
      }
      let floors = (0..<weights.shape[axis]).map { channel in
        Double((bias?[channel] ?? 0).magnitude) / (scale * 0x1p28)
      }
      layers.append(
        WeightedLayer(
          position: position, name: node.name, slot: slot, axis: axis, count: weights.count,
          bias: bias, floors: floors, groups: GroupSupport(node, weights: weights, in: integer)))
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
    return layers
  }

  /// Least magnitude of each output channel's scale, or of the largest of its groups'.
  func floors(_ format: WeightFormat) -> [Double] {
    format.groupSize == nil ? floors : floors.map { $0 * DeviceScales.floorFactor }
  }
}

extension Node {
  /// The operand that holds the weights, and the axis of its output channels.
  var weightOperand: (slot: Int, axis: Int)? {
    for (slot, operand) in spec.operands.enumerated() where slot < operands.count {
      if case .weight(let axis) = operand.role { return (slot, axis) }
    }
    return nil
  }

  /// The bias.
  var biasOperand: ValueID? {
    for (slot, operand) in spec.operands.enumerated() where slot < operands.count {
      if operand.role == .bias { return operands[slot] }
    }
    return nil
  }
}

extension Graph {
  /// Replaces a layer's weights by what their integers stand for, and its bias.
  mutating func install(_ rounded: RoundedLayer, at layer: WeightedLayer) {
    let id = appendConstant(
      rounded.weights.dequantized, name: uniqueValueName("\(layer.name)/weights"))
    nodes[layer.position].operands[layer.slot] = id
    if let bias = rounded.bias { setBias(bias, ofNode: layer.position) }
  }
}
