import UQGraph
import UQNumerics
import UQSupport

extension ForeignNode {
  /// The order of the axes that `layout` names, as positions of the letters of `letters` in it.
  ///
  /// - Throws: `import.relay.layout` where it is no order of those letters.
  func order(_ layout: String, of letters: String) throws(Diagnostic) -> [Int] {
    let given = Array(layout)
    let positions = letters.compactMap { given.firstIndex(of: $0) }
    guard given.count == letters.count, Set(positions).count == letters.count else {
      throw Diagnostic(
        id: "import.relay.layout", "layout '\(layout)' is no order of the axes '\(letters)'",
        at: place)
    }
    return positions
  }
}

extension GraphBuilder {
  /// The copy of `x`, an image or line in a layout such as `NCHW`, `NHWC` or `NCW`, as
  /// `[N, H, W, C]`.
  ///
  /// - Throws: `import.relay.layout`.
  mutating func channelsLast(
    _ x: ValueID, layout: String, of node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    let shape = shape(of: x)
    let order = try node.order(layout, of: layout.contains("H") ? "NHWC" : "NWC")
    guard order.count == shape.rank else {
      throw Diagnostic(
        id: "import.relay.layout", "layout '\(layout)' does not go with x \(shape)",
        at: node.place)
    }
    if layout == "NCHW" || layout == "NCW" { return try channelsLast(x, of: node) }
    var image = x
    if order != Array(0..<order.count) {
      image = try addStep(Transpose(permutation: order), [x], "nhwc", of: node)
    }
    guard order.count == 3 else { return image }
    let line = self.shape(of: image)
    return try addStep(
      Reshape(shape: [line[0], 1, line[1], line[2]]), [image], "image", of: node)
  }

  /// Adds a spatial operator over operands that are `[N, H, W, C]` and returns its result in the
  /// layout.
  mutating func addSpatial(
    _ op: some Operator, _ operands: [ValueID?], layout: String, of node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    if layout == "NCHW" { return try addSpatial(op, operands, of: node, rank: 4) }
    if layout == "NCW" { return try addSpatial(op, operands, of: node, rank: 3) }
    if layout == "NHWC" { return try add(op, operands, as: node)[0] }
    let y = try addStep(op, operands, "nhwc", of: node)
    return try fromChannelsLast(y, layout: layout, of: node)
  }

  /// The copy of `y`, `[N, H, W, C]`, in the layout.
  mutating func fromChannelsLast(
    _ y: ValueID, layout: String, of node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    if layout == "NHWC" { return y }
    if layout == "NCHW" { return try channelsFirst(y, of: node, rank: 4) }
    if layout == "NCW" { return try channelsFirst(y, of: node, rank: 3) }
    var image = y
    let order = try node.order(layout, of: layout.contains("H") ? "NHWC" : "NWC")
    if order.count == 3 {
      let shape = shape(of: y)
      image = try addStep(
        Reshape(shape: [shape[0], shape[2], shape[3]]), [y], "line", of: node)
    }
    let back = Transpose(permutation: order).inverse
    if back.permutation == Array(0..<order.count) { return image }
    return try addStep(back, [image], "layout", of: node)
  }
}

extension SpatialWindow {
  /// The Relay attributes `strides`, `dilation`, `padding` and `ceil_mode` over an input of the given
  /// spatial extents.
  ///
  /// - Throws: `import.window.*`.
  init(relay node: ForeignNode, kernel: [Int], input: [Int]) throws(Diagnostic) {
    let axes = input.count
    self.kernel = kernel.count == 1 ? [Int](repeating: kernel[0], count: axes) : kernel
    strides = try Self.repeated(node.listed("strides"), axes)
    dilations = try Self.repeated(node.listed("dilation"), axes)
    overhang = [Int](repeating: 0, count: axes)
    let pads = try node.listed("padding") ?? [0]
    switch pads.count {
    case 1:
      before = [Int](repeating: pads[0], count: axes)
      after = before
    case axes where axes > 1:
      before = pads
      after = pads
    case 2 * axes:
      before = Array(pads.prefix(axes))
      after = Array(pads.suffix(axes))
    default:
      throw Diagnostic(
        id: "import.window.rank", "padding \(pads) does not go with \(axes) spatial axes",
        at: node.place)
    }
    guard self.kernel.count == axes, strides.count == axes, dilations.count == axes,
      (self.kernel + strides + dilations).allSatisfy({ (1...1 << 20).contains($0) }),
      (before + after).allSatisfy({ (0...1 << 20).contains($0) }),
      input.allSatisfy({ $0 <= 1 << 30 })
    else {
      throw Diagnostic(
        id: "import.window.range",
        "kernel \(self.kernel), strides \(strides) and dilation \(dilations) must be \(axes) numbers "
          + "from 1, padding \(pads) from 0, to 1048576", at: node.place)
    }
    guard try node.flag("ceil_mode") else { return }
    for axis in 0..<axes {
      let span = (self.kernel[axis] - 1) * dilations[axis] + 1
      let rest = input[axis] + before[axis] + after[axis] - span
      guard rest >= 0 else { continue }
      let last = (rest + strides[axis] - 1) / strides[axis]
      overhang[axis] = max(last * strides[axis] - rest, -after[axis])
    }
  }

  private static func repeated(_ list: [Int]?, _ axes: Int) -> [Int] {
    let list = list ?? [1]
    return list.count == 1 ? [Int](repeating: list[0], count: axes) : list
  }
}
