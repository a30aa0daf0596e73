import UQGraph
import UQNumerics
import UQSupport

extension GraphBuilder {
  /// Adds a pooling of operand 0, `[N, C, ...]`, whose window is the whole image.
  ///
  /// Further spatial axes than two are taken as one: order does not matter to the pooling.
  ///
  /// - Throws: `import.pool.rank`.
  mutating func addGlobalPool(
    _ node: ForeignNode, _ make: (Window2D) -> some Operator
  ) throws(Diagnostic) -> [ValueID] {
    var x = try node.operand(0, "X")
    let shape = shape(of: x)
    guard shape.rank >= 3 else {
      throw Diagnostic(
        id: "import.pool.rank", "x is \(shape), expected [N, C, ...] with a spatial axis",
        at: node.place)
    }
    if shape.rank > 4 {
      let columns = shape.dimensions.dropFirst(3).reduce(1, *)
      let image = try node.shape(Array(shape.dimensions.prefix(3)) + [columns])
      x = try addStep(Reshape(shape: image), [x], "image", of: node)
    }
    let image = try channelsLast(x, of: node)
    let extents = self.shape(of: image)
    let op = make(Window2D(kernel: [extents[1], extents[2]]))
    let y = try addSpatial(op, [image], of: node, rank: min(shape.rank, 4))
    guard shape.rank > 4 else { return [y] }
    let ones = [Int](repeating: 1, count: shape.rank - 2)
    return [
      try addStep(
        Reshape(shape: try node.shape([shape[0], shape[1]] + ones)), [y], "global", of: node)
    ]
  }
}

extension GraphBuilder {
  /// Adds a pooling of operand 0, an image in the layout, whose window is the whole image.
  ///
  /// - Throws: `import.relay.layout`.
  mutating func addGlobalPool(
    _ node: ForeignNode, layout: String, _ make: (Window2D) -> some Operator
  ) throws(Diagnostic) -> [ValueID] {
    let image = try channelsLast(try node.operand(0, "data"), layout: layout, of: node)
    let extents = shape(of: image)
    let result = try node.text("out_layout", default: layout)
    return [
      try addSpatial(
        make(Window2D(kernel: [extents[1], extents[2]])), [image], layout: result, of: node)
    ]
  }

  /// Operand 0 of a Relay pooling as `[N, H, W, C]`, the window and the layout of the result.
  ///
  /// - Throws: `import.relay.layout`, `import.window.*`.
  mutating func relayPooling(
    _ node: ForeignNode, _ layout: String
  ) throws(Diagnostic) -> (x: ValueID, window: SpatialWindow, layout: String) {
    let layout = try node.text("layout", default: layout)
    let x = try channelsLast(try node.operand(0, "data"), layout: layout, of: node)
    let extents = shape(of: x)
    let spatial = layout.contains("H") ? [extents[1], extents[2]] : [extents[2]]
    guard let kernel = try node.listed("pool_size") else {
      throw Diagnostic(
        id: "import.attribute.missing", "attribute 'pool_size' is missing", at: node.place)
    }
    let window = try SpatialWindow(relay: node, kernel: kernel, input: spatial)
    return (x, window, try node.text("out_layout", default: layout))
  }
}
