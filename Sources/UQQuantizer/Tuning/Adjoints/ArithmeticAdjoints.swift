import UQGraph
import UQNumerics
import UQOperators
import UQSupport

extension Add: DifferentiableOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    builder.appendSum(gradient, to: builder.shape(node, slot), name: node.name)
  }
}

extension Subtract: DifferentiableOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    let signed = slot == 0 ? gradient : builder.appendNegative(gradient, name: node.name)
    return builder.appendSum(signed, to: builder.shape(node, slot), name: node.name)
  }
}

extension Multiply: DifferentiableOperator {
  /// `g · b` at `a`, `g · a` at `b`.
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    guard let other = node.operands[1 - slot] else { return nil }
    let product = builder.appendProduct(gradient, builder.value(other), name: node.name)
    return builder.appendSum(product, to: builder.shape(node, slot), name: node.name)
  }
}

extension Divide: DifferentiableOperator {
  /// `g / b` at `a`, `−g · a / b²` at `b`.
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    guard let dividend = node.operands[0], let divisor = node.operands[1] else { return nil }
    let shape = builder.graph.type(of: gradient).shape
    let b = builder.value(divisor)
    var quotient = builder.append(Divide(), [gradient, b], shape, name: node.name)
    if slot == 1 {
      quotient = builder.append(Divide(), [quotient, b], shape, name: node.name)
      quotient = builder.appendProduct(quotient, builder.value(dividend), name: node.name)
      quotient = builder.appendNegative(quotient, name: node.name)
    }
    return builder.appendSum(quotient, to: builder.shape(node, slot), name: node.name)
  }
}

extension Maximum: DifferentiableOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    builder.appendSelected(node, slot, slot == 0 ? .greaterOrEqual : .less, gradient)
  }
}

extension Minimum: DifferentiableOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    builder.appendSelected(node, slot, slot == 0 ? .lessOrEqual : .greater, gradient)
  }
}

extension PRelu: DifferentiableOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    guard slot == 0, let x = node.operands[0], let slope = node.operands[1] else { return nil }
    let shape = builder.shape(node, 0)
    let zero = builder.append(Tensor([Float(0)], []), name: "zero")
    let isNegative = builder.append(
      Compare(kind: .less), [builder.value(x), zero], shape, name: node.name, element: .bool)
    let flat = builder.appendProduct(gradient, builder.value(slope), name: node.name)
    return builder.append(Where(), [isNegative, flat, gradient], shape, name: node.name)
  }
}

extension AdjointBuilder {
  fileprivate mutating func appendNegative(_ gradient: ValueID, name: String) -> ValueID {
    append(
      Pointwise(function: .negate), [gradient], graph.type(of: gradient).shape, name: name)
  }

  /// The product of a gradient and what broadcasts to its shape.
  fileprivate mutating func appendProduct(_ gradient: ValueID, _ other: ValueID, name: String)
    -> ValueID
  {
    append(Multiply(), [gradient, other], graph.type(of: gradient).shape, name: name)
  }

  /// The gradient at an operand where the two stand in an order, else 0.
  fileprivate mutating func appendSelected(
    _ node: Node, _ slot: Int, _ order: Compare.Kind, _ gradient: ValueID
  ) -> ValueID? {
    guard let a = node.operands[0], let b = node.operands[1], node.operands.count == 2 else {
      return nil
    }
    let shape = graph.type(of: gradient).shape
    let isChosen = append(
      Compare(kind: order), [value(a), value(b)], shape, name: node.name, element: .bool)
    let zero = append(Tensor([Float(0)], []), name: "zero")
    let selected = append(Where(), [isChosen, gradient, zero], shape, name: node.name)
    return appendSum(selected, to: self.shape(node, slot), name: node.name)
  }
}
