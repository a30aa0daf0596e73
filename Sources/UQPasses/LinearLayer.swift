import UQGraph
import UQNumerics
import UQOperators

/// A convolution or fully connected layer with constant weights, as passes change it.
struct LinearLayer {
  /// Channels of the result.
  let outputs: Int
  /// Channels of the operand.
  let inputs: Int
  /// The weights, laid out as the operator has them.
  var weights: [Double]
  /// The bias; zeros where there is none.
  var bias: [Double]
  /// Whether the window reaches into padding.
  let isPadded: Bool
  private let shape: Shape
  private let kind: Kind

  private enum Kind {
    case dense(perGroup: Int, outputsPerGroup: Int)
    case depthwise(multiplier: Int)
  }

  /// Takes the layer apart; `nil` for other operators and for weights that are not float constants.
  init?(_ node: Node, weights: Tensor?, bias: Tensor?) {
    guard let weights, weights.element == .float32, bias?.element ?? .float32 == .float32,
      bias != nil || node.operands.count < 3 || node.operands[2] == nil
    else { return nil }
    shape = weights.shape
    switch node.op {
    case let op as Conv2D:
      outputs = shape[0]
      inputs = shape[3] * op.groups
      kind = .dense(perGroup: shape[3], outputsPerGroup: shape[0] / op.groups)
      isPadded = op.window.padding != [0, 0, 0, 0]
    case let op as DepthwiseConv2D:
      outputs = shape[2]
      inputs = shape[2] / op.multiplier
      kind = .depthwise(multiplier: op.multiplier)
      isPadded = op.window.padding != [0, 0, 0, 0]
    case is FullyConnected:
      outputs = shape[0]
      inputs = shape[1]
      kind = .dense(perGroup: shape[1], outputsPerGroup: shape[0])
      isPadded = false
    default: return nil
    }
    self.weights = weights.withElements(Float.self) { $0.map(Double.init) }
    self.bias =
      bias.map { $0.withElements(Float.self) { $0.map(Double.init) } }
      ?? [Double](repeating: 0, count: outputs)
  }

  /// Output and input channel of a weight.
  func channels(ofWeight index: Int) -> (output: Int, input: Int) {
    switch kind {
    case .dense(let perGroup, let outputsPerGroup):
      let output = index / (weights.count / outputs)
      return (output, output / outputsPerGroup * perGroup + index % perGroup)
    case .depthwise(let multiplier):
      let output = index % outputs
      return (output, output / multiplier)
    }
  }

  /// Has the layer compute `scale · y + offset` for each output channel.
  mutating func scaleOutputs(_ scale: [Double], _ offset: [Double]) {
    for index in weights.indices { weights[index] *= scale[channels(ofWeight: index).output] }
    for output in 0..<outputs { bias[output] = bias[output] * scale[output] + offset[output] }
  }

  /// Has the layer take `scale · x + offset` for each input channel; padding must see no offset.
  mutating func scaleInputs(_ scale: [Double], _ offset: [Double]) {
    for index in weights.indices {
      let (output, input) = channels(ofWeight: index)
      bias[output] += weights[index] * offset[input]
      weights[index] *= scale[input]
    }
  }

  /// The weights as a tensor.
  var weightTensor: Tensor { Tensor(weights.map(Float.init), shape) }
  /// The bias as a tensor.
  var biasTensor: Tensor { Tensor(bias.map(Float.init), [outputs]) }
  /// Whether all numbers are finite in single precision.
  var isFinite: Bool {
    (weights + bias).allSatisfy { Float($0).isFinite }
  }
}

extension LinearLayer {
  /// Takes a layer of the graph apart.
  init?(_ node: Node, in editor: GraphEditor) {
    guard node.operands.count > 1 else { return nil }
    let bias = node.operands.count > 2 ? node.operands[2] : nil
    self.init(node, weights: editor.constant(node.operands[1]), bias: editor.constant(bias))
  }

  /// Gives the node the layer's constants; `uses` is how often it is counted as their user.
  func store(in node: inout Node, _ editor: inout GraphEditor, uses: Int) {
    guard let weights = node.operands[1] else { return }
    node.operands[1] = editor.replaceConstant(weights, with: weightTensor, uses: uses)
    if node.operands.count > 2, let old = node.operands[2] {
      node.operands[2] = editor.replaceConstant(old, with: biasTensor, uses: uses)
    } else if bias.contains(where: { $0 != 0 }) {
      node.operands = [
        node.operands[0], node.operands[1],
        editor.addConstant(biasTensor, node.name + ":bias"),
      ]
    }
  }
}
