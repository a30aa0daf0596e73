import UQGraph
import UQNumerics
import UQSupport

/// Whether two numbers stand in an order, elementwise with broadcasting.
public struct Compare: Operator {
  /// The order that is asked for.
  public enum Kind: String, Hashable, Codable, Sendable, CaseIterable {
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
  }

  /// The order that is asked for.
  public var kind: Kind

  /// Creates the operator.
  public init(kind: Kind) { self.kind = kind }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "compare", "Elementwise comparison with broadcasting.",
    operands: [OperandSpec("a"), OperandSpec("b")])

  /// `bool` in the shapes broadcast.
  ///
  /// - Throws: `type.compare.mismatch`, `shape.compare.broadcast`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    try checkOperandCount(operands)
    let a = try requiredType(operands, 0)
    let b = try requiredType(operands, 1)
    guard a.valueElement == b.valueElement else {
      throw typeProblem("mismatch", "compares \(a) with \(b); cast one to the other's type")
    }
    guard let shape = Shape.broadcast(a.shape, b.shape) else {
      throw shapeProblem("broadcast", "shapes \(a.shape) and \(b.shape) do not broadcast")
    }
    return [TensorType(.bool, shape)]
  }

  /// Compares exactly; nothing but `notEqual` holds for a NaN.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let a = try requiredValue(operands, 0)
    let b = try requiredValue(operands, 1)
    let shape = results[0].shape
    if a.element.isFloat {
      return [compared(a.converted(to: .float64), b.converted(to: .float64), shape, Double.self)]
    }
    if a.element == .uint64 { return [compared(a, b, shape, UInt64.self)] }
    return [compared(a.converted(to: .int64), b.converted(to: .int64), shape, Int64.self)]
  }

  private func compared<T: TensorElement & Comparable>(
    _ a: Tensor, _ b: Tensor, _ shape: Shape, _: T.Type
  ) -> Tensor {
    switch kind {
    case .equal: broadcastMap(a, b, shape) { (x: T, y: T) in x == y }
    case .notEqual: broadcastMap(a, b, shape) { (x: T, y: T) in x != y }
    case .less: broadcastMap(a, b, shape) { (x: T, y: T) in x < y }
    case .lessOrEqual: broadcastMap(a, b, shape) { (x: T, y: T) in x <= y }
    case .greater: broadcastMap(a, b, shape) { (x: T, y: T) in x > y }
    case .greaterOrEqual: broadcastMap(a, b, shape) { (x: T, y: T) in x >= y }
    }
  }

  /// Truth values are no quantized numbers.
  public var quantizationRule: QuantizationRule { .plain }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    let names: [(onnx: String?, relay: String, Kind)] = [
      ("Equal", "equal", .equal), ("Greater", "greater", .greater),
      ("GreaterOrEqual", "greater_equal", .greaterOrEqual), ("Less", "less", .less),
      ("LessOrEqual", "less_equal", .lessOrEqual), (nil, "not_equal", .notEqual),
    ]
    return names.flatMap { onnx, relay, kind in
      let build: @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID] = {
        node, builder throws(Diagnostic) in
        try builder.add(Compare(kind: kind), try node.broadcastOperands(&builder), as: node)
      }
      return [onnx.map { ImportRule.onnx($0, 1...1000, build) }, .relay(relay, build)]
        .compactMap { $0 }
    }
  }
}
