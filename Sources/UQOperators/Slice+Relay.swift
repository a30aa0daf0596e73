import UQGraph
import UQNumerics
import UQSupport

extension Slice {
  /// Relay's slices.
  static var relayImports: [ImportRule] {
    [
      .relay("strided_slice") { node, builder throws(Diagnostic) in try strided(node, &builder) },
      .relay("dyn.strided_slice") { node, builder throws(Diagnostic) in
        try strided(node, &builder)
      },
      .relay("slice_like") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let shape = builder.shape(of: x)
        let like = builder.shape(of: try node.operand(1, "shape_like"))
        var axes = try node.listed("axes") ?? []
        if axes.isEmpty { axes = Array(0..<min(shape.rank, like.rank)) }
        var ends = shape.dimensions
        for given in axes {
          let axis = try node.axis(given, rank: shape.rank)
          guard axis < like.rank, like[axis] <= shape[axis] else {
            throw Diagnostic(
              id: "shape.slice.range", "axis \(axis) of \(shape) is not sliced by \(like)",
              at: node.place)
          }
          ends[axis] = like[axis]
        }
        let slice = Slice(starts: shape.map { _ in 0 }, ends: ends)
        return try builder.add(slice, [x], as: node)
      },
      .relay("reverse") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let shape = builder.shape(of: x)
        guard let axis = try node.optionalInt("axis") else {
          throw Diagnostic(
            id: "import.attribute.missing", "attribute 'axis' is missing", at: node.place)
        }
        return try sliced(
          node, &builder, [-1], [.min / 2], [try node.axis(axis, rank: shape.rank)], [-1])
      },
    ]
  }

  /// In the mode `size` the ends are numbers of indices, −1 for all that are left.
  private static func strided(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let x = builder.shape(of: try node.operand(0, "data"))
    let axes = try node.listed("axes")
    let given = try part(node, builder, "begin", 1)
    let starts = given ?? x.map { _ in 0 }
    let named = axes ?? Array(starts.indices)
    guard named.count == starts.count else {
      throw Diagnostic(
        id: "import.slice.count", "\(starts.count) starts and \(named.count) axes", at: node.place)
    }
    var extents: [Int] = []
    for axis in named { extents.append(x[try node.axis(axis, rank: x.rank)]) }
    var steps = try part(node, builder, "strides", 3) ?? [1]
    let mode = try node.text("slice_mode", default: "end")
    // Fewer steps than axes leave the others 1; a single one serves all.
    if steps.count == 1 { steps = starts.map { _ in steps[0] } }
    steps += [Int](repeating: 1, count: max(starts.count - steps.count, 0))
    var ends = try part(node, builder, "end", 2) ?? extents
    for index in ends.count..<max(starts.count, ends.count) { ends.append(extents[index]) }
    guard ends.count == starts.count, steps.count == starts.count else {
      throw Diagnostic(
        id: "import.slice.count",
        "\(starts.count) starts, \(ends.count) ends and \(steps.count) steps", at: node.place)
    }
    if mode == "size" {
      steps = starts.map { _ in 1 }
      for index in ends.indices {
        let start = starts[index] < 0 ? starts[index] + extents[index] : starts[index]
        let (end, overflow) = start.addingReportingOverflow(ends[index])
        ends[index] = ends[index] < 0 || overflow ? extents[index] : end
      }
    } else if mode != "end" {
      throw Diagnostic(
        id: "import.slice.mode", "slice_mode is '\(mode)'; 'end' and 'size' are known",
        at: node.place)
    }
    return try sliced(node, &builder, starts, ends, named, steps)
  }

  /// A list that is an attribute or, in older programs and dynamic ones, a constant operand.
  private static func part(
    _ node: ForeignNode, _ builder: GraphBuilder, _ key: String, _ index: Int
  ) throws(Diagnostic) -> [Int]? {
    if let listed = try node.listed(key) { return listed }
    return try builder.optionalIntegers(node, index, key)
  }
}
