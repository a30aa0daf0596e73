import UQGraph
import UQNumerics
import UQSupport

/// Import of convolutions whose channels TVM's passes laid out in blocks (`NCHW4c`, `OIHW4i8o`): the plain
/// convolution between two changes of layout.
public enum BlockedConvolution: ForeignOperator {
  /// The rules, one for each name.
  public static var imports: [ImportRule] {
    ["nn.contrib_conv2d_NCHWc", "nn.contrib_depthwise_conv2d_NCHWc"].map { name in
      .relay(name) { node, builder throws(Diagnostic) in try convolved(node, &builder) }
    }
  }

  private static func convolved(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let layout = try node.text("data_layout", default: "NCHW")
    let result = try node.text("out_layout", default: layout)
    let image = try relaidOut(node, &builder, 0, "data", from: layout, to: "NCHW")
    let weights = try relaidOut(
      node, &builder, 1, "weight", from: try node.text("kernel_layout", default: "OIHW"), to: "OIHW"
    )
    var plain = step(node, "plain")
    plain.operatorName = "nn.conv2d"
    plain.operands = [image, weights]
    plain.attributes["data_layout"] = .string("NCHW")
    plain.attributes["kernel_layout"] = .string("OIHW")
    plain.attributes["out_layout"] = nil
    let rule = Conv2D.imports.first { $0.dialect == .relay && $0.operatorName == "nn.conv2d" }
    guard let made = try rule?.build(plain, &builder).first else { return [] }
    return try SpaceToDepth.relaidOut(node, &builder, made, from: "NCHW", to: result)
  }

  private static func relaidOut(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ index: Int, _ role: String,
    from layout: String, to plain: String
  ) throws(Diagnostic) -> ValueID {
    let x = try node.operand(index, role)
    if layout == plain { return x }
    return try SpaceToDepth.relaidOut(
      step(node, role), &builder, x, from: layout, to: plain)[0]
  }

  private static func step(_ node: ForeignNode, _ name: String) -> ForeignNode {
    var step = node
    step.name = "\(node.name):\(name)"
    step.results = ["\(node.results.first ?? node.name):\(name)"]
    return step
  }
}
