import UQGraph
import UQNumerics
import UQSupport

/// Import of poolings to a given extent: bin `i` of `o` reads from `⌊i · n / o⌋` to `⌈(i + 1) · n / o⌉`.
public enum AdaptivePool: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .relay("nn.adaptive_avg_pool1d") { node, builder throws(Diagnostic) in
        try pooled(node, &builder, .mean, "NCW")
      },
      .relay("nn.adaptive_avg_pool2d") { node, builder throws(Diagnostic) in
        try pooled(node, &builder, .mean, "NCHW")
      },
      .relay("nn.adaptive_max_pool1d") { node, builder throws(Diagnostic) in
        try pooled(node, &builder, .maximum, "NCW")
      },
      .relay("nn.adaptive_max_pool2d") { node, builder throws(Diagnostic) in
        try pooled(node, &builder, .maximum, "NCHW")
      },
    ]
  }

  private static func pooled(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ kind: Reduce.Kind, _ layout: String
  ) throws(Diagnostic) -> [ValueID] {
    let layout = try node.text("layout", default: layout)
    let result = try node.text("out_layout", default: layout)
    let data = try node.operand(0, "data")
    if kind == .mean { try node.requireFloat(builder.type(of: data)) }
    var x = try builder.channelsLast(data, layout: layout, of: node)
    let shape = builder.shape(of: x)
    var sizes = try node.listed("output_size") ?? []
    if sizes.isEmpty { sizes = [shape[1], shape[2]] }
    if sizes.count == 1 { sizes = layout.contains("H") ? [sizes[0], sizes[0]] : [1, sizes[0]] }
    guard sizes.count == 2, (1...2).allSatisfy({ shape[$0] > 0 }),
      sizes.allSatisfy({ (1...1 << 12).contains($0) })
    else {
      throw Diagnostic(
        id: "import.pool.size", "output_size \(sizes) of \(shape)", at: node.place)
    }
    if shape[1] % sizes[0] == 0, shape[2] % sizes[1] == 0 {
      let kernel = [shape[1] / sizes[0], shape[2] / sizes[1]]
      let window = Window2D(kernel: kernel, strides: kernel)
      return [
        kind == .mean
          ? try builder.addSpatial(
            AveragePool2D(window: window), [x], layout: result, of: node)
          : try builder.addSpatial(MaxPool2D(window: window), [x], layout: result, of: node)
      ]
    }
    for (axis, size) in [(1, sizes[0]), (2, sizes[1])] where shape[axis] != size {
      let current = builder.shape(of: x)
      var bins: [ValueID] = []
      for bin in 0..<size {
        var starts = [0, 0, 0, 0]
        var ends = current.dimensions
        starts[axis] = bin * shape[axis] / size
        ends[axis] = ((bin + 1) * shape[axis] + size - 1) / size
        let part = try builder.addStep(
          Slice(starts: starts, ends: ends), [x], "axis\(axis):part\(bin)", of: node)
        bins.append(
          try builder.addStep(
            Reduce(kind: kind, axes: [axis], keepsDimensions: true), [part],
            "axis\(axis):bin\(bin)", of: node))
      }
      x = try builder.addStep(Concat(axis: axis), bins, "axis\(axis)", of: node)
    }
    return [try builder.fromChannelsLast(x, layout: result, of: node)]
  }
}
