import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Gives every activation of a graph its quantization.
struct ActivationQuantizer {
  let graph: Graph
  let calibration: CalibrationSummary
  let options: QuantizationOptions

  /// The activations whose range is the quantizer's to choose, in graph order.
  ///
  /// Everything else is fixed by its operator or follows another value.
  func freeValues() -> [ValueID] {
    graph.inputs.filter { graph[$0].type.element == .float32 }
      + graph.nodes.flatMap { node -> [ValueID] in
        switch node.op.quantizationRule {
        case .requantize, .shared:
          node.results.filter { graph[$0].type.element == .float32 }
        case .inherit(let operand):
          // What inherits from a constant has nothing to inherit.
          graph.constant(node.operands[operand]) == nil
            ? [] : node.results.filter { graph[$0].type.element == .float32 }
        case .fixed, .plain: []
        }
      }
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

  /// The range of a value by one method, rounded; an input keeps all that was seen, since a sensor's
  /// full scale is no outlier.
  func range(of id: ValueID, by method: RangeMethod) throws(Diagnostic) -> ActivationRange {
    let statistics = try statistics(of: id)
    return statistics.range(by: graph.inputs.contains(id) ? .minmax : method).rounded
  }

  /// The quantization for a range of a value: 16 bits symmetric for logits that only feed a softmax, 8
  /// bits asymmetric for all else.
  func quantization(for range: ActivationRange, of id: ValueID, wide: Set<ValueID>) -> Quantization {
    wide.contains(id)
      ? range.symmetricQuantization(bits: 16, powerOfTwo: options.powerOfTwoScales)
      : range.quantization(bits: 8, powerOfTwo: options.powerOfTwoScales)
  }

  /// Values that a fully connected layer makes for a softmax alone.
  ///
  /// Their 16 bits cost two bytes an element for one call and spare the ranking of near ties.
  func wideLogits() -> Set<ValueID> {
    let users = graph.users()
    var result: Set<ValueID> = []
    for node in graph.nodes where node.op is FullyConnected {
      let id = node.result
      let following = users[id.index]
      if following.count == 1, !graph.outputs.contains(id),
        graph.nodes[following[0]].op is Softmax
      {
        result.insert(id)
      }
    }
    return result
  }

  /// Writes quantizations into `target`, given the chosen ones of the free values.
  func assign(_ chosen: [ValueID: Quantization], to target: inout Graph) {
    for id in graph.inputs {
      if let quantization = chosen[id] { target.setActivation(id, quantization) }
    }
    for node in graph.nodes {
      for (index, id) in node.results.enumerated() {
        switch node.op.quantizationRule {
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
          if index == 0 { target.setActivation(id, quantization) }
        case .plain: break
        }
      }
    }
  }

  /// Lets the operands of concatenations and the like share the result's quantization where that costs
  /// little: the operand has no other user and at least half of the shared range.
  func unifyShared(_ chosen: inout [ValueID: Quantization]) {
    let users = graph.users()
    for node in graph.nodes.reversed() where node.op.quantizationRule == .shared {
      guard let shared = chosen[node.result] else { continue }
      for operand in node.operands.compactMap({ $0 }) {
        guard let own = chosen[operand], users[operand.index].count == 1,
          !graph.inputs.contains(operand), !graph.outputs.contains(operand), own.bits == shared.bits,
          own.scale * 2 >= shared.scale
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
