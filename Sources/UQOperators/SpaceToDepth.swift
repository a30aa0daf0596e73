import UQGraph
import UQNumerics
import UQSupport

/// Import of operators that only rearrange: blocks of pixels to channels or batches and back, and
/// changes of layout.
public enum SpaceToDepth: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .relay("nn.depth_to_space") { node, builder throws(Diagnostic) in
        try toSpace(
          node, &builder, try node.int("block_size", default: 1),
          mode: try node.text("mode", default: "DCR"),
          layout: try node.text("layout", default: "NCHW"))
      },
      .onnx("DepthToSpace") { node, builder throws(Diagnostic) in
        try toSpace(
          node, &builder, try node.int("blocksize"),
          mode: try node.string("mode", default: "DCR"), layout: "NCHW")
      },
      .relay("nn.space_to_depth") { node, builder throws(Diagnostic) in
        try toDepth(
          node, &builder, try node.int("block_size", default: 1),
          layout: try node.text("layout", default: "NCHW"))
      },
      .onnx("SpaceToDepth") { node, builder throws(Diagnostic) in
        try toDepth(node, &builder, try node.int("blocksize"), layout: "NCHW")
      },
      .relay("nn.space_to_batch_nd") { node, builder throws(Diagnostic) in
        try toBatch(node, &builder)
      },
      .relay("nn.batch_to_space_nd") { node, builder throws(Diagnostic) in
        try fromBatch(node, &builder)
      },
      .relay("vision.yolo_reorg") { node, builder throws(Diagnostic) in
        try reorganized(node, &builder)
      },
      .relay("layout_transform") { node, builder throws(Diagnostic) in
        try relaidOut(
          node, &builder, try node.operand(0, "data"), from: try node.string("src_layout"),
          to: try node.string("dst_layout"))
      },
    ]
  }

  private static func rearranged(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ x: ValueID, split: [Int], order: [Int],
    result: [Int]
  ) throws(Diagnostic) -> [ValueID] {
    let apart = try builder.addStep(
      Reshape(shape: try node.shape(split)), [x], "split", of: node)
    let moved = try builder.addStep(
      Transpose(permutation: order), [apart], "moved", of: node)
    return try builder.add(Reshape(shape: try node.shape(result)), [moved], as: node)
  }

  private static func image(
    _ node: ForeignNode, _ builder: GraphBuilder, _ layout: String, _ block: Int
  ) throws(Diagnostic) -> (x: ValueID, shape: Shape, isLast: Bool) {
    let x = try node.operand(0, "data")
    let shape = builder.shape(of: x)
    guard ["NCHW", "NHWC"].contains(layout), shape.rank == 4, (1...1 << 15).contains(block) else {
      throw Diagnostic(
        id: "import.relay.layout",
        "rearranges blocks of \(block) of \(shape) in layout '\(layout)'; images in NCHW and NHWC "
          + "are supported", at: node.place)
    }
    return (x, shape, layout == "NHWC")
  }

  private static func toSpace(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ block: Int, mode: String, layout: String
  ) throws(Diagnostic) -> [ValueID] {
    let (x, shape, isLast) = try image(node, builder, layout, block)
    let channels = shape[isLast ? 3 : 1]
    guard ["DCR", "CRD"].contains(mode), channels % (block * block) == 0 else {
      throw Diagnostic(
        id: "import.depth-to-space.mode",
        "mode '\(mode)', \(channels) channels in blocks of \(block)", at: node.place)
    }
    let isDeep = mode == "DCR"
    let depth = channels / (block * block)
    let parts = isDeep ? [block, block, depth] : [depth, block, block]
    if isLast {
      let (n, h, w) = (shape[0], shape[1], shape[2])
      return try rearranged(
        node, &builder, x, split: [n, h, w] + parts,
        order: isDeep ? [0, 1, 3, 2, 4, 5] : [0, 1, 4, 2, 5, 3],
        result: [n, h * block, w * block, depth])
    }
    let (n, h, w) = (shape[0], shape[2], shape[3])
    return try rearranged(
      node, &builder, x, split: [n] + parts + [h, w],
      order: isDeep ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3],
      result: [n, depth, h * block, w * block])
  }

  private static func toDepth(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ block: Int, layout: String
  ) throws(Diagnostic) -> [ValueID] {
    let (x, shape, isLast) = try image(node, builder, layout, block)
    let (height, width) = isLast ? (shape[1], shape[2]) : (shape[2], shape[3])
    guard height % block == 0, width % block == 0 else {
      throw Diagnostic(
        id: "import.space-to-depth.block", "\(shape) does not split into blocks of \(block)",
        at: node.place)
    }
    let (h, w, n) = (height / block, width / block, shape[0])
    if isLast {
      return try rearranged(
        node, &builder, x, split: [n, h, block, w, block, shape[3]], order: [0, 1, 3, 2, 4, 5],
        result: [n, h, w, block * block * shape[3]])
    }
    return try rearranged(
      node, &builder, x, split: [n, shape[1], h, block, w, block], order: [0, 3, 5, 1, 2, 4],
      result: [n, block * block * shape[1], h, w])
  }

  /// Darknet's reordering as TVM has it: the elements are read as an image of `C / s^2` channels of
  /// `s H x s W`, whose blocks become channels, and the result is laid out as `[N, C s^2, H / s, W / s]`.
  private static func reorganized(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let block = try node.int("stride", default: 1)
    let (x, shape, _) = try image(node, builder, "NCHW", block)
    let (c, h, w) = (shape[1], shape[2], shape[3])
    // TVM addresses other elements of a batch outside of its operand.
    guard shape[0] == 1, c % (block * block) == 0, h % block == 0, w % block == 0 else {
      throw Diagnostic(
        id: "import.space-to-depth.block", "\(shape) does not split into blocks of \(block)",
        at: node.place)
    }
    return try rearranged(
      node, &builder, x, split: [c / (block * block), h, block, w, block],
      order: [2, 4, 0, 1, 3], result: [1, c * block * block, h / block, w / block])
  }

  private static func toBatch(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    var x = try node.operand(0, "data")
    var shape = builder.shape(of: x)
    let blocks = try node.listed("block_shape") ?? [1, 1]
    let pads = try node.pairs("paddings")
    guard blocks.count == pads.count, blocks.count < shape.rank,
      blocks.allSatisfy({ (1...1 << 15).contains($0) })
    else {
      throw Diagnostic(
        id: "import.space-to-batch.block", "blocks \(blocks) and paddings \(pads) of \(shape)",
        at: node.place)
    }
    let rest = [Int](repeating: 0, count: shape.rank - 1 - blocks.count)
    let pad = Pad(
      before: [0] + pads.map { $0.0 } + rest, after: [0] + pads.map { $0.1 } + rest,
      value: try node.float("pad_value", default: 0))
    x = try builder.addStep(pad, [x], "padded", of: node)
    shape = builder.shape(of: x)
    var split = [shape[0]]
    var inner = [shape[0] * blocks.reduce(1, *)]
    for (index, block) in blocks.enumerated() {
      guard shape[index + 1] % block == 0 else {
        throw Diagnostic(
          id: "import.space-to-batch.block", "\(shape) does not split into blocks \(blocks)",
          at: node.place)
      }
      split += [shape[index + 1] / block, block]
      inner.append(shape[index + 1] / block)
    }
    let tail = Array(shape[(blocks.count + 1)...])
    let count = blocks.count
    let order =
      (0..<count).map { 2 + 2 * $0 } + [0] + (0..<count).map { 1 + 2 * $0 }
      + tail.indices.map { 1 + 2 * count + $0 }
    return try rearranged(
      node, &builder, x, split: split + tail, order: order, result: inner + tail)
  }

  private static func fromBatch(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let x = try node.operand(0, "data")
    let shape = builder.shape(of: x)
    let blocks = try node.listed("block_shape") ?? [1, 1]
    let crops = try node.pairs("crops")
    let count = blocks.count
    guard count == crops.count, count < shape.rank,
      blocks.allSatisfy({ (1...1 << 15).contains($0) }),
      shape[0] % blocks.reduce(1, { $0 &* $1 }) == 0
    else {
      throw Diagnostic(
        id: "import.batch-to-space.block", "blocks \(blocks) and crops \(crops) of \(shape)",
        at: node.place)
    }
    let batch = shape[0] / blocks.reduce(1, *)
    let tail = Array(shape[(count + 1)...])
    var order = [count]
    var whole = [batch]
    for index in 0..<count {
      order += [count + 1 + index, index]
      whole.append(shape[index + 1] * blocks[index])
    }
    order += tail.indices.map { 2 * count + 1 + $0 }
    whole += tail
    var split = node
    split.results = ["\(node.results.first ?? node.name):whole"]
    split.name = "\(node.name):whole"
    let uncropped = try rearranged(
      split, &builder, x, split: blocks + [batch] + Array(shape[1...]), order: order,
      result: whole)
    var slice = Slice(starts: whole.map { _ in 0 }, ends: whole)
    for (index, crop) in crops.enumerated() {
      slice.starts[index + 1] = crop.0
      slice.ends[index + 1] -= crop.1
    }
    return try builder.add(slice, uncropped, as: node)
  }

  /// Layouts name axes by capital letters; a number and a small letter are an inner block of an axis.
  ///
  /// - Throws: `import.relay.layout`.
  static func relaidOut(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ x: ValueID, from source: String,
    to target: String
  ) throws(Diagnostic) -> [ValueID] {
    let shape = builder.shape(of: x)
    let (from, to) = (axes(source), axes(target))
    let problem = Diagnostic(
      id: "import.relay.layout", "'\(source)' of \(shape) does not become '\(target)'",
      at: node.place)
    let letters = Set(from.map(\.letter).filter(\.isUppercase))
    guard from.count == shape.rank, letters == Set(to.map(\.letter).filter(\.isUppercase)),
      Set(from.map(\.letter)).count == from.count, Set(to.map(\.letter)).count == to.count
    else { throw problem }
    // Merge blocks of the source, then split those of the target.
    var order: [Int] = []
    var merged: [(letter: Character, extent: Int)] = []
    for (index, axis) in from.enumerated() where axis.letter.isUppercase {
      order.append(index)
      var extent = shape[index]
      for (inner, block) in from.enumerated() where String(block.letter) == axis.letter.lowercased()
      {
        order.append(inner)
        extent *= shape[inner]
      }
      merged.append((axis.letter, extent))
    }
    guard order.sorted() == Array(0..<from.count) else { throw problem }
    let whole = try builder.addStep(Transpose(permutation: order), [x], "merged", of: node)
    var split: [Int] = []
    var names: [Character] = []
    for axis in merged {
      let block = to.first { String($0.letter) == axis.letter.lowercased() }
      let size = block?.block ?? 1
      guard size > 0, axis.extent % size == 0 else { throw problem }
      split.append(axis.extent / size)
      names.append(axis.letter)
      if let block {
        split.append(size)
        names.append(block.letter)
      }
    }
    let apart = try builder.addStep(
      Reshape(shape: try node.shape(split)), [whole], "split", of: node)
    let positions = to.compactMap { axis in names.firstIndex(of: axis.letter) }
    guard positions.count == names.count else { throw problem }
    return try builder.add(Transpose(permutation: positions), [apart], as: node)
  }

  private static func axes(_ layout: String) -> [(letter: Character, block: Int)] {
    var result: [(letter: Character, block: Int)] = []
    var number = ""
    for character in layout {
      if character.isNumber {
        number.append(character)
      } else {
        result.append((character, Int(number) ?? 0))
        number = ""
      }
    }
    return result
  }
}
