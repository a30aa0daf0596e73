import UQGraph
import UQNumerics
import UQSupport

extension GraphBuilder {
  /// Adds a Relay convolution of one or two spatial axes over floating-point numbers.
  ///
  /// - Throws: `import.relay.*`, `import.window.*`, `shape.conv2d.*`.
  mutating func addConvolution(
    _ node: ForeignNode, dataLayout: String, kernelLayout: String
  ) throws(Diagnostic) -> ValueID {
    let data = try node.operand(0, "data")
    try node.requireFloat(type(of: data))
    let layout = try node.text("data_layout", default: dataLayout)
    let result = try node.text("out_layout", default: layout)
    let x = try channelsLast(data, layout: layout, of: node)
    let isLine = !dataLayout.contains("H")
    let weights = try addKernel(
      node, try node.text("kernel_layout", default: kernelLayout), isLine: isLine)
    let (image, kernel) = (shape(of: x), shape(of: weights))
    let groups = try node.int("groups", default: 1)
    let channels = image[3]
    let window = try SpatialWindow(
      relay: node, kernel: isLine ? [kernel[2]] : [kernel[1], kernel[2]],
      input: isLine ? [image[2]] : [image[1], image[2]])
    if let given = try node.listed("kernel_size"), given != window.kernel {
      throw Diagnostic(
        id: "import.conv.kernel", "kernel_size is \(given), that of the weights \(window.kernel)",
        at: node.place)
    }
    if groups == channels, groups > 1 {
      // The weights are [C, kh, kw, m] or [C · m, kh, kw, 1].
      let outputs = kernel[0] * kernel[3]
      guard outputs % channels == 0, kernel[3] == 1 || kernel[0] == channels else {
        throw Diagnostic(
          id: "shape.conv2d.channels",
          "depthwise weights \(kernel) do not go with the \(channels) channels of x",
          at: node.place)
      }
      let moved = try addStep(
        Transpose(permutation: [1, 2, 0, 3]), [weights], "taps", of: node)
      let taps = try addStep(
        Reshape(shape: [kernel[1], kernel[2], outputs]), [moved], "hwc", of: node)
      let op = DepthwiseConv2D(window: window.window2D, multiplier: outputs / channels)
      return try addSpatial(op, [x, taps], layout: result, of: node)
    }
    let op = Conv2D(window: window.window2D, groups: groups)
    return try addSpatial(op, [x, weights], layout: result, of: node)
  }

  /// Operand 1 in a layout such as `OIHW` as `[O, H, W, I]`.
  ///
  /// - Throws: `import.relay.layout`.
  mutating func addKernel(
    _ node: ForeignNode, _ layout: String, isLine: Bool
  ) throws(Diagnostic) -> ValueID {
    let weights = try node.operand(1, "weight")
    try node.requireFloat(type(of: weights))
    let order = try node.order(layout, of: isLine ? "OWI" : "OHWI")
    guard shape(of: weights).rank == order.count else {
      throw Diagnostic(
        id: "import.relay.layout",
        "kernel_layout '\(layout)' does not go with weights \(shape(of: weights))", at: node.place)
    }
    var turned = weights
    if order != Array(0..<order.count) {
      turned = try addStep(
        Transpose(permutation: order), [weights], isLine ? "owi" : "ohwi", of: node)
    }
    guard isLine else { return turned }
    let shape = shape(of: turned)
    return try addStep(
      Reshape(shape: [shape[0], 1, shape[1], shape[2]]), [turned], "ohwi", of: node)
  }
}
