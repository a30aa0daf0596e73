import UQGraph
import UQNumerics
import UQSupport

extension ForeignNode {
  /// The axes that the Relay attributes `axis` and `exclude` name.
  ///
  /// - Throws: `import.axis.range`, `import.axis.repeated`.
  func reducedAxes(rank: Int) throws(Diagnostic) -> [Int] {
    let given = try listed("axis") ?? []
    let excludes = try flag("exclude")
    if given.isEmpty { return excludes ? [] : Array(0..<rank) }
    let named = try axes(given, rank: rank)
    return excludes ? (0..<rank).filter { !named.contains($0) } : named
  }
}

extension Reduce {
  /// Relay's reductions.
  static var relayImports: [ImportRule] {
    let names: [(String, Kind)] = [
      ("all", .minimum), ("any", .maximum), ("max", .maximum), ("mean", .mean),
      ("min", .minimum), ("prod", .product), ("sum", .sum),
    ]
    return names.map { name, kind in
      .relay(name) { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let type = builder.type(of: x)
        let isLogic = name == "all" || name == "any"
        guard (type.element == .bool) == isLogic else {
          throw Diagnostic(
            id: "type.reduce.element", "'\(name)' of \(type) is not defined", at: node.place)
        }
        return [try builder.addReduce(kind, x, of: node)]
      }
    } + [
      .relay("variance") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let mean = try node.operand(1, "mean")
        try node.requireFloat(builder.type(of: x))
        let shape = builder.shape(of: x)
        let axes = try node.reducedAxes(rank: shape.rank)
        // The mean keeps the axes.
        guard Shape.broadcast(shape, builder.shape(of: mean)) == shape else {
          throw Diagnostic(
            id: "shape.reduce.mean", "the mean is \(builder.shape(of: mean)) for \(shape)",
            at: node.place)
        }
        let difference = try builder.addStep(Subtract(), [x, mean], "difference", of: node)
        let square = try builder.addStep(
          Multiply(), [difference, difference], "square", of: node)
        guard try node.flag("unbiased") else {
          return [try builder.addReduce(.mean, square, of: node)]
        }
        let count = axes.reduce(1) { $0 * shape[$1] }
        let sum = try builder.addStep(
          Reduce(kind: .sum, axes: axes, keepsDimensions: try node.flag("keepdims")), [square],
          "sum", of: node)
        let divisor = builder.addConstant(
          Tensor(doubles: [Double(count - 1)], builder.type(of: x).element, []),
          name: "\(node.name):count")
        return try builder.add(Divide(), [sum, divisor], as: node)
      }
    ]
  }
}

extension GraphBuilder {
  /// Adds a reduction by the Relay attributes; a mean of integers is their wrapped sum divided toward
  /// zero.
  fileprivate mutating func addReduce(
    _ kind: Reduce.Kind, _ x: ValueID, of node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    let type = type(of: x)
    let axes = try node.reducedAxes(rank: type.shape.rank)
    let keeps = try node.flag("keepdims")
    guard kind == .mean, type.element.isInteger else {
      return try add(Reduce(kind: kind, axes: axes, keepsDimensions: keeps), [x], as: node)[0]
    }
    let sum = try addStep(
      Reduce(kind: .sum, axes: axes, keepsDimensions: keeps), [x], "sum", of: node)
    let count = axes.reduce(1) { $0 * type.shape[$1] }
    let divisor = Tensor(wrapping: [Int64(count)], type.element, [])
    guard divisor.integers == [count], count > 0 else {
      throw Diagnostic(
        id: "import.relay.integer", "a mean of \(count) elements of \(type) does not fit the type",
        at: node.place)
    }
    let constant = addConstant(divisor, name: "\(node.name):count")
    return try add(Divide(), [sum, constant], as: node)[0]
  }
}
