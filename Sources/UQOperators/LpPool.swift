import UQGraph
import UQNumerics
import UQSupport

/// Import of ONNX `LpPool` and `GlobalLpPool`: `(Σ |x|^p)^(1/p)` from powers around an average pooling.
public enum LpPool: ForeignOperator {
  /// The rules.
  public static var imports: [ImportRule] {
    [
      .onnx("LpPool") { node, builder throws(Diagnostic) in
        let shape = builder.shape(of: try node.operand(0, "X"))
        let window = try SpatialWindow(
          onnx: node, kernel: try node.poolingKernel(),
          input: try node.spatialExtents(shape, "pool"))
        return [try builder.addLpPool(node) { _ in window.window2D }]
      },
      .onnx("GlobalLpPool") { node, builder throws(Diagnostic) in
        _ = try node.spatialExtents(builder.shape(of: try node.operand(0, "X")), "pool")
        return [
          try builder.addLpPool(node) { Window2D(kernel: [$0[1], $0[2]]) }
        ]
      },
    ]
  }
}

extension GraphBuilder {
  /// Adds the pooling of operand 0 by the window for its shape `[N, H, W, C]`.
  ///
  /// The mean counts padding, so the mean times the window's elements is the sum.
  ///
  /// - Throws: `import.pool.exponent`.
  fileprivate mutating func addLpPool(
    _ node: ForeignNode, _ window: (Shape) -> Window2D
  ) throws(Diagnostic) -> ValueID {
    let x = try node.operand(0, "X")
    let rank = shape(of: x).rank
    let p = try node.float("p", default: 2)
    guard p >= 1, p.isFinite else {
      throw Diagnostic(
        id: "import.pool.exponent", "attribute 'p' is \(p), expected 1 or more", at: node.place)
    }
    let image = try channelsLast(x, of: node)
    let window = window(shape(of: image))
    var powers = try addStep(Pointwise(function: .abs), [image], "abs", of: node)
    if p != 1 {
      powers = try addStep(Pointwise(function: .power(exponent: p)), [powers], "powers", of: node)
    }
    let mean = try addStep(
      AveragePool2D(window: window, includesPadding: window.padding != [0, 0, 0, 0]), [powers],
      "mean", of: node)
    let elements = addConstant(
      Tensor(
        doubles: [Double(window.kernel[0]) * Double(window.kernel[1])], type(of: mean).element, []),
      name: "\(node.name):elements")
    let scale = Multiply(activation: .none)
    guard p != 1 else { return try addSpatial(scale, [mean, elements], of: node, rank: rank) }
    let sum = try addStep(scale, [mean, elements], "sum", of: node)
    return try addSpatial(
      Pointwise(function: .power(exponent: 1 / p)), [sum], of: node, rank: rank)
  }
}
