import UQGraph
import UQNumerics
import UQSupport

/// The whole quotient of two numbers, or what remains of it, with broadcasting.
public struct Modulo: Operator {
  /// What is computed.
  public enum Kind: String, Hashable, Codable, Sendable, CaseIterable {
    /// `⌊a / b⌋`.
    case floorQuotient
    /// `a − b · ⌊a / b⌋`, with the sign of `b`.
    case floorRemainder
    /// `a / b` rounded toward zero.
    case truncatedQuotient
    /// `a` less `b` times that quotient, with the sign of `a`.
    case truncatedRemainder
  }

  /// What is computed.
  public var kind: Kind

  /// Creates the operator.
  public init(kind: Kind) { self.kind = kind }

  /// Names, operands and summary.
  public static let spec = OperatorSpec(
    "modulo", "Whole quotient or remainder with broadcasting.",
    operands: [OperandSpec("a"), OperandSpec("b")])

  /// The operands' type, broadcast.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    [try broadcastType(operands)]
  }

  /// Computes the result in the operands' element type; integers wrap.
  ///
  /// - Throws: `type.modulo.zero` for an integer division by zero.
  public func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]
  {
    let a = try requiredValue(operands, 0)
    let b = try requiredValue(operands, 1)
    if !b.element.isFloat, b.integers.contains(0) {
      throw typeProblem("zero", "divides \(a.type) by \(b.type) that holds a zero")
    }
    switch kind {
    case .floorQuotient: return [evaluateBinary(FloorQuotient.self, a, b, results[0])]
    case .floorRemainder: return [evaluateBinary(FloorRemainder.self, a, b, results[0])]
    case .truncatedQuotient: return [evaluateBinary(TruncatedQuotient.self, a, b, results[0])]
    case .truncatedRemainder: return [evaluateBinary(TruncatedRemainder.self, a, b, results[0])]
    }
  }

  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    let relay: [(String, Kind)] = [
      ("floor_divide", .floorQuotient), ("floor_mod", .floorRemainder),
      ("mod", .truncatedRemainder), ("trunc_divide", .truncatedQuotient),
      ("trunc_mod", .truncatedRemainder),
    ]
    return [
      .onnx("Mod") { node, builder throws(Diagnostic) in
        let operands = try node.broadcastOperands(&builder)
        let truncates = try node.int("fmod", default: 0) != 0
        guard truncates || !builder.type(of: operands[0]).element.isFloat else {
          throw Diagnostic(
            id: "import.operand.type",
            "operands are \(builder.type(of: operands[0])); attribute 'fmod' must be 1",
            at: node.place)
        }
        let kind = truncates ? Kind.truncatedRemainder : .floorRemainder
        return try builder.add(Modulo(kind: kind), operands, as: node)
      }
    ]
      + relay.map { name, kind in
        .relay(name) { node, builder throws(Diagnostic) in
          try builder.add(Modulo(kind: kind), try node.broadcastOperands(&builder), as: node)
        }
      }
  }
}

private enum TruncatedQuotient: BinaryFunction {
  static func floating<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T {
    (a / b).rounded(.towardZero)
  }
  static func integer<T: FixedWidthInteger>(_ a: T, _ b: T) -> T {
    a.dividedReportingOverflow(by: b).partialValue
  }
}

private enum TruncatedRemainder: BinaryFunction {
  static func floating<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T {
    a.truncatingRemainder(dividingBy: b)
  }
  static func integer<T: FixedWidthInteger>(_ a: T, _ b: T) -> T {
    a.remainderReportingOverflow(dividingBy: b).partialValue
  }
}

private enum FloorQuotient: BinaryFunction {
  static func floating<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T { (a / b).rounded(.down) }
  static func integer<T: FixedWidthInteger>(_ a: T, _ b: T) -> T {
    let quotient = TruncatedQuotient.integer(a, b)
    let rest = TruncatedRemainder.integer(a, b)
    return rest != 0 && (rest < 0) != (b < 0) ? quotient &- 1 : quotient
  }
}

private enum FloorRemainder: BinaryFunction {
  static func floating<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T {
    let rest = a.truncatingRemainder(dividingBy: b)
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest
  }
  static func integer<T: FixedWidthInteger>(_ a: T, _ b: T) -> T {
    let rest = TruncatedRemainder.integer(a, b)
    return rest != 0 && (rest < 0) != (b < 0) ? rest &+ b : rest
  }
}
