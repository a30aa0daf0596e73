import UQGraph
import UQNumerics
import UQSupport

/// Import of ONNX `Sum` and `Mean` of any number of operands: a chain of `Add`, for `Mean` multiplied
/// by the reciprocal of their number.
public enum VariadicArithmetic: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Sum") { node, builder throws(Diagnostic) in
        try node.foldOperands(&builder, with: Add())
      },
      .onnx("Mean") { node, builder throws(Diagnostic) in
        guard node.operands.count > 1 else {
          return try node.foldOperands(&builder, with: Add())
        }
        var chain = node
        let name = node.results.first ?? node.name
        chain.name = "\(node.name):sum"
        chain.results = ["\(name):sum"]
        let sum = try chain.foldOperands(&builder, with: Add())[0]
        let element = builder.type(of: sum).element
        guard element.isFloat else {
          throw Diagnostic(
            id: "type.mean.element", "operands are \(element.name), not floating-point",
            at: node.place)
        }
        let count = Tensor(doubles: [Double(node.operands.count)], element, [])
        let divisor = builder.addConstant(count, name: "\(name):count")
        return try builder.add(Divide(), [sum, divisor], as: node)
      },
    ]
  }
}

extension ForeignNode {
  /// Combines all operands from the left with a binary operator; one operand is its own result.
  ///
  /// - Throws: `import.operand.missing`, `import.broadcast.disabled` for operands of different shapes
  ///   before operator set 8.
  func foldOperands(_ builder: inout GraphBuilder, with op: some Operator) throws(Diagnostic)
    -> [ValueID]
  {
    var result = try operand(0, "data_0")
    for index in operands.indices.dropFirst() {
      let next = try operand(index, "data_\(index)")
      let x = builder.shape(of: result)
      let y = builder.shape(of: next)
      if dialect == .onnx, version < 8, x != y {
        throw Diagnostic(
          id: "import.broadcast.disabled",
          "operands have shapes \(x) and \(y), which must be equal before operator set 8",
          at: place)
      }
      if index == operands.count - 1 {
        result = try builder.add(op, [result, next], as: self)[0]
      } else {
        result = try builder.addStep(op, [result, next], "\(index)", of: self)
      }
    }
    return [result]
  }
}
