import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// The quantized operands and result of a node, checked as kernels need them.
struct LayerOperands {
  let x: ValueID
  let weights: ValueID?
  let bias: ValueID?
  let xType: TensorType
  let resultType: TensorType
  let input: Quantization
  let output: Quantization
  let macs: Int

  /// Whether x is int16.
  var isWide: Bool { xType.element == .int16 }

  /// Checks that x and the result have one width, and zero points of 0 where that is 16 bits.
  ///
  /// - Throws: `lower.<id>.activation`.
  func checkOneWidth(_ id: String, at place: SourcePlace) throws(Diagnostic) {
    guard xType.element == resultType.element,
      !isWide || input.zeroPoint == 0 && output.zeroPoint == 0
    else {
      throw Diagnostic(
        id: "lower.\(id).activation",
        "x is \(xType) and the result \(resultType); kernels take both as int8, or both as int16 with "
          + "zero points of 0", at: place)
    }
  }

  /// Reads a node with operands x, weights and bias, or x alone.
  ///
  /// - Parameters:
  ///   - operands: element types of x that kernels read.
  ///   - results: element types of the result that kernels write.
  /// - Throws: `lower.<id>.activation`, `lower.<id>.constant`, `lower.value.unquantized`.
  init(
    _ id: String, _ node: Node, in context: LoweringContext,
    operands: Set<ElementType> = [.int8], results: Set<ElementType>
  ) throws(Diagnostic) {
    guard let x = node.operands.first ?? nil, let result = node.results.first else {
      throw Diagnostic(id: "lower.\(id).operand", "operand 'x' is missing", at: context.place)
    }
    self.x = x
    weights = node.operands.count > 1 ? node.operands[1] : nil
    bias = node.operands.count > 2 ? node.operands[2] : nil
    xType = context.type(of: x)
    resultType = context.type(of: result)
    input = try context.quantization(of: x)
    output = try context.quantization(of: result)
    guard context.graph.constant(x) == nil else {
      throw Diagnostic(
        id: "lower.\(id).constant", "x '\(context.graph[x].name)' is constant", at: context.place)
    }
    for (role, type, quantization, allowed) in [
      ("x", xType, input, operands), ("the result", resultType, output, results),
    ] {
      let names = allowed.map(\.name).sorted().joined(separator: " or ")
      guard allowed.contains(type.element) else {
        throw Diagnostic(
          id: "lower.\(id).activation",
          "\(role) is \(type), kernels take \(names)", at: context.place)
      }
      guard quantization.scales.count == 1, quantization.scale > 0, quantization.scale.isFinite,
        quantization.bits == type.element.byteCount * 8
          || quantization.bits == 4 && type.element == .int8,
        (quantization.lowest...quantization.highest).contains(quantization.zeroPoint)
      else {
        throw Diagnostic(
          id: "lower.\(id).activation",
          "\(role) \(type) has \(quantization.bits) bits, scales \(quantization.scales) and zero "
            + "point \(quantization.zeroPoint), which is no quantization of activations",
          at: context.place)
      }
    }
    macs = node.op.macs(
      context.graph.types(of: node.operands), node.results.map { context.type(of: $0) })
  }
}

extension Quantization {
  /// Whether integers mean the same numbers.
  func isSameScale(as other: Quantization) -> Bool {
    bits == other.bits && scales == other.scales && zeroPoint == other.zeroPoint
  }
}
