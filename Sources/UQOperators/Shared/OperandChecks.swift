import UQGraph
import UQNumerics
import UQSupport

extension TensorType {
  /// The element type that the values stand for: `float32` for a quantized tensor.
  var valueElement: ElementType { quantization == nil ? element : .float32 }

  /// The type in another shape, keeping a quantization that no axis belongs to.
  func moved(to shape: Shape) -> TensorType {
    let kept = quantization?.axis == nil ? quantization : nil
    return TensorType(kept == nil ? valueElement : element, shape, quantization: kept)
  }
}

extension Operator {
  /// The type of a required operand.
  ///
  /// - Throws: `type.<operator>.operands`.
  func requiredType(_ operands: [TensorType?], _ index: Int) throws(Diagnostic) -> TensorType {
    guard index < operands.count, let type = operands[index] else {
      throw missingOperand(index, operands.count)
    }
    return type
  }

  /// The value of a required operand.
  ///
  /// - Throws: `type.<operator>.operands`.
  func requiredValue(_ operands: [Tensor?], _ index: Int) throws(Diagnostic) -> Tensor {
    guard index < operands.count, let value = operands[index] else {
      throw missingOperand(index, operands.count)
    }
    return value
  }

  /// Checks that there are no more operands than `spec` has.
  ///
  /// - Throws: `type.<operator>.operands`.
  func checkOperandCount(_ operands: [TensorType?]) throws(Diagnostic) {
    let spec = Self.spec
    guard spec.isVariadic || operands.count <= spec.operands.count else {
      throw Diagnostic(
        id: "type.\(spec.name).operands",
        "has \(operands.count) operands, takes \(spec.operands.count)")
    }
  }

  /// A diagnostic about shapes.
  func shapeProblem(_ problem: String, _ message: String) -> Diagnostic {
    Diagnostic(id: "shape.\(Self.spec.name).\(problem)", message)
  }

  /// A diagnostic about element types.
  func typeProblem(_ problem: String, _ message: String) -> Diagnostic {
    Diagnostic(id: "type.\(Self.spec.name).\(problem)", message)
  }

  /// The type of the result of two operands that broadcast.
  ///
  /// - Throws: `type.<operator>.mismatch`, `shape.<operator>.broadcast`.
  func broadcastType(_ operands: [TensorType?]) throws(Diagnostic) -> TensorType {
    try checkOperandCount(operands)
    let a = try requiredType(operands, 0)
    let b = try requiredType(operands, 1)
    guard a.valueElement == b.valueElement else {
      throw typeProblem("mismatch", "operands are \(a) and \(b); cast one to the other's type")
    }
    guard a.valueElement != .bool else {
      throw typeProblem("element", "operands are \(a) and \(b), which are not numbers")
    }
    guard let shape = Shape.broadcast(a.shape, b.shape) else {
      throw shapeProblem("broadcast", "shapes \(a.shape) and \(b.shape) do not broadcast")
    }
    return TensorType(a.valueElement, shape)
  }

  private func missingOperand(_ index: Int, _ count: Int) -> Diagnostic {
    let role = Self.spec.operand(at: index)?.name ?? "\(index)"
    return typeProblem("operands", "operand '\(role)' is missing; there are \(count)")
  }
}
