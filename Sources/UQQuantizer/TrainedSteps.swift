import UQGraph
import UQNumerics
import UQOperators

/// The steps that a network was trained to round an activation to.
struct TrainedStep {
  var op: RoundToStep
  /// What is rounded so.
  var result: ValueID
}

extension Graph {
  /// The values that are rounded to steps, and those that are moved or clipped on the way there.
  ///
  /// What else reads such a value gets steps of 8 bits as well, but none of fewer, and none of a port.
  ///
  /// - Complexity: O(nodes).
  var trainedSteps: [ValueID: TrainedStep] {
    var result: [ValueID: TrainedStep] = [:]
    guard nodes.contains(where: { $0.op is RoundToStep }) else { return result }
    let users = users()
    let producers = producers()
    for node in nodes {
      guard let op = node.op as? RoundToStep, op.bits != nil else { continue }
      let step = TrainedStep(op: op, result: node.result)
      result[node.result] = step
      var next = node.operands[0]
      while let id = next, constant(id) == nil, !outputs.contains(id),
        users[id.index].count == 1 || op.bits == 8, self[id].type.element == .float32,
        result[id] == nil
      {
        let producer = producers[id.index].map { nodes[$0].op }
        let operand = producers[id.index].flatMap { nodes[$0].operands.first ?? nil }
        next = nil
        switch producer?.quantizationRule ?? .requantize {
        case .requantize, .shared:
          result[id] = step
          if producer is Clip { next = operand }
        case .inherit(0):
          result[id] = step
          next = operand
        // A table has any scale.
        case .fixed where producer is Pointwise: result[id] = step
        case .inherit, .fixed, .plain: break
        }
      }
    }
    return result
  }
}
