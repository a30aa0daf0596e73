import UQGraph
import UQNumerics
import UQSupport

extension ElementType {
  /// Smallest and largest value of an integer type of up to 32 bits; those of int32 for wider ones.
  public var integerRange: ClosedRange<Int> {
    switch self {
    case .int8: -128...127
    case .uint8: 0...255
    case .int16: -32768...32767
    case .uint16: 0...65535
    case .uint32: 0...Int(UInt32.max)
    default: Int(Int32.min)...Int(Int32.max)
    }
  }
}

extension Tensor {
  /// The elements as 32-bit integers modulo 2^32, less a zero point for each index of `axis` or one
  /// for all.
  func integers(less zeroPoints: [Int], axis: Int? = nil) -> Tensor {
    var result = converted(to: .int32)
    guard zeroPoints.contains(where: { $0 != 0 }) else { return result }
    let zeros = zeroPoints.map { Int32(truncatingIfNeeded: $0) }
    let inner = axis.map { shape.strides[$0] } ?? 1
    let count = zeros.count
    result.withMutableElements(Int32.self) { values in
      zeros.withUnsafeBufferPointer { zeros in
        if count == 1 {
          for i in values.indices { values[i] &-= zeros[0] }
        } else {
          for i in values.indices { values[i] &-= zeros[i / inner % count] }
        }
      }
    }
    return result
  }

  /// Calls `body` with the index along `axis` for each element and stores what it makes of it.
  ///
  /// - Parameter count: number of indices; 1 calls it with 0 throughout.
  func mapped<A: TensorElement, B: TensorElement>(
    along axis: Int?, count: Int, _ body: (A, Int) -> B
  ) -> Tensor {
    var result = Tensor(zeros: B.elementType, shape)
    let inner = axis.map { max(shape.strides[$0], 1) } ?? 1
    withElements(A.self) { x in
      result.withMutableElements(B.self) { y in
        if count <= 1 {
          for i in x.indices { y[i] = body(x[i], 0) }
        } else {
          for i in x.indices { y[i] = body(x[i], i / inner % count) }
        }
      }
    }
    return result
  }
}

extension Operator {
  /// Checks one number for each index of an axis, or one for all.
  ///
  /// - Throws: `shape.<operator>.axis`.
  func checkPerAxis(_ count: Int, _ role: String, axis: Int?, _ shape: Shape) throws(Diagnostic) {
    if count == 1 { return }
    guard let axis, shape.indices.contains(axis), shape[axis] == count else {
      throw shapeProblem(
        "axis",
        "\(count) \(role) do not go with axis \(axis.map(String.init) ?? "none") of \(shape)")
    }
  }

  /// Checks that a type is one of integers.
  ///
  /// - Throws: `type.<operator>.element`.
  func checkIntegers(_ type: TensorType, _ role: String) throws(Diagnostic) {
    guard type.element.isInteger else {
      throw typeProblem("element", "operand '\(role)' is \(type), not integers")
    }
  }
}

extension GraphBuilder {
  /// The numbers of a constant operand that holds one or a list: scales or zero points.
  ///
  /// - Throws: `import.operand.missing`, `import.operand.nonconstant`, `import.operand.type`.
  func numbers(_ node: ForeignNode, _ index: Int, _ role: String) throws(Diagnostic) -> Tensor {
    _ = try node.operand(index, role)
    guard let value = try optionalConstant(node, index, role), value.count > 0,
      value.shape.dimensions.allSatisfy({ $0 == 1 }) || value.shape.rank == 1
    else {
      throw Diagnostic(
        id: "import.operand.type",
        "operand \(index) (\(role)) is \(type(of: try node.operand(index, role))), not a number or a "
          + "list of numbers", at: node.place)
    }
    return value
  }

  /// The positive scales of a constant operand; equal ones become one.
  ///
  /// - Throws: also `import.scale.range`.
  func scales(_ node: ForeignNode, _ index: Int, _ role: String) throws(Diagnostic) -> [Float] {
    let values = try numbers(node, index, role).floats
    guard values.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw Diagnostic(
        id: "import.scale.range", "operand \(index) (\(role)) holds a scale that is not positive",
        at: node.place)
    }
    return values.allSatisfy { $0 == values[0] } ? [values[0]] : values
  }

  /// The zero points of a constant operand; equal ones become one.
  ///
  /// - Throws: also `import.operand.type` for what are no 32-bit integers.
  func zeroPoints(_ node: ForeignNode, _ index: Int, _ role: String) throws(Diagnostic) -> [Int] {
    let value = try numbers(node, index, role)
    let values = value.integers
    guard value.element.isInteger, values.allSatisfy({ Int32(exactly: $0) != nil }) else {
      throw Diagnostic(
        id: "import.operand.type", "operand \(index) (\(role)) is \(value.type), not zero points",
        at: node.place)
    }
    return values.allSatisfy { $0 == values[0] } ? [values[0]] : values
  }

  /// The only scale of a constant operand.
  func scale(_ node: ForeignNode, _ index: Int, _ role: String) throws(Diagnostic) -> Float {
    let all = try scales(node, index, role)
    guard all.count == 1 else { throw notScalar(node, index, role) }
    return all[0]
  }

  /// The only zero point of a constant operand.
  func zeroPoint(_ node: ForeignNode, _ index: Int, _ role: String) throws(Diagnostic) -> Int {
    let all = try zeroPoints(node, index, role)
    guard all.count == 1 else { throw notScalar(node, index, role) }
    return all[0]
  }

  /// The axis that several scales or zero points of an ONNX node run along; `nil` for one.
  ///
  /// - Throws: `import.axis.range`.
  func quantizedAxis(_ node: ForeignNode, _ x: ValueID, _ count: Int) throws(Diagnostic) -> Int? {
    if count == 1 { return nil }
    return try node.axis(try node.int("axis", default: 1), rank: shape(of: x).rank)
  }

  /// The value in float32.
  mutating func float32(_ id: ValueID, _ step: String, of node: ForeignNode) throws(Diagnostic)
    -> ValueID
  {
    if type(of: id).element == .float32 { return id }
    return try addStep(Cast(element: .float32), [id], step, of: node)
  }

  private func notScalar(_ node: ForeignNode, _ index: Int, _ role: String) -> Diagnostic {
    Diagnostic(
      id: "import.operand.type", "operand \(index) (\(role)) is a list; one number is supported",
      at: node.place)
  }
}

extension ForeignNode {
  /// An attribute that names an element type; `fallback` where it is absent or empty.
  ///
  /// - Throws: `import.attribute.type`.
  func element(_ key: String, default fallback: ElementType) throws(Diagnostic) -> ElementType {
    let name = try string(key, default: "")
    if name.isEmpty || name == "None" { return fallback }
    guard let element = ElementType(rawValue: name) else {
      throw Diagnostic(
        id: "import.attribute.type", "attribute '\(key)' is '\(name)', which is no supported type",
        at: place)
    }
    return element
  }
}
