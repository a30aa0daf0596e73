import UQGraph
import UQNumerics
import UQSupport

/// Import of operators over volumes, `[N, C, D, H, W]` or `[N, D, H, W, C]`, as operators over images.
public enum Conv3D: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .relay("nn.conv3d") { node, builder throws(Diagnostic) in try convolved(node, &builder) },
      .relay("nn.avg_pool3d") { node, builder throws(Diagnostic) in
        let includesPadding = try node.flag("count_include_pad")
        return try pooled(node, &builder) {
          AveragePool2D(window: $0, includesPadding: includesPadding)
        }
      },
      .relay("nn.max_pool3d") { node, builder throws(Diagnostic) in
        try pooled(node, &builder) { MaxPool2D(window: $0) }
      },
    ]
  }

  /// `[N, D, H, W, C]` of operand 0.
  private static func volume(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ layout: String
  ) throws(Diagnostic) -> ValueID {
    let x = try node.operand(0, "data")
    try node.requireFloat(builder.type(of: x))
    let order = try node.order(layout, of: "NDHWC")
    guard builder.shape(of: x).rank == 5 else {
      throw Diagnostic(
        id: "import.relay.layout", "layout '\(layout)' of \(builder.shape(of: x))", at: node.place)
    }
    return try builder.addStep(Transpose(permutation: order), [x], "ndhwc", of: node)
  }

  /// The depth's taps become channels of images.
  private static func convolved(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let layout = try node.text("data_layout", default: "NCDHW")
    let x = try volume(node, &builder, layout)
    let shape = builder.shape(of: x)
    let weights = try node.operand(1, "weight")
    let kernelOrder = try node.order(
      try node.text("kernel_layout", default: "OIDHW"), of: "OHWID")
    guard builder.shape(of: weights).rank == 5 else {
      throw Diagnostic(
        id: "import.relay.layout", "weights are \(builder.shape(of: weights))", at: node.place)
    }
    let turned = try builder.addStep(
      Transpose(permutation: kernelOrder), [weights], "ohwid", of: node)
    let kernel = builder.shape(of: turned)
    let window = try SpatialWindow(
      relay: node, kernel: [kernel[4], kernel[1], kernel[2]], input: [shape[1], shape[2], shape[3]])
    let taps = try builder.addStep(
      Reshape(shape: try node.shape([kernel[0], kernel[1], kernel[2], kernel[3] * kernel[4]])),
      [turned], "ohwi", of: node)
    let padded = try builder.addStep(
      Pad(before: [0, window.before[0], 0, 0, 0], after: [0, window.after[0], 0, 0, 0]), [x],
      "padded", of: node)
    let extent = builder.shape(of: padded)[1]
    let span = (kernel[4] - 1) * window.dilations[0] + 1
    guard extent >= span else {
      throw Diagnostic(
        id: "shape.conv2d.window", "no window of depth \(span) fits \(shape)", at: node.place)
    }
    let count = (extent - span) / window.strides[0] + 1
    var places: [Int64] = []
    for position in 0..<count {
      for tap in 0..<kernel[4] {
        places.append(Int64(position * window.strides[0] + tap * window.dilations[0]))
      }
    }
    let indices = builder.addConstant(
      Tensor(places, try node.shape([count, kernel[4]])), name: "\(node.name):depths")
    // [N, D', kd, H, W, C] to [N · D', H, W, C · kd].
    let slices = try builder.addStep(Gather(axis: 1), [padded, indices], "slices", of: node)
    let moved = try builder.addStep(
      Transpose(permutation: [0, 1, 3, 4, 5, 2]), [slices], "moved", of: node)
    let images = try builder.addStep(
      Reshape(
        shape: try node.shape([shape[0] * count, shape[2], shape[3], shape[4] * kernel[4]])),
      [moved], "images", of: node)
    let plane = Window2D(
      kernel: [kernel[1], kernel[2]], strides: Array(window.strides[1...]),
      dilations: Array(window.dilations[1...]),
      padding: Array(window.before[1...]) + Array(window.after[1...]))
    let y = try builder.addStep(
      Conv2D(window: plane, groups: try node.int("groups", default: 1)), [images, taps], "planes",
      of: node)
    return try restored(
      y, node, &builder, [shape[0], count], try node.text("out_layout", default: layout))
  }

  /// Planes first, then the depth: maxima and, with whole windows, means of means are the same.
  private static func pooled(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ make: (Window2D) -> some Operator
  ) throws(Diagnostic) -> [ValueID] {
    let layout = try node.text("layout", default: "NCDHW")
    let x = try volume(node, &builder, layout)
    let shape = builder.shape(of: x)
    guard let pool = try node.listed("pool_size") else {
      throw Diagnostic(
        id: "import.attribute.missing", "attribute 'pool_size' is missing", at: node.place)
    }
    let window = try SpatialWindow(
      relay: node, kernel: pool, input: [shape[1], shape[2], shape[3]])
    let after = zip(window.after, window.overhang).map { $0 + $1 }
    let images = try builder.addStep(
      Reshape(shape: try node.shape([shape[0] * shape[1], shape[2], shape[3], shape[4]])), [x],
      "images", of: node)
    let plane = Window2D(
      kernel: Array(window.kernel[1...]), strides: Array(window.strides[1...]),
      dilations: Array(window.dilations[1...]),
      padding: Array(window.before[1...]) + Array(after[1...]))
    let planes = try builder.addStep(make(plane), [images], "planes", of: node)
    let flat = builder.shape(of: planes)
    let lines = try builder.addStep(
      Reshape(shape: try node.shape([shape[0], shape[1], flat[1] * flat[2], flat[3]])), [planes],
      "lines", of: node)
    let depth = Window2D(
      kernel: [window.kernel[0], 1], strides: [window.strides[0], 1],
      dilations: [window.dilations[0], 1], padding: [window.before[0], 0, after[0], 0])
    let y = try builder.addStep(make(depth), [lines], "depth", of: node)
    let count = builder.shape(of: y)[1]
    let apart = try builder.addStep(
      Reshape(shape: try node.shape([shape[0] * count, flat[1], flat[2], flat[3]])), [y], "apart",
      of: node)
    return try restored(
      apart, node, &builder, [shape[0], count], try node.text("out_layout", default: layout))
  }

  /// `[N · D, H, W, C]` in a layout of volumes.
  private static func restored(
    _ y: ValueID, _ node: ForeignNode, _ builder: inout GraphBuilder, _ lead: [Int],
    _ layout: String
  ) throws(Diagnostic) -> [ValueID] {
    let shape = builder.shape(of: y)
    let volume = try builder.addStep(
      Reshape(shape: try node.shape(lead + [shape[1], shape[2], shape[3]])), [y], "volume",
      of: node)
    let order = try node.order(layout, of: "NDHWC")
    return try builder.add(Transpose(permutation: order).inverse, [volume], as: node)
  }
}
