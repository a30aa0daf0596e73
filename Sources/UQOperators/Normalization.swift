import UQGraph
import UQNumerics
import UQSupport

/// Import of normalizations that take their statistics from the data, as elementwise operators and
/// means.
public enum Normalization: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .relay("nn.layer_norm") { node, builder throws(Diagnostic) in
        let shape = builder.shape(of: try node.operand(0, "data"))
        let axis = try node.axis(try node.int("axis", default: -1), rank: shape.rank)
        return try normalized(node, &builder, over: [axis], axis: axis)
      },
      .relay("nn.instance_norm") { node, builder throws(Diagnostic) in
        let shape = builder.shape(of: try node.operand(0, "data"))
        let axis = try node.axis(try node.int("axis", default: 1), rank: shape.rank)
        return try normalized(
          node, &builder, over: (1..<shape.rank).filter { $0 != axis }, axis: axis)
      },
      .relay("nn.group_norm") { node, builder throws(Diagnostic) in
        try groupNormalized(
          node, &builder, groups: try node.int("num_groups", default: 0),
          axis: try node.int("axis", default: 1))
      },
      .relay("nn.l2_normalize") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        try node.requireFloat(builder.type(of: x))
        let rank = builder.shape(of: x).rank
        let axes = try node.axes(try node.listed("axis") ?? Array(0..<rank), rank: rank)
        let sum = try builder.addStep(
          Reduce(kind: .sumSquare, axes: axes, keepsDimensions: true), [x], "sum", of: node)
        let epsilon = builder.addConstant(
          Tensor(doubles: [Double(try node.float("eps"))], builder.type(of: x).element, []),
          name: "\(node.name):eps")
        let bounded = try builder.addStep(Maximum(), [sum, epsilon], "bounded", of: node)
        let root = try builder.addStep(Pointwise(function: .sqrt), [bounded], "norm", of: node)
        return try builder.add(Divide(), [x, root], as: node)
      },
      .relay("nn.lrn") { node, builder throws(Diagnostic) in
        try locallyNormalized(
          node, &builder, axis: try node.int("axis", default: 1),
          bias: try node.float("bias", default: 2))
      },
      .onnx("LRN") { node, builder throws(Diagnostic) in
        try locallyNormalized(
          node, &builder, axis: 1, bias: try node.float("bias", default: 1))
      },
      .onnx("InstanceNormalization") { node, builder throws(Diagnostic) in
        let rank = builder.shape(of: try node.operand(0, "input")).rank
        return try normalized(node, &builder, over: Array(2..<max(rank, 2)), axis: 1)
      },
      .onnx("LayerNormalization") { node, builder throws(Diagnostic) in
        guard node.results.dropFirst().allSatisfy(\.isEmpty) else {
          throw Diagnostic(
            id: "import.layer-normalization.statistics",
            "the mean and deviation are asked for; only the normalized tensor is computed",
            at: node.place)
        }
        let rank = builder.shape(of: try node.operand(0, "X")).rank
        let axis = try node.axis(try node.int("axis", default: -1), rank: rank)
        return try normalized(node, &builder, over: Array(axis..<rank), axis: nil)
      },
    ]
  }

  /// `(x − mean) / √(variance + ε) · gamma + beta`, the statistics over `axes`; gamma and beta are
  /// lists along `axis`, or broadcast where there is none.
  private static func normalized(
    _ node: ForeignNode, _ builder: inout GraphBuilder, over axes: [Int], axis: Int?
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "data")
    let standard = try standardized(x, over: axes, node, &builder)
    return try scaled(standard, like: x, axis: axis, node, &builder)
  }

  private static func standardized(
    _ x: ValueID, over axes: [Int], _ node: ForeignNode, _ builder: inout GraphBuilder
  ) throws(Diagnostic) -> ValueID {
    try node.requireFloat(builder.type(of: x))
    let mean = try builder.addStep(
      Reduce(kind: .mean, axes: axes, keepsDimensions: true), [x], "mean", of: node)
    let difference = try builder.addStep(Subtract(), [x, mean], "difference", of: node)
    let square = try builder.addStep(Multiply(), [difference, difference], "square", of: node)
    let variance = try builder.addStep(
      Reduce(kind: .mean, axes: axes, keepsDimensions: true), [square], "variance", of: node)
    let epsilon = try node.float("epsilon", default: 1e-5)
    let raised = try builder.addStep(
      Pointwise(function: .affine(scale: 1, offset: epsilon)), [variance], "raised", of: node)
    let inverse = try builder.addStep(
      Pointwise(function: .power(exponent: -0.5)), [raised], "inverse", of: node)
    return try builder.addStep(Multiply(), [difference, inverse], "standard", of: node)
  }

  private static func scaled(
    _ standard: ValueID, like x: ValueID, axis: Int?, _ node: ForeignNode,
    _ builder: inout GraphBuilder
  ) throws(Diagnostic) -> [ValueID] {
    let scales = try node.flag("scale", default: true)
    let centers = try node.flag("center", default: true)
    var result = standard
    if scales {
      var gamma = try node.operand(1, "gamma")
      if let axis { gamma = try builder.alignedToAxis(gamma, axis, of: x, "gamma", node) }
      guard centers, node.optionalOperand(2) != nil else {
        return try builder.add(Multiply(), [result, gamma], as: node)
      }
      result = try builder.addStep(Multiply(), [result, gamma], "scaled", of: node)
    }
    guard centers else { return [result] }
    var beta = try node.operand(2, "beta")
    if let axis { beta = try builder.alignedToAxis(beta, axis, of: x, "beta", node) }
    return try builder.add(Add(), [result, beta], as: node)
  }

  private static func groupNormalized(
    _ node: ForeignNode, _ builder: inout GraphBuilder, groups: Int, axis: Int
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "data")
    let shape = builder.shape(of: x)
    let axis = try node.axis(axis, rank: shape.rank)
    guard axis > 0, groups > 0, shape[axis] % groups == 0 else {
      throw Diagnostic(
        id: "import.group-norm.groups",
        "\(groups) groups do not divide axis \(axis) of \(shape)", at: node.place)
    }
    var extents = shape.dimensions
    extents.replaceSubrange(axis...axis, with: [groups, shape[axis] / groups])
    let split = try builder.addStep(
      Reshape(shape: try node.shape(extents)), [x], "groups", of: node)
    let standard = try standardized(
      split, over: (1...shape.rank).filter { $0 != axis }, node, &builder)
    let whole = try builder.addStep(Reshape(shape: shape), [standard], "whole", of: node)
    return try scaled(whole, like: x, axis: axis, node, &builder)
  }

  /// `x · (bias + α/size · Σ x²)^−β`, the sum over neighbours along an axis.
  private static func locallyNormalized(
    _ node: ForeignNode, _ builder: inout GraphBuilder, axis: Int, bias: Float
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "data")
    try node.requireFloat(builder.type(of: x))
    let shape = builder.shape(of: x)
    let axis = try node.axis(axis, rank: shape.rank)
    let size = try node.int("size", default: 5)
    let alpha = try node.float("alpha", default: 1e-4)
    let beta = try node.float("beta", default: 0.75)
    guard (1...255).contains(size) else {
      throw Diagnostic(
        id: "import.lrn.size", "sums \(size) neighbours; 1 to 255 are supported", at: node.place)
    }
    let square = try builder.addStep(Multiply(), [x, x], "square", of: node)
    var before = shape.map { _ in 0 }
    var after = before
    before[axis] = (size - 1) / 2
    after[axis] = size - 1 - before[axis]
    let padded = try builder.addStep(
      Pad(before: before, after: after), [square], "padded", of: node)
    var sum: ValueID?
    for offset in 0..<size {
      var starts = shape.map { _ in 0 }
      var ends = shape.dimensions
      starts[axis] = offset
      ends[axis] = offset + shape[axis]
      let term = try builder.addStep(
        Slice(starts: starts, ends: ends), [padded], "term\(offset)", of: node)
      if let partial = sum {
        sum = try builder.addStep(Add(), [partial, term], "sum\(offset)", of: node)
      } else {
        sum = term
      }
    }
    let raised = try builder.addStep(
      Pointwise(function: .affine(scale: alpha / Float(size), offset: bias)), [sum ?? square],
      "raised", of: node)
    let factor = try builder.addStep(
      Pointwise(function: .power(exponent: -beta)), [raised], "factor", of: node)
    return try builder.add(Multiply(), [x, factor], as: node)
  }
}
