import UQGraph
import UQNumerics
import UQSupport

/// The types of an operator's operands, read with diagnostics of that operator.
struct OperandTypes {
  /// Name in the ids of diagnostics: `conv2d`.
  let id: String
  let types: [TensorType?]

  init(_ id: String, _ types: [TensorType?]) {
    self.id = id
    self.types = types
  }

  /// The type of an operand that must be there, of `rank` where one is given.
  func required(_ index: Int, _ role: String, rank: Int? = nil) throws(Diagnostic) -> TensorType {
    guard let type = optional(index) else {
      throw Diagnostic(id: "shape.\(id).operand", "operand '\(role)' is missing")
    }
    if let rank, type.shape.rank != rank {
      throw Diagnostic(
        id: "shape.\(id).rank",
        "operand '\(role)' is \(type.shape) of rank \(type.shape.rank), expected rank \(rank)")
    }
    return type
  }

  /// The type of an operand that may be absent.
  func optional(_ index: Int) -> TensorType? { index < types.count ? types[index] : nil }

  /// Checks that `other` has the element type of `x`; where `x` is quantized, one of `quantized`.
  func check(
    _ other: TensorType?, _ role: String, with x: TensorType, quantized: Set<ElementType>
  ) throws(Diagnostic) {
    guard let other else { return }
    let fits = x.element.isFloat ? other.element == x.element : quantized.contains(other.element)
    if !fits {
      throw Diagnostic(
        id: "type.\(id).element",
        "operand '\(role)' is \(other.element.name), which does not go with x of "
          + x.element.name)
    }
  }

  /// Checks that `x` is of a float type or of one that activations are quantized to.
  func checkActivation(_ x: TensorType) throws(Diagnostic) {
    guard x.element.isFloat || x.element == .int8 || x.element == .int16 else {
      throw Diagnostic(
        id: "type.\(id).element",
        "computes on floating-point numbers, x is \(x.element.name): add a Cast before it")
    }
  }

  /// Checks a bias of one element for each of `channels`.
  func checkBias(_ index: Int, channels: Int, x: TensorType) throws(Diagnostic) {
    guard let bias = optional(index) else { return }
    try check(bias, "bias", with: x, quantized: [.int32, .int64])
    guard bias.shape.dimensions == [channels] else {
      throw Diagnostic(
        id: "shape.\(id).bias",
        "bias is \(bias.shape), expected [\(channels)] for \(channels) output channels")
    }
  }

  /// The shape with the given extents.
  func shape(_ extents: [Int]) throws(Diagnostic) -> Shape {
    guard let shape = Shape(checking: extents) else {
      throw Diagnostic(id: "shape.\(id).size", "a result of extents \(extents) is too large")
    }
    return shape
  }

  /// The result `[N, H', W', channels]` of a window over `x`, `[N, H, W, C]`.
  func windowed(_ x: TensorType, _ window: Window2D, channels: Int) throws(Diagnostic) -> Shape {
    guard let extents = window.outputExtents([x.shape[1], x.shape[2]]) else {
      throw Diagnostic(
        id: "shape.\(id).window",
        "no window of kernel \(window.kernel), strides \(window.strides), dilations "
          + "\(window.dilations), padding \(window.padding) fits an input of "
          + "[\(x.shape[1]), \(x.shape[2])]")
    }
    return try shape([x.shape[0], extents[0], extents[1], channels])
  }
}

/// The product of `factors`, `Int.max` where it overflows; for counts that only people read.
func saturatingProduct(_ factors: Int...) -> Int {
  factors.reduce(1) { product, factor in
    let (next, overflow) = product.multipliedReportingOverflow(by: factor)
    return overflow ? .max : next
  }
}
