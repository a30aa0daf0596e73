import UQGraph
import UQNumerics
import UQSupport

/// Import of nodes that pass their operand on: `Identity`, and `Dropout`, which does nothing outside
/// training.
public enum Identity: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    return [
      .onnx("Identity") { node, _ throws(Diagnostic) in [try node.operand(0, "input")] },
      .onnx("Dropout") { node, builder throws(Diagnostic) in try dropout(node, &builder) },
      .relay("nn.dropout") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let type = builder.type(of: x)
        let one = builder.addConstant(
          Tensor(doubles: [1], type.element, []), name: "\(node.name):one")
        // The mask, which nothing reads in inference.
        return [x, try builder.addStep(Broadcast(shape: type.shape), [one], "mask", of: node)]
      },
    ]
      + [
        "annotation.cast_hint", "annotation.checkpoint", "annotation.compiler_begin",
        "annotation.compiler_end", "annotation.stop_fusion", "copy", "device_copy", "on_device",
      ].map { .relay($0) { node, _ throws(Diagnostic) in [try node.operand(0, "data")] } }
  }

  /// The mask, where it is asked for, is true everywhere.
  private static func dropout(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let x = try node.operand(0, "data")
    if let training = try builder.optionalScalar(node, 2, "training_mode"), training != 0 {
      let ratio = try builder.optionalScalar(node, 1, "ratio") ?? 0.5
      guard ratio == 0 else {
        throw Diagnostic(
          id: "import.dropout.training", "drops elements at ratio \(ratio) in training mode",
          at: node.place)
      }
    }
    guard node.results.count > 1, !node.results[1].isEmpty else { return [x] }
    let type = builder.type(of: x)
    // Before operator set 10 the mask had the operand's element type.
    let element: ElementType = node.version < 10 ? type.element : .bool
    let one = builder.addConstant(
      Tensor([true], []).converted(to: element), name: "\(node.name):true")
    let mask = try builder.add(
      Broadcast(shape: type.shape), [one], name: "\(node.name):mask", results: [node.results[1]],
      place: node.place)
    return [x] + mask
  }
}
