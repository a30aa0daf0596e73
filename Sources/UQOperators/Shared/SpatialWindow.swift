import UQGraph
import UQNumerics
import UQSupport

/// Geometry of a sliding window as a format gives it: a number for each spatial axis, any rank.
struct SpatialWindow {
  var kernel: [Int]
  var strides: [Int]
  var dilations: [Int]
  /// Padding before the first element of each axis.
  var before: [Int]
  /// Padding after the last element of each axis.
  var after: [Int]
  /// Elements that the last windows reach beyond the padding in ceil mode; negative where they end
  /// before it.
  var overhang: [Int]

  /// The window over `[N, H, W, C]`, the overhang being padding and a single axis the width.
  ///
  /// - Precondition: one or two axes.
  var window2D: Window2D {
    let lead = kernel.count == 1 ? [1] : []
    let none = kernel.count == 1 ? [0] : []
    return Window2D(
      kernel: lead + kernel, strides: lead + strides, dilations: lead + dilations,
      padding: none + before + none + zip(after, overhang).map { $0 + $1 })
  }

  /// Whether windows reach beyond the padding.
  var overhangs: Bool { overhang.contains { $0 > 0 } }
  /// Whether there is padding.
  var isPadded: Bool { (before + after).contains { $0 > 0 } }
}

/// How a format chooses padding by itself.
enum AutomaticPadding: String {
  case notSet = "NOTSET"
  case sameUpper = "SAME_UPPER"
  case sameLower = "SAME_LOWER"
  case valid = "VALID"
}

extension SpatialWindow {
  /// The ONNX attributes `strides`, `dilations`, `pads`, `auto_pad` and `ceil_mode` over an input of
  /// the given spatial extents.
  ///
  /// - Throws: `import.window.*`.
  init(onnx node: ForeignNode, kernel: [Int], input: [Int]) throws(Diagnostic) {
    let axes = input.count
    let ones = [Int](repeating: 1, count: axes)
    let zeros = [Int](repeating: 0, count: axes)
    self.kernel = kernel
    strides = try node.ints("strides") ?? ones
    dilations = try node.ints("dilations") ?? ones
    before = zeros
    after = zeros
    overhang = zeros
    let pads = try node.ints("pads") ?? zeros + zeros
    for (name, list, count) in [
      ("kernel_shape", kernel, axes), ("strides", strides, axes), ("dilations", dilations, axes),
      ("pads", pads, 2 * axes),
    ] where list.count != count {
      throw Diagnostic(
        id: "import.window.rank",
        "attribute '\(name)' is \(list) with \(list.count) entries, \(axes) spatial axes take "
          + "\(count)", at: node.place)
    }
    guard (kernel + strides + dilations).allSatisfy({ (1...1 << 20).contains($0) }),
      pads.allSatisfy({ (0...1 << 20).contains($0) }), input.allSatisfy({ $0 <= 1 << 30 })
    else {
      throw Diagnostic(
        id: "import.window.range",
        "kernel \(kernel), strides \(strides), dilations \(dilations) must be from 1, pads "
          + "\(pads) from 0, to 1048576", at: node.place)
    }
    let name = try node.string("auto_pad", default: "NOTSET")
    guard let automatic = AutomaticPadding(rawValue: name.isEmpty ? "NOTSET" : name) else {
      throw Diagnostic(
        id: "import.window.auto-pad",
        "auto_pad is '\(name)', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID", at: node.place)
    }
    if automatic == .notSet {
      before = Array(pads.prefix(axes))
      after = Array(pads.suffix(axes))
    }
    let roundsUp = try node.int("ceil_mode", default: 0) != 0
    for axis in 0..<axes {
      let span = (kernel[axis] - 1) * dilations[axis] + 1
      switch automatic {
      case .sameUpper, .sameLower:
        let positions = (input[axis] + strides[axis] - 1) / strides[axis]
        let total = max((positions - 1) * strides[axis] + span - input[axis], 0)
        let small = total / 2
        before[axis] = automatic == .sameUpper ? small : total - small
        after[axis] = total - before[axis]
      case .notSet where roundsUp, .valid where roundsUp:
        let rest = input[axis] + before[axis] + after[axis] - span
        guard rest >= 0 else { continue }
        var last = (rest + strides[axis] - 1) / strides[axis]
        // A window that starts behind the image and its leading padding is none.
        if last * strides[axis] >= input[axis] + before[axis] { last -= 1 }
        overhang[axis] = max(last * strides[axis] - rest, -after[axis])
      case .notSet, .valid: break
      }
    }
  }
}

extension GraphBuilder {
  /// The copy of `x`, `[N, C, L]` or `[N, C, H, W]`, in the layout `[N, H, W, C]`.
  mutating func channelsLast(_ x: ValueID, of node: ForeignNode) throws(Diagnostic) -> ValueID {
    let shape = shape(of: x)
    let name = "\(graph[x].name):nhwc"
    if shape.rank == 4 {
      return try add(
        Transpose(permutation: [0, 2, 3, 1]), [x], name: "\(node.name):nhwc", results: [name],
        place: node.place)[0]
    }
    let line = try add(
      Transpose(permutation: [0, 2, 1]), [x], name: "\(node.name):nlc",
      results: ["\(graph[x].name):nlc"], place: node.place)[0]
    return try add(
      Reshape(shape: [shape[0], 1, shape[2], shape[1]]), [line], name: "\(node.name):nhwc",
      results: [name], place: node.place)[0]
  }

  /// Adds a spatial operator over operands that are `[N, H, W, C]` and returns its result in the
  /// model's layout of `rank` axes.
  mutating func addSpatial(
    _ op: some Operator, _ operands: [ValueID?], of node: ForeignNode, rank: Int
  ) throws(Diagnostic) -> ValueID {
    let y = try add(op, operands, name: node.name, results: node.results, place: node.place)[0]
    return try channelsFirst(y, of: node, rank: rank)
  }

  /// The copy of `y`, `[N, H, W, C]`, in the layout `[N, C, H, W]` or, for rank 3, `[N, C, W]`.
  mutating func channelsFirst(
    _ y: ValueID, of node: ForeignNode, rank: Int
  ) throws(Diagnostic) -> ValueID {
    let name = "\(graph[y].name):nchw"
    if rank == 4 {
      return try add(
        Transpose(permutation: [0, 3, 1, 2]), [y], name: "\(node.name):nchw", results: [name],
        place: node.place)[0]
    }
    let shape = shape(of: y)
    let line = try add(
      Reshape(shape: [shape[0], shape[2], shape[3]]), [y], name: "\(node.name):nlc",
      results: ["\(graph[y].name):nlc"], place: node.place)[0]
    return try add(
      Transpose(permutation: [0, 2, 1]), [line], name: "\(node.name):nchw", results: [name],
      place: node.place)[0]
  }
}

extension ForeignNode {
  /// The spatial extents of `shape`, `[N, C, L]` or `[N, C, H, W]`.
  ///
  /// - Throws: `import.<area>.rank`.
  func spatialExtents(_ shape: Shape, _ area: String) throws(Diagnostic) -> [Int] {
    guard shape.rank == 3 || shape.rank == 4 else {
      throw Diagnostic(
        id: "import.\(area).rank",
        "x is \(shape) with \(shape.rank - 2) spatial axes; 1 and 2 are supported", at: place)
    }
    return Array(shape.dimensions.dropFirst(2))
  }
}

extension Tensor {
  /// The elements with axes in another order: axis `i` of the result is axis `order[i]`.
  ///
  /// - Precondition: `order` is a permutation of the axes.
  func permuted(_ order: [Int]) -> Tensor {
    let strides = shape.strides
    return viewed(
      self, StridedBox(offset: 0, strides: order.map { strides[$0] }),
      as: Shape(order.map { shape[$0] }))
  }
}
