import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// Any function of an int8 number by its 256 results.
public struct LookupTable: Operator {
  /// The results for −128...127.
  public var table: [Int8]

  /// Creates the operator.
  public init(table: [Int8]) { self.table = table }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "lookup_table", "A function of int8 numbers given by its 256 results.",
    operands: [OperandSpec("x")])

  /// The operand's type, int8.
  ///
  /// - Throws: `type.lookup_table.*`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let x = try requiredType(operands, 0)
    guard x.element == .int8, table.count == 256 else {
      throw typeProblem("element", "operand is \(x), the table has \(table.count) entries")
    }
    return [TensorType(.int8, x.shape)]
  }

  /// The definition.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let x = try requiredValue(operands, 0)
    return [x.mapped(along: nil, count: 1) { (x: Int8, _) -> Int8 in table[Int(x) + 128] }]
  }
}

extension LookupTable: LowerableOperator {
  /// One call of `uq_lut_s8`.
  ///
  /// - Throws: `lower.lookup_table.*`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    let constant = context.addConstant(
      ProgramConstant(name: "\(node.name) table", role: .table, table))
    context.emit(
      LookupKernel(
        table: constant, count: context.type(of: x).shape.count, x: context.buffer(x),
        y: context.buffer(node.result)))
  }
}
