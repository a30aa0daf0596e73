import UQGraph
import UQNumerics
import UQSupport

/// Import of `Split`: a slice for each result.
public enum Split: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Split", 1...1) { node, builder throws(Diagnostic) in
        let lengths: [Int]?
        if let listed = try node.ints("split") {
          lengths = listed
        } else {
          lengths = try builder.optionalIntegers(node, 1, "split")
        }
        return try split(node, &builder, lengths)
      },
      .onnx("Split", 2...12) { node, builder throws(Diagnostic) in
        try split(node, &builder, try node.ints("split"))
      },
      .onnx("Split", 13...1000) { node, builder throws(Diagnostic) in
        try split(node, &builder, try builder.optionalIntegers(node, 1, "split"))
      },
      .relay("split") { node, builder throws(Diagnostic) in
        try splitAtIndices(node, &builder)
      },
    ]
  }

  /// A number of equal parts, or the indices at which parts after the first begin.
  private static func splitAtIndices(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let x = builder.shape(of: try node.operand(0, "data"))
    let axis = try node.axis(try node.int("axis", default: 0), rank: x.rank)
    let key = "indices_or_sections"
    var lengths: [Int] = []
    if case .int(let parts) = node.attributes[key] {
      guard (1...1 << 16).contains(parts), x[axis] % parts == 0 else {
        throw Diagnostic(
          id: "import.split.uneven",
          "extent \(x[axis]) of axis \(axis) does not split into \(parts) equal parts",
          at: node.place)
      }
      lengths = [Int](repeating: x[axis] / parts, count: parts)
    } else {
      let bounds = [0] + (try node.ints(key) ?? []).map { min(max($0, 0), x[axis]) } + [x[axis]]
      lengths = zip(bounds.dropFirst(), bounds).map { $0 - $1 }
    }
    var node = node
    let base = node.results.first ?? node.name
    if node.results.count != lengths.count {
      node.results = lengths.indices.map { "\(base):\($0)" }
    }
    return try split(node, &builder, lengths)
  }

  private static func split(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ lengths: [Int]?
  ) throws(Diagnostic) -> [ValueID] {
    let operand = try node.operand(0, "input")
    let x = builder.shape(of: operand)
    let axis = try node.axis(try node.int("axis", default: 0), rank: x.rank)
    let parts = node.results.count
    let extent = x[axis]
    let wanted = try node.int("num_outputs", default: parts)
    guard parts > 0, wanted == parts else {
      throw Diagnostic(
        id: "import.split.outputs", "num_outputs is \(wanted), there are \(parts) results",
        at: node.place)
    }
    let chunk = (extent + parts - 1) / parts
    // Only since operator set 18 may the last part be smaller.
    if lengths == nil, node.version < 18, chunk * parts != extent {
      throw Diagnostic(
        id: "import.split.uneven",
        "extent \(extent) of axis \(axis) does not split into \(parts) equal parts", at: node.place)
    }
    let even = (0..<parts).map { min(chunk, max(extent - $0 * chunk, 0)) }
    let all = lengths ?? even
    guard all.count == parts, all.allSatisfy({ (0...extent).contains($0) }),
      all.reduce(0, +) == extent
    else {
      throw Diagnostic(
        id: "import.split.lengths",
        "lengths \(all) do not split extent \(extent) of axis \(axis) into \(parts) parts",
        at: node.place)
    }
    var results: [ValueID] = []
    var start = 0
    for (index, length) in all.enumerated() {
      var slice = Slice(starts: x.map { _ in 0 }, ends: x.dimensions)
      slice.starts[axis] = start
      slice.ends[axis] = start + length
      start += length
      results += try builder.add(
        slice, [operand], name: parts == 1 ? node.name : "\(node.name):\(index)",
        results: [node.results[index]], place: node.place)
    }
    return results
  }
}
