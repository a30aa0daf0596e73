import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// Convolution of the signs of `[N, H, W, C]` by weights of ±1 `[O, kh, kw, C]`:
/// `y[o] = scale[o] · Σ w[o] · s(x) + bias[o]`, with `s(x[c]) = +1` where `x[c] ≥ thresholds[c]`, else −1.
///
/// The kind of layer that Riptide (Fromm et al. 2020) and Larq (Geiger et al. 2020) train.
public struct BinaryConv2D: Operator {
  /// Geometry; the kernel equals the weights' extents 1 and 2.
  public var window: Window2D
  /// What taps outside of the image read: 0, +1 or −1.
  public var padSign: Int
  /// Bounds applied to the result.
  public var activation: Clamp
  /// Whether the result is +1 where it would be at least 0, else −1.
  public var signsResult: Bool

  /// Creates a convolution.
  public init(
    window: Window2D, padSign: Int = 0, activation: Clamp = .none, signsResult: Bool = false
  ) {
    self.window = window
    self.padSign = padSign
    self.activation = activation
    self.signsResult = signsResult
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "binary_conv2d", "2-D convolution of signs by weights of ±1, scaled, with fused bounds.",
    operands: [
      OperandSpec("x"), OperandSpec("weights", .parameter), OperandSpec("scale", .parameter),
      OperandSpec("bias", .parameter), OperandSpec("thresholds", .parameter),
    ])

  /// `[N, H', W', O]`.
  ///
  /// - Throws: `shape.binary_conv2d.*`, `type.binary_conv2d.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("binary_conv2d", operands)
    let x = try types.required(0, "x", rank: 4)
    try types.checkActivation(x)
    let weights = try types.required(1, "weights", rank: 4)
    guard weights.shape[3] == x.shape[3], window.kernel == [weights.shape[1], weights.shape[2]],
      [-1, 0, 1].contains(padSign)
    else {
      throw Diagnostic(
        id: "shape.binary_conv2d.weights",
        "weights \(weights.shape) do not go with x \(x.shape), a kernel of \(window.kernel) and "
          + "padding of \(padSign)")
    }
    for (index, role, count) in [
      (2, "scale", weights.shape[0]), (3, "bias", weights.shape[0]),
      (4, "thresholds", weights.shape[3]),
    ] {
      let type = try types.required(index, role, rank: 1)
      guard type.shape[0] == count, type.element.isFloat else {
        throw Diagnostic(
          id: "shape.binary_conv2d.parameters", "\(role) is \(type), expected \(count) numbers")
      }
    }
    return [TensorType(x.element, try types.windowed(x, window, channels: weights.shape[0]))]
  }

  /// The definition: whole sums, then `Double`.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let x = try requiredValue(operands, 0)
    let weights = try requiredValue(operands, 1)
    let scale = try requiredValue(operands, 2).converted(to: .float64).elements(Double.self)
    let bias = try requiredValue(operands, 3).converted(to: .float64).elements(Double.self)
    let thresholds = try requiredValue(operands, 4).converted(to: .float64).elements(Double.self)
    let shape = results[0].shape
    let channels = shape[3]
    let image = SignBits(x, thresholds: thresholds)
    let filters = SignBits(
      weights, thresholds: [Double](repeating: 0, count: weights.shape[3]))
    var values = [Double](repeating: 0, count: shape.count)
    for index in stride(from: 0, to: values.count, by: max(channels, 1)) {
      let pixel = index / channels
      let (line, column) = pixel.quotientAndRemainder(dividingBy: shape[2])
      let (n, row) = line.quotientAndRemainder(dividingBy: shape[1])
      for o in 0..<channels {
        let sum = accumulate(image, filters, x.shape, n, row, column, o)
        let value = activation.bound(scale[o] * Double(sum) + bias[o])
        values[index + o] = signsResult ? (value >= 0 ? 1 : -1) : value
      }
    }
    return [Tensor(doubles: values, results[0].element, shape)]
  }

  private func accumulate(
    _ image: SignBits, _ filters: SignBits, _ input: Shape, _ n: Int, _ row: Int, _ column: Int,
    _ o: Int
  ) -> Int {
    let top = row * window.strides[0] - window.padding[0]
    let left = column * window.strides[1] - window.padding[1]
    var sum = 0
    for i in 0..<window.kernel[0] {
      let y = top + i * window.dilations[0]
      for j in 0..<window.kernel[1] {
        let x = left + j * window.dilations[1]
        let tap = (o * window.kernel[0] + i) * window.kernel[1] + j
        if y >= 0, y < input[1], x >= 0, x < input[2] {
          sum += filters.product(tap, image, (n * input[1] + y) * input[2] + x)
        } else if padSign != 0 {
          sum += padSign * filters.sum(tap)
        }
      }
    }
    return sum
  }

  /// Exactly ±1 where the result is a sign, else its own range.
  public var quantizationRule: QuantizationRule {
    signsResult ? .fixed(Quantization(bits: 8, scales: [1])) : .requantize
  }

  /// `N · H' · W' · O · kh · kw · C`.
  public func macs(_ operands: [TensorType?], _ results: [TensorType]) -> Int {
    guard operands.count > 1, let weights = operands[1], weights.shape.rank == 4 else { return 0 }
    return saturatingProduct(
      results[0].shape.count, weights.shape[1], weights.shape[2], weights.shape[3])
  }
}

/// The signs of the innermost axis as bits, 1 for −1.
private struct SignBits {
  let channels: Int
  let words: Int
  let bits: [UInt64]

  init(_ x: Tensor, thresholds: [Double]) {
    channels = thresholds.count
    words = (channels + 63) / 64
    let values = x.converted(to: .float64).elements(Double.self)
    var bits = [UInt64](repeating: 0, count: channels == 0 ? 0 : values.count / channels * words)
    for (index, value) in values.enumerated() {
      let (pixel, c) = index.quotientAndRemainder(dividingBy: channels)
      // NaN counts as -1, as in the comparison of the definition.
      if !(value >= thresholds[c]) { bits[pixel * words + c / 64] |= 1 << UInt64(c % 64) }
    }
    self.bits = bits
  }

  func product(_ pixel: Int, _ other: SignBits, _ at: Int) -> Int {
    var differing = 0
    for word in 0..<words {
      differing += (bits[pixel * words + word] ^ other.bits[at * words + word]).nonzeroBitCount
    }
    return channels - 2 * differing
  }

  func sum(_ pixel: Int) -> Int {
    channels - 2 * (0..<words).reduce(0) { $0 + bits[pixel * words + $1].nonzeroBitCount }
  }
}

extension BinaryConv2D: LowerableOperator {
  /// One call of `uq_binary_conv2d_s8`.
  ///
  /// - Throws: `lower.binary_conv2d.*`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let operands = try LayerOperands("binary_conv2d", node, in: context, results: [.int8])
    let geometry = try ImageGeometry(
      "binary_conv2d", operands.xType, operands.resultType, window, at: context.place)
    var constants: [[Double]] = []
    for index in 1...4 {
      guard let values = try context.reals(node, try context.operand(node, index)) else {
        throw context.problem(node, "constant", "operand \(index) is not constant")
      }
      constants.append(values)
    }
    let layer = try context.addBinaryLayer(
      weights: constants[0], scale: constants[1], bias: constants[2], thresholds: constants[3],
      signsResult: signsResult, input: operands.input, output: operands.output)
    let stage =
      signsResult
      ? OutputStage(zeroPoint: 0, bounds: -1...1, rounding: context.rounding)
      : OutputStage(operands.output, activation, rounding: context.rounding)
    var kernel = BinaryConv2DKernel(
      geometry: geometry, padSign: padSign, layer: layer, outputStage: stage,
      input: context.buffer(operands.x), output: context.buffer(node.result))
    kernel.scratchBuffer = context.addScratch(kernel.scratchBytes, alignment: 1)
    context.emit(kernel, macs: operands.macs)
  }
}
