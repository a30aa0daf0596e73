import UQGraph
import UQNumerics
import UQOperators

/// A layer with constant weights, as the analysis of channels sees it: for each output and input
/// channel the weights between the two.
struct ChannelLayer {
  /// How channels are connected.
  enum Kind: Equatable {
    /// Every output reads every input.
    case dense
    /// Output `o` reads input `o / multiplier`.
    case depthwise(multiplier: Int)
    /// Outputs read the inputs of their group.
    case grouped
  }

  let operand: ValueID
  let kind: Kind
  let outputs: Int
  let inputs: Int
  /// Whether windows reach into padding, where inputs are 0.
  let isPadded: Bool
  private let weights: Tensor
  private let bias: [Float]
  private let clamp: Clamp
  private let taps: Int
  private let outputsPerGroup: Int
  private let inputsPerGroup: Int
  /// Weights below count as 0: next to the largest of the layer they are lost in single precision by 36
  /// further bits, so an activation would have to be 2³⁶ times another to show.
  private let negligible: Double

  /// Reads a node; `nil` for other operators and for weights that are not float constants.
  init?(_ node: Node, _ graph: Graph) {
    guard node.operands.count > 1, let x = node.operands[0],
      let weights = graph.constant(node.operands[1]), weights.element == .float32,
      let clamp = node.op.resultBounds
    else { return nil }
    let bias = node.operands.count > 2 ? node.operands[2] : nil
    guard bias == nil || graph.constant(bias)?.element == .float32 else { return nil }
    let shape = weights.shape
    operand = x
    self.weights = weights
    self.clamp = clamp
    switch node.op {
    case let op as Conv2D:
      kind = op.groups == 1 ? .dense : .grouped
      outputs = shape[0]
      inputsPerGroup = shape[3]
      inputs = shape[3] * op.groups
      taps = shape[1] * shape[2]
      outputsPerGroup = shape[0] / op.groups
      isPadded = op.window.padding != [0, 0, 0, 0]
    case let op as DepthwiseConv2D:
      kind = .depthwise(multiplier: op.multiplier)
      outputs = shape[2]
      inputsPerGroup = 1
      inputs = shape[2] / op.multiplier
      taps = shape[0] * shape[1]
      outputsPerGroup = op.multiplier
      isPadded = op.window.padding != [0, 0, 0, 0]
    case is FullyConnected:
      kind = .dense
      outputs = shape[0]
      inputsPerGroup = shape[1]
      inputs = shape[1]
      taps = 1
      outputsPerGroup = shape[0]
      isPadded = false
    default: return nil
    }
    negligible =
      0x1p-60
      * weights.withElements(Float.self) { values in
        Double(values.reduce(0) { max($0, $1.magnitude) })
      }
    self.bias = graph.constant(bias)?.floats ?? [Float](repeating: 0, count: outputs)
  }

  /// Calls `body` with every input channel, and weight, that an output reads.
  @inline(__always)
  private func forEachWeight(
    of output: Int, _ values: UnsafeBufferPointer<Float>, _ body: (Int, Double) -> Void
  ) {
    if case .depthwise(let multiplier) = kind {
      for tap in 0..<taps { body(output / multiplier, Double(values[tap * outputs + output])) }
      return
    }
    let first = output / outputsPerGroup * inputsPerGroup
    var position = output * taps * inputsPerGroup
    for _ in 0..<taps {
      for input in 0..<inputsPerGroup {
        body(first + input, Double(values[position]))
        position += 1
      }
    }
  }

  /// Bounds of the outputs for inputs within bounds.
  func ranges(of inputs: [ChannelRange]) -> [ChannelRange] {
    guard inputs.count == self.inputs else {
      return [ChannelRange](repeating: .unknown, count: outputs)
    }
    let seen = isPadded ? inputs.map { $0.hull(.constant(0)) } : inputs
    return weights.withElements(Float.self) { values in
      (0..<outputs).map { output in
        var low = Double(bias[output])
        var high = low
        forEachWeight(of: output, values) { input, weight in
          guard weight.magnitude > negligible else { return }
          let term = seen[input].scaled(by: weight)
          low += term.low
          high += term.high
        }
        let isSound = !low.isNaN && !high.isNaN && low <= high
        return (isSound ? ChannelRange(low: low, high: high) : .unknown).clamped(clamp)
      }
    }
  }

  /// The inputs that an output depends on, inputs that `isAbsorbed` left out.
  func inputs(readBy output: Int, isAbsorbed: (Int) -> Bool) -> Set<Int> {
    var result: Set<Int> = []
    weights.withElements(Float.self) { values in
      forEachWeight(of: output, values) { input, weight in
        if weight.magnitude > negligible, !isAbsorbed(input) { result.insert(input) }
      }
    }
    return result
  }

  /// The bias of the outputs with the part of dropped constant inputs added.
  func bias(absorbing constants: [Int: Double]) -> [Double] {
    weights.withElements(Float.self) { values in
      (0..<outputs).map { output in
        var sum = Double(bias[output])
        forEachWeight(of: output, values) { input, weight in
          if let value = constants[input] { sum += weight * value }
        }
        return sum
      }
    }
  }
}
