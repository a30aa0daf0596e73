import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// The operand repeated along the axes where its extent is 1, by the rules of NumPy.
public struct Broadcast: Operator {
  /// Shape of the result.
  public var shape: Shape

  /// Creates the operator.
  public init(shape: Shape) { self.shape = shape }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "broadcast", "Repeats a tensor along axes of extent 1.", operands: [OperandSpec("x")])

  /// The operand's element type in the shape.
  ///
  /// - Throws: `shape.broadcast.extents`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let x = try requiredType(operands, 0)
    guard Shape.broadcast(x.shape, shape) == shape else {
      throw shapeProblem("extents", "\(x.shape) does not broadcast to \(shape)")
    }
    return [x.moved(to: shape)]
  }

  /// Repeats the elements.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let x = try requiredValue(operands, 0)
    return [viewed(x, broadcastBox(x.shape, to: shape), as: shape)]
  }

  /// The operand's quantization.
  public var quantizationRule: QuantizationRule { .inherit(0) }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Expand") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "input")
        let wanted = try node.shape(try builder.integers(node, 1, "shape"))
        guard let shape = Shape.broadcast(builder.shape(of: x), wanted) else {
          throw Diagnostic(
            id: "shape.broadcast.extents",
            "\(builder.shape(of: x)) and \(wanted) do not broadcast", at: node.place)
        }
        return try builder.add(Broadcast(shape: shape), [x], as: node)
      },
      .onnx("Tile", 1...5) { node, builder throws(Diagnostic) in
        let rank = builder.shape(of: try node.operand(0, "input")).rank
        let count = try builder.optionalScalar(node, 1, "tiles") ?? 1
        let axis = try builder.optionalScalar(node, 2, "axis") ?? 0
        var repeats = [Int](repeating: 1, count: rank)
        repeats[try node.axis(Int(exactly: axis) ?? .max, rank: rank)] = Int(exactly: count) ?? -1
        return try tiled(node, &builder, repeats)
      },
      .onnx("Tile", 6...1000) { node, builder throws(Diagnostic) in
        try tiled(node, &builder, try builder.integers(node, 1, "repeats"))
      },
      .relay("broadcast_to") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let extents: [Int]
        if let listed = try node.listed("shape") {
          extents = listed
        } else {
          extents = try builder.integers(node, 1, "shape")
        }
        return try builder.add(Broadcast(shape: try node.shape(extents)), [x], as: node)
      },
      .relay("broadcast_to_like") { node, builder throws(Diagnostic) in
        let shape = builder.shape(of: try node.operand(1, "like"))
        return try builder.add(
          Broadcast(shape: shape), [try node.operand(0, "data")], as: node)
      },
      .relay("tile") { node, builder throws(Diagnostic) in
        let operand = try node.operand(0, "data")
        var repeats = try node.listed("reps") ?? []
        var node = node
        let rank = builder.shape(of: operand).rank
        if repeats.count < rank {
          repeats = [Int](repeating: 1, count: rank - repeats.count) + repeats
        } else if repeats.count > rank {
          let ones = [Int](repeating: 1, count: repeats.count - rank)
          let wide = try node.shape(ones + builder.shape(of: operand).dimensions)
          node.operands[0] = try builder.addStep(
            Reshape(shape: wide), [operand], "ranked", of: node)
        }
        return try tiled(node, &builder, repeats)
      },
      .relay("meshgrid") { node, builder throws(Diagnostic) in
        try gridded(node, &builder)
      },
      .relay("repeat") { node, builder throws(Diagnostic) in
        try repeated(node, &builder)
      },
    ]
  }

  /// The coordinates of a grid from a list for each axis, the first two of which `xy` swaps.
  private static func gridded(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    var axes = Array(node.operands.indices)
    if try node.text("indexing", default: "ij") == "xy", axes.count > 1 { axes.swapAt(0, 1) }
    var extents = [Int](repeating: 1, count: axes.count)
    for (index, axis) in axes.enumerated() {
      extents[axis] = builder.shape(of: try node.operand(index, "data")).count
    }
    let grid = try node.shape(extents)
    var results: [ValueID] = []
    for (index, axis) in axes.enumerated() {
      var line = [Int](repeating: 1, count: axes.count)
      line[axis] = extents[axis]
      let aligned = try builder.addStep(
        Reshape(shape: try node.shape(line)), [try node.operand(index, "data")],
        "line\(index)", of: node)
      results.append(
        try builder.addStep(Broadcast(shape: grid), [aligned], "grid\(index)", of: node))
    }
    return results
  }

  /// Every index of an axis, or every element, several times in a row.
  private static func repeated(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    var x = try node.operand(0, "data")
    let count = try node.int("repeats")
    var axis = 0
    if let given = try node.optionalInt("axis") {
      axis = try node.axis(given, rank: builder.shape(of: x).rank)
    } else {
      let flat: Shape = [builder.shape(of: x).count]
      x = try builder.addStep(Reshape(shape: flat), [x], "flat", of: node)
    }
    let shape = builder.shape(of: x)
    guard (1...1 << 24).contains(count), shape[axis] <= 1 << 30 else {
      throw Diagnostic(
        id: "import.tile.repeats", "repeats \(count) do not fit shape \(shape)", at: node.place)
    }
    var apart = shape.dimensions
    apart.insert(1, at: axis + 1)
    var wide = apart
    wide[axis + 1] = count
    var result = shape.dimensions
    result[axis] *= count
    let split = try builder.addStep(
      Reshape(shape: try node.shape(apart)), [x], "split", of: node)
    let spread = try builder.addStep(
      Broadcast(shape: try node.shape(wide)), [split], "repeated", of: node)
    return try builder.add(Reshape(shape: try node.shape(result)), [spread], as: node)
  }

  /// Tiling is broadcasting with an axis of extent 1 in front of every axis.
  private static func tiled(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ repeats: [Int]
  ) throws(Diagnostic) -> [ValueID] {
    let operand = try node.operand(0, "input")
    let x = builder.shape(of: operand)
    guard repeats.count == x.rank, repeats.allSatisfy({ (0...1 << 40).contains($0) }) else {
      throw Diagnostic(
        id: "import.tile.repeats", "repeats \(repeats) do not fit shape \(x)", at: node.place)
    }
    let result = try node.shape(
      x.indices.map {
        let (product, overflow) = x[$0].multipliedReportingOverflow(by: repeats[$0])
        return overflow ? -1 : product
      })
    let split = try node.shape(x.flatMap { [1, $0] })
    let wide = try node.shape(x.indices.flatMap { [repeats[$0], x[$0]] })
    let apart = try builder.addStep(Reshape(shape: split), [operand], "split", of: node)
    let repeated = try builder.addStep(Broadcast(shape: wide), [apart], "repeated", of: node)
    return try builder.add(Reshape(shape: result), [repeated], as: node)
  }
}

extension Broadcast: LowerableOperator {
  /// Copies that repeat rows.
  ///
  /// - Throws: `lower.broadcast.<problem>`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    let from = context.type(of: x).shape
    if from.count == shape.count { return try context.pass(node, x) }
    let to = try context.quantization(node, node.result)
    let source = try context.conformed(node, x, to: to)
    try context.copyBox(
      node, shape.dimensions, from: broadcastBox(from, to: shape),
      to: StridedBox(offset: 0, strides: shape.strides), elementBytes: to.storageBytes,
      x: .buffer(source), y: context.buffer(node.result))
  }
}
