import UQGraph
import UQNumerics
import UQSupport

extension GraphBuilder {
  /// Adds the node that a foreign node as a whole becomes.
  mutating func add(_ op: some Operator, _ operands: [ValueID?], as node: ForeignNode)
    throws(Diagnostic) -> [ValueID]
  {
    try add(op, operands, name: node.name, results: node.results, place: node.place)
  }

  /// Adds a node with one result on the way to what a foreign node becomes.
  mutating func addStep(
    _ op: some Operator, _ operands: [ValueID?], _ step: String, of node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    let base = node.results.first.flatMap { $0.isEmpty ? nil : $0 } ?? node.name
    return try add(
      op, operands, name: "\(node.name):\(step)", results: ["\(base):\(step)"], place: node.place
    )[0]
  }

  /// Adds the constant that a foreign node becomes.
  mutating func addConstant(_ value: Tensor, as node: ForeignNode) -> [ValueID] {
    [addConstant(value, name: node.results.first ?? node.name)]
  }

  /// The constant behind an operand of a foreign node; `nil` where the operand is absent.
  ///
  /// - Throws: `import.operand.nonconstant`.
  func optionalConstant(_ node: ForeignNode, _ index: Int, _ role: String) throws(Diagnostic)
    -> Tensor?
  {
    guard let id = node.optionalOperand(index) else { return nil }
    guard let value = constant(id) else {
      throw Diagnostic(
        id: "import.operand.nonconstant",
        "operand \(index) (\(role)) depends on the input; only a constant is supported",
        at: node.place)
    }
    return value
  }

  /// The integers of a constant operand; `nil` where the operand is absent.
  ///
  /// - Throws: `import.operand.nonconstant`, `import.operand.type`.
  func optionalIntegers(_ node: ForeignNode, _ index: Int, _ role: String) throws(Diagnostic)
    -> [Int]?
  {
    guard let value = try optionalConstant(node, index, role) else { return nil }
    guard value.element.isInteger, value.shape.rank <= 1, value.count <= 1 << 16 else {
      throw Diagnostic(
        id: "import.operand.type",
        "operand \(index) (\(role)) is \(value.type), not a list of integers", at: node.place)
    }
    return value.integers
  }

  /// The integers of a constant operand.
  ///
  /// - Throws: `import.operand.missing`, `import.operand.nonconstant`, `import.operand.type`.
  func integers(_ node: ForeignNode, _ index: Int, _ role: String) throws(Diagnostic) -> [Int] {
    guard let values = try optionalIntegers(node, index, role) else {
      _ = try node.operand(index, role)
      return []
    }
    return values
  }

  /// The only number of a constant operand; `nil` where the operand is absent.
  ///
  /// - Throws: `import.operand.nonconstant`, `import.operand.type`.
  func optionalScalar(_ node: ForeignNode, _ index: Int, _ role: String) throws(Diagnostic)
    -> Double?
  {
    guard let value = try optionalConstant(node, index, role) else { return nil }
    guard value.count == 1 else {
      throw Diagnostic(
        id: "import.operand.type",
        "operand \(index) (\(role)) is \(value.type), not one number", at: node.place)
    }
    return value.converted(to: .float64).elements(Double.self)[0]
  }
}

extension ForeignNode {
  /// The axis that `axis` names in a tensor of the given rank.
  ///
  /// - Throws: `import.axis.range`.
  func axis(_ axis: Int, rank: Int) throws(Diagnostic) -> Int {
    let (sum, overflow) = axis.addingReportingOverflow(rank)
    let real = axis < 0 ? sum : axis
    guard !overflow || axis >= 0, (0..<rank).contains(real) else {
      throw Diagnostic(
        id: "import.axis.range", "axis \(axis) is outside a tensor of \(rank) axes", at: place)
    }
    return real
  }

  /// The distinct axes that `axes` name in a tensor of the given rank, ascending.
  ///
  /// - Throws: `import.axis.range`, `import.axis.repeated`.
  func axes(_ axes: [Int], rank: Int) throws(Diagnostic) -> [Int] {
    var result: [Int] = []
    for axis in axes { result.append(try self.axis(axis, rank: rank)) }
    guard Set(result).count == result.count else {
      throw Diagnostic(
        id: "import.axis.repeated", "axes \(axes) name an axis twice", at: place)
    }
    return result.sorted()
  }

  /// A shape from extents that the model gives.
  ///
  /// - Throws: `import.shape.unsound`.
  func shape(_ extents: [Int]) throws(Diagnostic) -> Shape {
    guard let shape = Shape(checking: extents), extents.count <= 64 else {
      throw Diagnostic(
        id: "import.shape.unsound", "\(extents) is not a shape: negative or too large", at: place)
    }
    return shape
  }

  /// The two operands of an elementwise operator, the second one reshaped as the `axis` attribute of
  /// operator sets before 7 wants it.
  ///
  /// - Throws: `import.broadcast.disabled`, `import.broadcast.axis`.
  func broadcastOperands(_ builder: inout GraphBuilder) throws(Diagnostic) -> [ValueID] {
    let a = try operand(0, "A")
    let b = try operand(1, "B")
    guard dialect == .onnx, version < 7 else { return [a, b] }
    let x = builder.shape(of: a)
    let y = builder.shape(of: b)
    guard try int("broadcast", default: 0) != 0 else {
      guard x == y else {
        throw Diagnostic(
          id: "import.broadcast.disabled",
          "shapes \(x) and \(y) differ and attribute 'broadcast' is not set", at: place)
      }
      return [a, b]
    }
    guard attributes["axis"] != nil, y.rank > 0 else { return [a, b] }
    let axis = try self.axis(try int("axis"), rank: x.rank)
    guard axis + y.rank <= x.rank else {
      throw Diagnostic(
        id: "import.broadcast.axis", "shape \(y) does not fit into \(x) from axis \(axis)",
        at: place)
    }
    let trailing = x.rank - axis - y.rank
    guard trailing > 0 else { return [a, b] }
    let shape = try self.shape(y.dimensions + [Int](repeating: 1, count: trailing))
    return [a, try builder.addStep(Reshape(shape: shape), [b], "aligned", of: self)]
  }
}

extension GraphBuilder {
  /// The list `values` shaped so that it broadcasts along an axis of `x`.
  ///
  /// - Throws: `import.axis.range`, `import.operand.type`.
  mutating func alignedToAxis(
    _ values: ValueID, _ axis: Int, of x: ValueID, _ role: String, _ node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    let rank = shape(of: x).rank
    let own = shape(of: values)
    let axis = try node.axis(axis, rank: rank)
    guard own.rank == 1, own.count == shape(of: x)[axis] else {
      throw Diagnostic(
        id: "import.operand.type",
        "'\(role)' is \(own), expected one number for each index of axis \(axis) of "
          + "\(shape(of: x))", at: node.place)
    }
    guard axis < rank - 1 else { return values }
    let trailing = [Int](repeating: 1, count: rank - 1 - axis)
    return try addStep(
      Reshape(shape: Shape(own.dimensions + trailing)), [values], role, of: node)
  }
}
