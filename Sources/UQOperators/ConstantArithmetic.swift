import Foundation
import UQGraph
import UQNumerics
import UQSupport

/// Import of the operators that shape arithmetic needs besides the common ones: comparison, logic,
/// selection, remainder and ranges, on constants only.
public enum ConstantArithmetic: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      comparison("Equal", { $0 == $1 }, { $0 == $1 }),
      comparison("Greater", { $0 > $1 }, { $0 > $1 }),
      comparison("GreaterOrEqual", { $0 >= $1 }, { $0 >= $1 }),
      comparison("Less", { $0 < $1 }, { $0 < $1 }),
      comparison("LessOrEqual", { $0 <= $1 }, { $0 <= $1 }),
      logic("And") { $0 && $1 },
      logic("Or") { $0 || $1 },
      logic("Xor") { $0 != $1 },
      .onnx("Mod") { node, builder throws(Diagnostic) in try remainder(node, &builder) },
      .onnx("Not") { node, builder throws(Diagnostic) in
        let x = try constant(node, builder, 0)
        try require(x.element == .bool, node, "operand is \(x.type), not bool")
        let result = x.converted(to: .uint8).elements(UInt8.self).map { $0 == 0 }
        return builder.addConstant(Tensor(result, x.shape), as: node)
      },
      .onnx("Range") { node, builder throws(Diagnostic) in try range(node, &builder) },
      .onnx("Where") { node, builder throws(Diagnostic) in try selected(node, &builder) },
    ]
  }

  private static func comparison(
    _ name: String, _ reals: @escaping @Sendable (Double, Double) -> Bool,
    _ integers: @escaping @Sendable (Int64, Int64) -> Bool
  ) -> ImportRule {
    .onnx(name) { node, builder throws(Diagnostic) in
      let (a, b, shape) = try pair(node, &builder)
      try require(a.element == b.element, node, "compares \(a.type) with \(b.type)")
      let result =
        a.element.isFloat
        ? broadcastMap(a.converted(to: .float64), b.converted(to: .float64), shape, reals)
        : broadcastMap(a.converted(to: .int64), b.converted(to: .int64), shape, integers)
      return builder.addConstant(result, as: node)
    }
  }

  private static func logic(
    _ name: String, _ function: @escaping @Sendable (Bool, Bool) -> Bool
  ) -> ImportRule {
    .onnx(name) { node, builder throws(Diagnostic) in
      let (a, b, shape) = try pair(node, &builder)
      try require(
        a.element == .bool && b.element == .bool, node, "operands are \(a.type) and \(b.type)")
      // Bytes other than 0 and 1 are not values of `Bool`.
      let result = broadcastMap(a.converted(to: .int64), b.converted(to: .int64), shape) {
        (x: Int64, y: Int64) in function(x != 0, y != 0)
      }
      return builder.addConstant(result, as: node)
    }
  }

  /// The sign is the divisor's, or with `fmod` the dividend's.
  private static func remainder(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let (a, b, shape) = try pair(node, &builder)
    try require(
      a.element == b.element && a.element != .bool, node, "operands are \(a.type) and \(b.type)")
    let truncates = try node.int("fmod", default: 0) != 0
    if a.element.isFloat {
      try require(truncates, node, "operands are \(a.type); attribute 'fmod' must be 1")
      let result = broadcastMap(a.converted(to: .float64), b.converted(to: .float64), shape) {
        (x: Double, y: Double) in fmod(x, y)
      }
      return builder.addConstant(result.converted(to: a.element), as: node)
    }
    try require(!b.integers.contains(0), node, "divides by \(b.type) that holds a zero")
    let result = broadcastMap(a.converted(to: .int64), b.converted(to: .int64), shape) {
      (x: Int64, y: Int64) -> Int64 in
      let rest = x.remainderReportingOverflow(dividingBy: y).partialValue
      return !truncates && rest != 0 && (rest < 0) != (y < 0) ? rest &+ y : rest
    }
    return builder.addConstant(result.converted(to: a.element), as: node)
  }

  private static func range(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let operands = [
      try constant(node, builder, 0), try constant(node, builder, 1),
      try constant(node, builder, 2),
    ]
    let element = operands[0].element
    try require(
      operands.allSatisfy { $0.count == 1 && $0.element == element && $0.element != .bool }, node,
      "start, limit and step are \(operands.map { "\($0.type)" }.joined(separator: ", "))")
    let values = operands.map { $0.converted(to: .float64).elements(Double.self)[0] }
    let count = ((values[1] - values[0]) / values[2]).rounded(.up)
    try require(count <= Double(1 << 20), node, "from \(values[0]) to \(values[1]) by \(values[2])")
    let positions = 0..<Int(max(count, 0))
    if element.isFloat {
      let result = positions.map { values[0] + Double($0) * values[2] }
      return builder.addConstant(Tensor(doubles: result, element, [result.count]), as: node)
    }
    let start = Int64(operands[0].integers[0])
    let step = Int64(operands[2].integers[0])
    let result = positions.map { start &+ Int64($0) &* step }
    return builder.addConstant(Tensor(wrapping: result, element, [result.count]), as: node)
  }

  private static func selected(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let condition = try constant(node, builder, 0)
    let x = try constant(node, builder, 1)
    let y = try constant(node, builder, 2)
    guard condition.element == .bool, x.element == y.element,
      let both = Shape.broadcast(x.shape, y.shape),
      let shape = Shape.broadcast(condition.shape, both), shape.count <= builder.foldingLimit
    else {
      throw problem(node, "selects from \(x.type) and \(y.type) by \(condition.type)")
    }
    // Positions into x and, behind them, y select elements of any type.
    let left = Tensor((0..<x.count).map(Int64.init), x.shape)
    let right = Tensor((0..<y.count).map { Int64(x.count + $0) }, y.shape)
    let pairs = broadcastMap(left, right, both) { (a: Int64, b: Int64) in a << 32 | b }
    let chosen = broadcastMap(condition.converted(to: .int64), pairs, shape) {
      (c: Int64, pair: Int64) in c != 0 ? pair >> 32 : pair & 0xFFFF_FFFF
    }
    let all = try Concat(axis: 0).evaluate(
      [x.reshaped([x.count]), y.reshaped([y.count])],
      results: [TensorType(x.element, [x.count + y.count])])
    let result = try Gather(axis: 0).evaluate(
      [all[0], chosen], results: [TensorType(x.element, shape)])
    return builder.addConstant(result[0], as: node)
  }

  private static func pair(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> (Tensor, Tensor, Shape)
  {
    _ = try constant(node, builder, 0)
    _ = try constant(node, builder, 1)
    let operands = try node.broadcastOperands(&builder)
    guard let a = builder.constant(operands[0]), let b = builder.constant(operands[1]) else {
      throw problem(node, "operands are not constant")
    }
    guard let shape = Shape.broadcast(a.shape, b.shape), shape.count <= builder.foldingLimit else {
      throw problem(node, "shapes \(a.shape) and \(b.shape) do not broadcast or are too large")
    }
    return (a, b, shape)
  }

  private static func constant(_ node: ForeignNode, _ builder: GraphBuilder, _ index: Int)
    throws(Diagnostic) -> Tensor
  {
    guard let value = builder.constant(try node.operand(index, "\(index)")) else {
      throw Diagnostic(
        id: "import.operator.nonconstant",
        "\(node.operatorName) of a tensor that depends on the input is not supported; operand"
          + " \(index) does", at: node.place)
    }
    return value
  }

  private static func require(_ condition: Bool, _ node: ForeignNode, _ message: String)
    throws(Diagnostic)
  {
    if !condition { throw problem(node, message) }
  }

  private static func problem(_ node: ForeignNode, _ message: String) -> Diagnostic {
    Diagnostic(id: "import.operand.type", message, at: node.place)
  }
}
