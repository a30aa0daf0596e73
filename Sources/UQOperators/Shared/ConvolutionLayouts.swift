import UQGraph
import UQNumerics
import UQSupport

/// The layouts of a Relay convolution or pooling.
struct ConvolutionLayouts {
  /// Whether data are `[N, C, H, W]`.
  let isChannelsFirst: Bool
  /// Positions of O, H, W and I in the weights.
  let weightOrder: [Int]

  /// Reads `data_layout` or `layout`, `out_layout` and `kernel_layout`.
  ///
  /// - Throws: `import.conv.layout`.
  init(relay node: ForeignNode, data key: String = "data_layout", kernel: String = "OIHW")
    throws(Diagnostic)
  {
    let data = try node.string(key, default: "NCHW")
    let result = try node.string("out_layout", default: "")
    guard data == "NCHW" || data == "NHWC", result.isEmpty || result == data else {
      throw Diagnostic(
        id: "import.conv.layout",
        "data of layout '\(data)' to results of '\(result)': NCHW and NHWC are supported",
        at: node.place)
    }
    isChannelsFirst = data == "NCHW"
    let letters = Array(try node.string("kernel_layout", default: kernel))
    let order = Array("OHWI").compactMap { letters.firstIndex(of: $0) }
    guard letters.count == 4, order.count == 4 else {
      throw Diagnostic(
        id: "import.conv.layout",
        "weights of layout '\(String(letters))': an order of O, I, H and W is supported",
        at: node.place)
    }
    weightOrder = order
  }

  /// Reads `layout` and `out_layout` of a pooling.
  ///
  /// - Throws: `import.conv.layout`.
  init(pooling node: ForeignNode) throws(Diagnostic) {
    var plain = node
    plain.attributes["kernel_layout"] = nil
    try self.init(relay: plain, data: "layout")
  }

  /// The weights as `[O, kh, kw, C / groups]`.
  ///
  /// TVM's depthwise weights say `[C, m]` in the order of the letters O and I, whatever `m` is.
  ///
  /// - Throws: `import.conv.rank`, `import.conv.channels`.
  func weights(
    _ kernel: ValueID, groups: Int, channels: Int, _ builder: inout GraphBuilder,
    of node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    let shape = builder.shape(of: kernel)
    guard shape.rank == 4 else {
      throw Diagnostic(
        id: "import.conv.rank", "weights are \(shape) of rank \(shape.rank), not 4",
        at: node.place)
    }
    let name = builder.graph[kernel].name
    let outputs = shape[weightOrder[0]]
    let inputs = shape[weightOrder[3]]
    var order = weightOrder
    let isDepthwise = groups > 1 && groups == channels && outputs == channels
    if isDepthwise && inputs > 1 { order = [weightOrder[0], weightOrder[3]] + weightOrder[1...2] }
    var result = kernel
    if order != [0, 1, 2, 3] {
      result = try builder.add(
        Transpose(permutation: order), [kernel], name: "\(node.name):weights",
        results: ["\(name):ohwi"], place: node.place)[0]
    }
    if isDepthwise && inputs > 1 {
      let height = shape[weightOrder[1]]
      let width = shape[weightOrder[2]]
      result = try builder.add(
        Reshape(shape: [outputs * inputs, height, width, 1]), [result],
        name: "\(node.name):taps", results: ["\(name):taps"], place: node.place)[0]
    }
    return result
  }
}

extension Window2D {
  /// The window of a Relay convolution or pooling: `strides`, `dilation` and `padding` of 1, 2 or 4
  /// numbers.
  ///
  /// - Throws: `import.window.rank`, `import.window.range`.
  init(relay node: ForeignNode, kernel: [Int]) throws(Diagnostic) {
    let strides = try Window2D.pair(node, "strides")
    let dilations = try Window2D.pair(node, "dilation")
    var padding = try node.ints("padding") ?? [0]
    switch padding.count {
    case 1: padding = [Int](repeating: padding[0], count: 4)
    case 2: padding += padding
    case 4: break
    default:
      throw Diagnostic(
        id: "import.window.rank", "attribute 'padding' is \(padding), not of 1, 2 or 4 numbers",
        at: node.place)
    }
    guard (kernel + strides + dilations).allSatisfy({ (1...1 << 20).contains($0) }),
      padding.allSatisfy({ (0...1 << 20).contains($0) })
    else {
      throw Diagnostic(
        id: "import.window.range",
        "kernel \(kernel), strides \(strides), dilations \(dilations) must be from 1, padding "
          + "\(padding) from 0, to 1048576", at: node.place)
    }
    self.init(kernel: kernel, strides: strides, dilations: dilations, padding: padding)
  }

  private static func pair(_ node: ForeignNode, _ key: String) throws(Diagnostic) -> [Int] {
    let values = try node.ints(key) ?? [1, 1]
    guard values.count == 1 || values.count == 2 else {
      throw Diagnostic(
        id: "import.window.rank", "attribute '\(key)' is \(values), not of 2 numbers",
        at: node.place)
    }
    return values.count == 1 ? values + values : values
  }
}

extension GraphBuilder {
  /// The copy of `x` in the layout `[N, H, W, C]`; itself where it has it.
  ///
  /// - Throws: `import.conv.rank`.
  mutating func channelsLast(
    _ x: ValueID, _ layouts: ConvolutionLayouts, of node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    let shape = shape(of: x)
    guard shape.rank == 4 else {
      throw Diagnostic(
        id: "import.conv.rank", "data are \(shape) of rank \(shape.rank), not 4", at: node.place)
    }
    return layouts.isChannelsFirst ? try channelsLast(x, of: node) : x
  }

  /// Adds a spatial operator over `[N, H, W, C]` and returns its result in the model's layout.
  mutating func addSpatial(
    _ op: some Operator, _ operands: [ValueID?], _ layouts: ConvolutionLayouts,
    of node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    if layouts.isChannelsFirst { return try addSpatial(op, operands, of: node, rank: 4) }
    return try add(op, operands, as: node)[0]
  }
}
