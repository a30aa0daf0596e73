import UQGraph
import UQNumerics
import UQSupport

/// Import of ONNX `BatchNormalization` in inference: `Multiply` and `Add` with constants per channel.
public enum BatchNormalization: ForeignOperator {
  /// The rules.
  public static var imports: [ImportRule] {
    [
      .onnx("BatchNormalization") { node, builder throws(Diagnostic) in
        guard node.results.dropFirst().allSatisfy(\.isEmpty),
          try node.int("training_mode", default: 0) == 0
        else {
          throw Diagnostic(
            id: "import.batch-normalization.training",
            "computes statistics of the batch (training mode); export the model for inference",
            at: node.place)
        }
        let isSpatial = try node.int("spatial", default: 1) != 0
        return try builder.addNormalization(
          node, epsilon: Double(try node.float("epsilon", default: 1e-5)), isSpatial: isSpatial)
      },
      .relay("nn.batch_norm") { node, builder throws(Diagnostic) in
        let y = try builder.addNormalization(
          node, epsilon: Double(try node.float("epsilon", default: 1e-5)), isSpatial: true,
          axis: try node.int("axis", default: 1), scales: try node.flag("scale", default: true),
          centers: try node.flag("center", default: true))
        return y + [try node.operand(3, "moving_mean"), try node.operand(4, "moving_var")]
      },
    ]
  }
}

extension GraphBuilder {
  /// Adds `x · s + t` with `s = scale / √(variance + ε)` and `t = bias − mean · s`.
  ///
  /// - Throws: `import.batch-normalization.*`.
  fileprivate mutating func addNormalization(
    _ node: ForeignNode, epsilon: Double, isSpatial: Bool, axis: Int = 1, scales: Bool = true,
    centers: Bool = true
  ) throws(Diagnostic) -> [ValueID] {
    let x = type(of: try node.operand(0, "X"))
    guard x.shape.rank >= 2, x.element.isFloat else {
      throw Diagnostic(
        id: "import.batch-normalization.operand",
        "x is \(x), expected floating-point numbers [N, C, ...]", at: node.place)
    }
    let channelAxis = try node.axis(axis, rank: x.shape.rank)
    let shape = try node.shape(
      x.shape.indices.map {
        isSpatial ? ($0 == channelAxis ? x.shape[$0] : 1) : $0 == 0 ? 1 : x.shape[$0]
      })
    var parameters: [[Double]] = []
    for (index, role) in ["scale", "B", "input_mean", "input_var"].enumerated() {
      if index == 0 && !scales || index == 1 && !centers {
        parameters.append([Double](repeating: index == 0 ? 1 : 0, count: shape.count))
        continue
      }
      let id = try node.operand(index + 1, role)
      guard let tensor = constant(id), tensor.count == shape.count, tensor.element.isFloat else {
        throw Diagnostic(
          id: "import.batch-normalization.parameters",
          "operand \(index + 1) (\(role)) is \(type(of: id))"
            + "\(constant(id) == nil ? " and not constant" : ""), expected a constant of "
            + "\(shape.count) numbers for x \(x.shape)", at: node.place)
      }
      parameters.append(tensor.converted(to: .float64).elements(Double.self))
    }
    guard parameters[3].allSatisfy({ $0 + epsilon > 0 }) else {
      throw Diagnostic(
        id: "import.batch-normalization.variance",
        "a variance plus epsilon \(epsilon) is not positive", at: node.place)
    }
    let factors = zip(parameters[0], parameters[3]).map { $0 / ($1 + epsilon).squareRoot() }
    let offsets = zip(parameters[1], zip(parameters[2], factors)).map { $0 - $1.0 * $1.1 }
    let factor = addConstant(
      Tensor(doubles: factors, x.element, shape), name: "\(node.name):factor")
    let offset = addConstant(
      Tensor(doubles: offsets, x.element, shape), name: "\(node.name):offset")
    let scaled = try addStep(
      Multiply(activation: .none), [node.operands[0], factor], "scaled", of: node)
    return try add(Add(activation: .none), [scaled, offset], as: node)
  }
}
