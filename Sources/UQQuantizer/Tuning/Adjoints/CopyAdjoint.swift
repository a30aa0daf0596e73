import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// An operator whose result's elements are elements of its operands, unchanged.
protocol CopyingOperator: DifferentiableOperator {}

extension CopyingOperator {
  /// Each gradient is added where the element came from.
  ///
  /// Where that is, the operator says itself: it is evaluated with positions in place of the elements.
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    let shape = builder.shape(node, slot)
    guard shape.count < Int32.max else { return nil }
    let operands = node.operands.enumerated().map { index, id -> Tensor? in
      guard let id else { return nil }
      if index == slot { return Tensor((0..<shape.count).map { Int32($0 + 1) }, shape) }
      let type = builder.source.type(of: id)
      return type.element == .float32
        ? Tensor(zeros: .int32, type.shape) : builder.source.constant(id)
    }
    let type = TensorType(.int32, builder.graph.type(of: gradient).shape)
    guard let origins = try? evaluate(operands, results: [type]).first,
      origins.element == .int32, origins.shape == type.shape
    else { return nil }
    let constant = builder.append(origins, name: "\(node.name)/origins")
    return builder.append(CopyAdjoint(result: shape), [gradient, constant], shape, name: node.name)
  }
}

extension Slice: CopyingOperator {}
extension Transpose: CopyingOperator {}
extension ResizeNearest: CopyingOperator {}
extension Broadcast: CopyingOperator {}
extension Concat: CopyingOperator {}
extension Gather: CopyingOperator {}

extension Pad: CopyingOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    let end = zip(before, builder.shape(node, 0)).map { $0 + $1 }
    return builder.append(
      Slice(starts: before, ends: end), [gradient], builder.shape(node, 0), name: node.name)
  }
}

extension Reshape: DifferentiableOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    let shape = builder.shape(node, 0)
    return builder.append(Reshape(shape: shape), [gradient], shape, name: node.name)
  }
}

/// The adjoint of a copy: sums of the gradients whose elements came from one position.
struct CopyAdjoint: Operator, Codable {
  var result: Shape

  static let spec = OperatorSpec(
    "copy_adjoint", "Gradient at the operand of a copy.",
    operands: [OperandSpec("gradient"), OperandSpec("origins", .parameter)])

  func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    [TensorType(.float32, result)]
  }

  /// `origins` has positions counted from 1, 0 for elements of other origin.
  func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor] {
    let (gradient, origins) = try pair(operands)
    var sum = Tensor(zeros: .float32, result)
    sum.withMutableElements(Float.self) { sum in
      gradient.withElements(Float.self) { g in
        origins.withElements(Int32.self) { origins in
          for i in g.indices where origins[i] > 0 { sum[Int(origins[i]) - 1] += g[i] }
        }
      }
    }
    return [sum]
  }
}
