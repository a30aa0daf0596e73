import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Gives every activation of a graph its quantization.
struct ActivationQuantizer {
  let graph: Graph
  let calibration: CalibrationSummary
  let options: QuantizationOptions
  /// The quantizations that training gave values, by what rounds them to steps.
  let given: [ValueID: Quantization]

  /// Takes what is to be quantized.
  init(graph: Graph, calibration: CalibrationSummary, options: QuantizationOptions) {
    self.graph = graph
    self.calibration = calibration
    self.options = options
    guard options.keepsTrainedSteps else {
      given = [:]
      return
    }
    given = graph.trainedSteps.compactMapValues { step in
      step.op.quantization(bits: options.narrowValues.contains(graph[step.result].name) ? 4 : 8)
    }
  }

  /// How the results of a node are quantized.
  private func rule(of node: Node) -> QuantizationRule {
    node.op is RoundToStep && !options.keepsTrainedSteps ? .inherit(0) : node.op.quantizationRule
  }

  /// The activations whose range is the quantizer's to choose, in graph order.
  ///
  /// Everything else is fixed by its operator or follows another value.
  func freeValues() -> [ValueID] {
    let values =
      graph.inputs
      + graph.nodes.flatMap { node -> [ValueID] in
        switch rule(of: node) {
        case .requantize, .shared: node.results
        case .inherit(let operand):
          // What inherits from a constant has nothing to inherit.
          graph.constant(node.operands[operand]) == nil ? [] : node.results
        case .fixed, .plain: []
        }
      }
    return values.filter { graph[$0].type.element == .float32 && given[$0] == nil }
  }

  /// The statistics of a value.
  ///
  /// - Throws: `quantize.statistics.missing`, `quantize.statistics.nonfinite`.
  func statistics(of id: ValueID) throws(Diagnostic) -> TensorStatistics {
    let name = graph[id].name
    guard let found = calibration.tensors[name] else {
      throw Diagnostic(
        id: "quantize.statistics.missing",
        "the calibration has no statistics of '\(name)'; calibrate this model again")
    }
    guard found.minimum.isFinite, found.maximum.isFinite else {
      throw Diagnostic(
        id: "quantize.statistics.nonfinite",
        "'\(name)' ranges over \(found.minimum)...\(found.maximum) in the calibration; "
          + "look for a division by zero or an overflow in the model")
    }
    return found
  }

  /// The range of a value by one method for its bits, rounded.
  func range(of id: ValueID, by method: RangeMethod) throws(Diagnostic) -> ActivationRange {
    let statistics = try statistics(of: id)
    return statistics.range(by: method, bits: isNarrow(id) ? 4 : 8).rounded
  }

  /// Whether a value has 4 bits.
  func isNarrow(_ id: ValueID) -> Bool { options.narrowValues.contains(graph[id].name) }

  /// The quantization for a range of a value: 16 bits symmetric for logits that only feed a softmax, or
  /// where all activations have 16 bits; 4 or 8 bits asymmetric for all else.
  func quantization(for range: ActivationRange, of id: ValueID, wide: Set<ValueID>) -> Quantization
  {
    wide.contains(id) || options.activationBits == 16
      ? range.symmetricQuantization(bits: 16, powerOfTwo: options.powerOfTwoScales)
      : range.quantization(bits: isNarrow(id) ? 4 : 8, powerOfTwo: options.powerOfTwoScales)
  }

  /// Longest row of 8-bit weights whose products with 16-bit activations are sure to fit 32 bits.
  private static let widestDepth = 448

  /// Values that are worth 16 bits: logits that a fully connected layer makes for a softmax alone, and
  /// averages that only a fully connected layer reads.
  ///
  /// They are few, cost two bytes an element for one or two calls, and spare the ranking of near ties.
  func wideValues() -> Set<ValueID> {
    let users = graph.users()
    var result: Set<ValueID> = []
    for node in graph.nodes where !node.results.contains(where: graph.outputs.contains) {
      let id = node.result
      guard users[id.index].count == 1 else { continue }
      let user = graph.nodes[users[id.index][0]]
      if node.op is FullyConnected, user.op is Softmax { result.insert(id) }
      if node.op is AveragePool2D, readsWide(user, id, users) { result.insert(id) }
    }
    return result
  }

  /// Whether `node`, or the one behind its reshape, is a fully connected layer that can read `id` in 16 bits.
  private func readsWide(_ node: Node, _ id: ValueID, _ users: [[Int]]) -> Bool {
    if node.op is Reshape, users[node.result.index].count == 1,
      !graph.outputs.contains(node.result)
    {
      return readsWide(graph.nodes[users[node.result.index][0]], node.result, users)
    }
    guard node.op is FullyConnected, node.operands[0] == id,
      let depth = graph.type(of: id).shape.last
    else { return false }
    return depth <= Self.widestDepth
  }

  /// Writes quantizations into `target`, given the chosen ones of the free values.
  func assign(_ chosen: [ValueID: Quantization], to target: inout Graph) {
    let chosen = chosen.merging(given) { _, trained in trained }
    for id in graph.inputs {
      if let quantization = chosen[id] { target.setActivation(id, quantization) }
    }
    for node in graph.nodes {
      for (index, id) in node.results.enumerated() {
        switch rule(of: node) {
        case .requantize, .shared:
          if let quantization = chosen[id] { target.setActivation(id, quantization) }
        case .inherit(let operand):
          if let source = node.operands[operand], target[source].constant == nil {
            if let quantization = target[source].type.quantization {
              target.setActivation(id, quantization)
            }
          } else if let quantization = chosen[id] {
            target.setActivation(id, quantization)
          }
        case .fixed(let quantization):
          if index == 0 { target.setActivation(id, given[id] ?? widened(quantization, of: node)) }
        case .plain: break
        }
      }
    }
  }

  /// The quantization that an operator fixes; where activations have 16 bits, that of a function of one
  /// number in 16 bits around 0.
  private func widened(_ fixed: Quantization, of node: Node) -> Quantization {
    guard options.activationBits == 16, node.op is Pointwise else { return fixed }
    let bound = fixed.dequantize(fixed.highest)
    return ActivationRange(low: -bound, high: bound)
      .symmetricQuantization(bits: 16, powerOfTwo: true)
  }

  /// Lets the operands of concatenations and the like share the result's quantization.
  ///
  /// They do where that costs little: the operand has no other user and at least half of the shared range; of
  /// 4 bits always, since no kernel rescales those.
  func unifyShared(_ chosen: inout [ValueID: Quantization]) {
    let users = graph.users()
    chosen.merge(given) { _, trained in trained }
    for node in graph.nodes.reversed() where node.op.quantizationRule == .shared {
      guard let shared = chosen[node.result] else { continue }
      for operand in node.operands.compactMap({ $0 }) {
        guard let own = chosen[operand], own.bits == shared.bits, given[operand] == nil,
          !graph.inputs.contains(operand), !graph.outputs.contains(operand),
          isNarrow(operand)
            || users[operand.index].count == 1 && own.scale * 2 >= shared.scale
        else { continue }
        chosen[operand] = shared
      }
    }
  }
}

extension Graph {
  /// Makes a float activation an integer one.
  fileprivate mutating func setActivation(_ id: ValueID, _ quantization: Quantization) {
    self[id].type.element = quantization.bits > 8 ? .int16 : .int8
    self[id].type.quantization = quantization
  }
}
