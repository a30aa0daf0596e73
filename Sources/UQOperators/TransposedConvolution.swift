import UQGraph
import UQNumerics
import UQSupport

/// Import of transposed convolutions of one or two spatial axes: zeros between the pixels, then a
/// convolution by the mirrored kernel.
public enum TransposedConvolution: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .relay("nn.conv1d_transpose") { node, builder throws(Diagnostic) in
        [try builder.addTransposed(node, dataLayout: "NCW", kernelLayout: "IOW")]
      },
      .relay("nn.conv2d_transpose") { node, builder throws(Diagnostic) in
        [try builder.addTransposed(node, dataLayout: "NCHW", kernelLayout: "IOHW")]
      },
      .onnx("ConvTranspose") { node, builder throws(Diagnostic) in
        [try builder.addOnnxTransposed(node)]
      },
    ]
  }
}

extension GraphBuilder {
  /// The weights are `[I, O / groups]` by their letters; a layout that names `O` first is that of TVM
  /// up to 0.11, which printed `OIHW` for the same array.
  fileprivate mutating func addTransposed(
    _ node: ForeignNode, dataLayout: String, kernelLayout: String
  ) throws(Diagnostic) -> ValueID {
    let data = try node.operand(0, "data")
    try node.requireFloat(type(of: data))
    let layout = try node.text("data_layout", default: dataLayout)
    let isLine = !dataLayout.contains("H")
    let x = try channelsLast(data, layout: layout, of: node)
    let groups = try node.int("groups", default: 1)
    let channels = shape(of: x)[3]
    var kernelName = try node.text("kernel_layout", default: kernelLayout)
    let own = shape(of: try node.operand(1, "weight"))
    // The first kind of old programs had the input channels where the layout says O.
    let swapped = String(
      kernelName.map { $0 == "I" ? "O" : $0 == "O" ? "I" : $0 })
    let inputs = try node.order(kernelName, of: isLine ? "OWI" : "OHWI")[isLine ? 2 : 3]
    let others = try node.order(swapped, of: isLine ? "OWI" : "OHWI")[isLine ? 2 : 3]
    guard inputs < own.rank, others < own.rank else {
      throw Diagnostic(
        id: "import.relay.layout", "kernel_layout '\(kernelName)' does not go with \(own)",
        at: node.place)
    }
    let outputs = try node.optionalInt("channels")
    let isOld =
      kernelName.first == "O"
      && (own[inputs] != channels || outputs.map { own[others] != $0 / max(groups, 1) } ?? false)
    if isOld { kernelName = swapped }
    let weights = try addKernel(node, kernelName, isLine: isLine)
    let kernel = shape(of: weights)
    let image = shape(of: x)
    let window = try SpatialWindow(
      relay: node, kernel: isLine ? [kernel[2]] : [kernel[1], kernel[2]],
      input: isLine ? [image[2]] : [image[1], image[2]])
    let extra = try node.listed("output_padding") ?? [0]
    return try addTransposed(
      node, x, weights, nil, window, groups: groups,
      outputPadding: window.kernel.indices.map { extra[min($0, extra.count - 1)] },
      layout: try node.text("out_layout", default: layout))
  }

  fileprivate mutating func addOnnxTransposed(_ node: ForeignNode) throws(Diagnostic) -> ValueID {
    let data = try node.operand(0, "X")
    let extents = try node.spatialExtents(shape(of: data), "conv-transpose")
    let isLine = extents.count == 1
    let weights = try addKernel(node, isLine ? "IOW" : "IOHW", isLine: isLine)
    let kernel = shape(of: weights)
    var window = try SpatialWindow(
      onnx: node, kernel: isLine ? [kernel[2]] : [kernel[1], kernel[2]], input: extents)
    let name = try node.string("auto_pad", default: "NOTSET")
    var extra = try node.ints("output_padding") ?? window.kernel.map { _ in 0 }
    guard extra.count == extents.count else {
      throw Diagnostic(
        id: "import.window.rank", "output_padding \(extra) for \(extents.count) axes",
        at: node.place)
    }
    let wanted = try node.ints("output_shape")
    for axis in extents.indices {
      let span = (window.kernel[axis] - 1) * window.dilations[axis] + 1
      let full = (extents[axis] - 1) * window.strides[axis] + span + extra[axis]
      var target: Int?
      if let wanted, wanted.count >= extents.count {
        target = wanted[wanted.count - extents.count + axis]
      } else if name.hasPrefix("SAME") {
        target = extents[axis] * window.strides[axis]
      }
      guard let target else { continue }
      let total = max(full - target, 0)
      window.before[axis] = name == "SAME_UPPER" ? total / 2 : total - total / 2
      window.after[axis] = total - window.before[axis]
      extra[axis] += max(target - full, 0)
    }
    return try addTransposed(
      node, try channelsLast(data, of: node), weights, node.optionalOperand(2), window,
      groups: try node.int("group", default: 1), outputPadding: extra,
      layout: isLine ? "NCW" : "NCHW")
  }

  /// - Parameters:
  ///   - x: `[N, H, W, C]`.
  ///   - weights: `[O / groups, kh, kw, C]`.
  private mutating func addTransposed(
    _ node: ForeignNode, _ x: ValueID, _ weights: ValueID, _ bias: ValueID?,
    _ window: SpatialWindow, groups: Int, outputPadding: [Int], layout: String
  ) throws(Diagnostic) -> ValueID {
    let window2D = window.window2D
    let shape = shape(of: x)
    let kernel = self.shape(of: weights)
    let channels = shape[3]
    guard kernel[3] == channels, groups > 0, channels % groups == 0,
      outputPadding.allSatisfy({ (0...1 << 20).contains($0) })
    else {
      throw Diagnostic(
        id: "shape.conv2d.channels",
        "weights \(kernel) in \(groups) groups with output_padding \(outputPadding) do not go with x"
          + " \(shape)", at: node.place)
    }
    let stretched = try addStretched(x, window2D.strides, of: node)
    // [O/g, kh, kw, g · C/g] to [g · O/g, kh, kw, C/g], mirrored.
    let depth = channels / groups
    let mirrored = try addStep(
      Slice(
        starts: [0, kernel[1] - 1, kernel[2] - 1, 0], ends: [kernel[0], -1, -1, channels],
        steps: [1, -1, -1, 1]), [weights], "mirrored", of: node)
    let split = try addStep(
      Reshape(shape: [kernel[0], kernel[1], kernel[2], groups, depth]), [mirrored], "groups",
      of: node)
    let moved = try addStep(
      Transpose(permutation: [3, 0, 1, 2, 4]), [split], "outputs", of: node)
    let final = try addStep(
      Reshape(shape: [groups * kernel[0], kernel[1], kernel[2], depth]), [moved], "ohwi", of: node)
    let extra = outputPadding.count == 1 ? [0, outputPadding[0]] : outputPadding
    var pads: [Int] = []
    for side in 0..<2 {
      for axis in 0..<2 {
        let span = (window2D.kernel[axis] - 1) * window2D.dilations[axis]
        pads.append(span - window2D.padding[side * 2 + axis] + (side == 1 ? extra[axis] : 0))
      }
    }
    var image = stretched
    if pads.contains(where: { $0 < 0 }) {
      // More padding than the kernel reaches crops pixels.
      let wide = self.shape(of: image)
      let starts = [max(-pads[0], 0), max(-pads[1], 0)]
      let ends = [wide[1] + min(pads[2], 0), wide[2] + min(pads[3], 0)]
      guard starts[0] < ends[0], starts[1] < ends[1] else {
        throw Diagnostic(
          id: "shape.conv2d.window", "padding \(window2D.padding) leaves nothing of \(shape)",
          at: node.place)
      }
      image = try addStep(
        Slice(starts: [0] + starts + [0], ends: [wide[0]] + ends + [wide[3]]), [image], "cropped",
        of: node)
      pads = pads.map { max($0, 0) }
    }
    let op = Conv2D(
      window: Window2D(kernel: window2D.kernel, dilations: window2D.dilations, padding: pads),
      groups: groups)
    return try addSpatial(op, [image, final, bias], layout: layout, of: node)
  }

  /// Zeros between the pixels of `x`, `[N, H, W, C]`, so that they are `strides` apart.
  private mutating func addStretched(
    _ x: ValueID, _ strides: [Int], of node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    if strides == [1, 1] { return x }
    let shape = shape(of: x)
    guard strides.allSatisfy({ $0 <= 1 << 10 }), shape.allSatisfy({ (1...1 << 24).contains($0) })
    else {
      throw Diagnostic(
        id: "import.window.range", "strides \(strides) of \(shape) are too large", at: node.place)
    }
    let apart = try addStep(
      Reshape(shape: try node.shape([shape[0], shape[1], 1, shape[2], 1, shape[3]])), [x], "apart",
      of: node)
    let padded = try addStep(
      Pad(
        before: [0, 0, 0, 0, 0, 0], after: [0, 0, strides[0] - 1, 0, strides[1] - 1, 0]), [apart],
      "zeros", of: node)
    let (height, width) = (shape[1] * strides[0], shape[2] * strides[1])
    let whole = try addStep(
      Reshape(shape: try node.shape([shape[0], height, width, shape[3]])), [padded], "wide",
      of: node)
    return try addStep(
      Slice(
        starts: [0, 0, 0, 0],
        ends: [shape[0], height - strides[0] + 1, width - strides[1] + 1, shape[3]]), [whole],
      "stretched", of: node)
  }
}
