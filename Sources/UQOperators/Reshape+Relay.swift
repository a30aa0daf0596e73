import UQGraph
import UQNumerics
import UQSupport

extension Reshape {
  /// Relay's reshapes.
  static var relayImports: [ImportRule] {
    [
      .relay("reshape") { node, builder throws(Diagnostic) in
        try coded(node, &builder, try node.listed("newshape") ?? [])
      },
      .relay("dyn.reshape") { node, builder throws(Diagnostic) in
        try coded(node, &builder, try builder.integers(node, 1, "newshape"))
      },
      .relay("contrib_reverse_reshape") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let codes = try node.listed("newshape") ?? []
        guard codes.allSatisfy({ $0 >= -1 }) else {
          throw Diagnostic(
            id: "import.reshape.reverse",
            "newshape \(codes) merges or splits axes from the right, which is not supported",
            at: node.place)
        }
        let mirrored = try node.shape(builder.shape(of: x).dimensions.reversed())
        let extents = try extents(node, mirrored, codes.reversed())
        return try builder.add(
          Reshape(shape: try node.shape(extents.reversed())), [x], as: node)
      },
      .relay("reshape_like") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let shape = builder.shape(of: x)
        let like = builder.shape(of: try node.operand(1, "shape_like"))
        let from = try range(node, "lhs", shape.rank)
        let to = try range(node, "rhs", like.rank)
        let extents = shape[..<from.lowerBound] + like[to] + shape[from.upperBound...]
        return try builder.add(Reshape(shape: try node.shape(Array(extents))), [x], as: node)
      },
      .relay("nn.batch_flatten") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let shape = builder.shape(of: x)
        guard let rows = shape.first else {
          throw Diagnostic(id: "import.reshape.rank", "flattens a scalar", at: node.place)
        }
        let columns = try node.shape(Array(shape[1...])).count
        return try builder.add(
          Reshape(shape: try node.shape([rows, columns])), [x], as: node)
      },
      .relay("squeeze") { node, builder throws(Diagnostic) in
        let axes = try node.listed("axis")
        return try squeezed(node, &builder, axes)
      },
      .relay("dyn.squeeze") { node, builder throws(Diagnostic) in
        try squeezed(node, &builder, try builder.integers(node, 1, "axis"))
      },
      .relay("expand_dims") { node, builder throws(Diagnostic) in
        try expanded(node, &builder, try node.int("axis"))
      },
      .relay("dyn.expand_dims") { node, builder throws(Diagnostic) in
        guard let axis = try builder.integers(node, 1, "axis").first else {
          throw Diagnostic(id: "import.operand.type", "'axis' is empty", at: node.place)
        }
        return try expanded(node, &builder, axis)
      },
    ]
  }

  private static func range(_ node: ForeignNode, _ side: String, _ rank: Int)
    throws(Diagnostic) -> Swift.Range<Int>
  {
    let bounds = (
      try node.optionalInt("\(side)_begin") ?? 0, try node.optionalInt("\(side)_end") ?? rank
    )
    let begin = bounds.0 < 0 ? bounds.0 + rank : bounds.0
    let end = bounds.1 < 0 ? bounds.1 + rank : bounds.1
    guard (0...rank).contains(begin), (begin...rank).contains(end) else {
      throw Diagnostic(
        id: "import.axis.range", "axes \(begin) to \(end) are outside a tensor of \(rank) axes",
        at: node.place)
    }
    return begin..<end
  }

  private static func expanded(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ axis: Int
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "data")
    let shape = builder.shape(of: x)
    let count = try node.int("num_newaxis", default: 1)
    guard (0...32).contains(count) else {
      throw Diagnostic(
        id: "import.axis.range", "\(count) new axes", at: node.place)
    }
    let position = try node.axis(axis, rank: shape.rank + 1)
    var extents = shape.dimensions
    extents.insert(contentsOf: [Int](repeating: 1, count: count), at: position)
    return try builder.add(Reshape(shape: try node.shape(extents)), [x], as: node)
  }

  /// The codes of `newshape`: 0 copies an extent, −1 is inferred, −2 copies all that are left, −3
  /// merges two, −4 splits one into the two that follow.
  private static func coded(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ codes: [Int]
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "data")
    let extents = try extents(node, builder.shape(of: x), codes)
    return try builder.add(Reshape(shape: try node.shape(extents)), [x], as: node)
  }

  private static func extents(_ node: ForeignNode, _ shape: Shape, _ codes: [Int])
    throws(Diagnostic) -> [Int]
  {
    let allowsZero = try node.flag("allowzero")
    let problem = Diagnostic(
      id: "import.reshape.inferred", "newshape \(codes) does not lay out \(shape)", at: node.place)
    var extents: [Int] = []
    var open: Int?
    var source = 0
    var index = 0
    func next() throws(Diagnostic) -> Int {
      guard source < shape.rank else { throw problem }
      source += 1
      return shape[source - 1]
    }
    while index < codes.count {
      let code = codes[index]
      index += 1
      switch code {
      case 0 where !allowsZero: extents.append(try next())
      case -1:
        guard open == nil else { throw problem }
        open = extents.count
        extents.append(1)
        source += 1
      case -2:
        while source < shape.rank { extents.append(try next()) }
      case -3:
        let first = try next()
        extents.append(first * (try next()))
      case -4:
        guard index + 1 < codes.count else { throw problem }
        let whole = try next()
        var parts = [codes[index], codes[index + 1]]
        index += 2
        if let unknown = parts.firstIndex(of: -1) {
          let other = parts[1 - unknown]
          guard other > 0, whole % other == 0 else { throw problem }
          parts[unknown] = whole / other
        }
        guard parts.allSatisfy({ $0 >= 0 && $0 <= whole }), parts[0] * parts[1] == whole else {
          throw problem
        }
        extents += parts
      default:
        guard code >= 0 else { throw problem }
        extents.append(code)
        source += 1
      }
    }
    if let open {
      let known = try node.shape(extents).count
      guard known > 0, shape.count % known == 0 else { throw problem }
      extents[open] = shape.count / known
    }
    return extents
  }
}
