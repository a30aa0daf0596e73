import UQNumerics
import UQSupport

/// An operator of the graph: a value type whose stored properties are the attributes.
///
/// One struct, in one file of `UQOperators`, holds every facet: the names it is imported under, its
/// result types, its float evaluation, the primitive that the engine runs it with, its quantization
/// rule and (through `LowerableOperator` of `UQKernels`) its kernel calls. Attributes are `Codable`,
/// which prints and parses them in the `.uqir` text form.
public protocol Operator: ForeignOperator, Hashable, Codable {
  /// Names, operands and summary; printed in the support table.
  static var spec: OperatorSpec { get }

  /// The types of the results for operands of the given types.
  ///
  /// - Throws: `shape.<operator>.<problem>` or `type.<operator>.<problem>`.
  func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType]

  /// Computes the results as the definition says, plainly.
  ///
  /// The operands' types were accepted by ``resultTypes(_:)``, which returned `results`.
  func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor]

  /// The primitive of the float engine that computes the operator; `nil` has it evaluated.
  func primitive(_ operands: [TensorType?], _ results: [TensorType]) -> EnginePrimitive?

  /// How the results are quantized.
  var quantizationRule: QuantizationRule { get }

  /// Multiply-accumulates of one evaluation.
  func macs(_ operands: [TensorType?], _ results: [TensorType]) -> Int
}

extension Operator {
  /// No rule imports the operator: passes and other operators' rules make it.
  public static var imports: [ImportRule] { [] }
  /// Evaluated plainly.
  public func primitive(_ operands: [TensorType?], _ results: [TensorType]) -> EnginePrimitive? {
    nil
  }
  /// Own ranges for every result.
  public var quantizationRule: QuantizationRule { .requantize }
  /// None.
  public func macs(_ operands: [TensorType?], _ results: [TensorType]) -> Int { 0 }

  /// Whether two operators are of one kind and have equal attributes.
  public func isEqual(to other: any Operator) -> Bool { (other as? Self) == self }
}

/// What is known of an operator as data.
public struct OperatorSpec: Sendable {
  /// Name in the `.uqir` text form, snake case: `conv2d`.
  public var name: String
  /// One sentence.
  public var summary: String
  /// The operands in order.
  public var operands: [OperandSpec]
  /// Whether the last operand repeats any number of times (concat).
  public var isVariadic: Bool

  /// Creates a spec.
  public init(
    _ name: String, _ summary: String, operands: [OperandSpec], isVariadic: Bool = false
  ) {
    self.name = name
    self.summary = summary
    self.operands = operands
    self.isVariadic = isVariadic
  }

  /// The operand at `index`, the last one repeating for a variadic operator.
  public func operand(at index: Int) -> OperandSpec? {
    if index < operands.count { return operands[index] }
    return isVariadic ? operands.last : nil
  }
}

/// One operand of an operator.
public struct OperandSpec: Sendable, Hashable {
  /// What the quantizer sees in an operand.
  public enum Role: Sendable, Hashable {
    /// A tensor that flows through the network.
    case activation
    /// Constant weights quantized per index of `channelAxis`, symmetric, at the layer's bits.
    case weight(channelAxis: Int)
    /// A constant int32 bias at scale `input · weight`.
    case bias
    /// A constant that stays as it is.
    case parameter
  }

  /// Name for messages and documentation.
  public var name: String
  /// What the quantizer sees in it.
  public var role: Role
  /// Whether it may be absent.
  public var isOptional: Bool

  /// Creates an operand's description.
  public init(_ name: String, _ role: Role = .activation, optional: Bool = false) {
    self.name = name
    self.role = role
    self.isOptional = optional
  }
}

/// How an operator's results get their quantization.
public enum QuantizationRule: Sendable, Hashable {
  /// From the calibrated range of each result.
  case requantize
  /// The same as the operand at the index (reshape, max pooling, transpose).
  case inherit(Int)
  /// All activation operands and the result share the result's quantization (concat, minimum).
  case shared
  /// Fixed whatever the data (softmax: 1/256 and −128).
  case fixed(Quantization)
  /// Integers that are not quantized numbers pass as they are.
  case plain
}

/// An operator of the float engine, with everything but the memory.
public enum EnginePrimitive: Sendable, Hashable {
  /// 2-D convolution; operands x `[N, H, W, C]`, weights `[O, kh, kw, C/groups]`, bias `[O]` or none.
  case convolution(Window2D, groups: Int, clamp: Clamp)
  /// Depthwise 2-D convolution; operands x `[N, H, W, C]`, weights `[kh, kw, C·m]`, bias `[C·m]` or
  /// none; output channel `o` reads channel `o / m`.
  case depthwiseConvolution(Window2D, clamp: Clamp)
  /// Transposed 2-D convolution; weights `[O, kh, kw, C/groups]`.
  case transposedConvolution(Window2D, groups: Int, clamp: Clamp)
  /// `y = x · Wᵀ + b`; operands x `[M, K]`, weights `[O, K]`, bias `[O]` or none.
  case fullyConnected(clamp: Clamp)
  /// Matrix product of two activations `[..., M, K] · [..., K, N]`, equal leading extents.
  case matrixProduct
  /// Pooling over `[N, H, W, C]`.
  case pooling(PoolingKind, Window2D)
  /// Sum of two activations of one shape.
  case sum(clamp: Clamp)
  /// The same elements in the same order: reshapes.
  case copy

  /// The kind of a pooling.
  public enum PoolingKind: Sendable, Hashable {
    case maximum
    case averageIncludingPadding
    case averageExcludingPadding
  }
}

/// Geometry of a sliding window over `[N, H, W, C]`.
public struct Window2D: Hashable, Codable, Sendable {
  /// Extent, `[height, width]`.
  public var kernel: [Int]
  /// Step, `[height, width]`.
  public var strides: [Int]
  /// Distance between taps, `[height, width]`.
  public var dilations: [Int]
  /// Padding, `[top, left, bottom, right]`.
  public var padding: [Int]

  /// Creates a window.
  public init(
    kernel: [Int], strides: [Int] = [1, 1], dilations: [Int] = [1, 1],
    padding: [Int] = [0, 0, 0, 0]
  ) {
    self.kernel = kernel
    self.strides = strides
    self.dilations = dilations
    self.padding = padding
  }

  /// Number of window positions `[height, width]` over an input of `[height, width]`; `nil` where
  /// the geometry is unsound or no position fits.
  public func outputExtents(_ input: [Int]) -> [Int]? {
    guard kernel.count == 2, strides.count == 2, dilations.count == 2, padding.count == 4,
      input.count == 2, (kernel + strides + dilations).allSatisfy({ $0 > 0 && $0 <= 1 << 20 }),
      (padding + input).allSatisfy({ $0 >= 0 && $0 <= 1 << 30 })
    else { return nil }
    var result: [Int] = []
    for axis in 0..<2 {
      let padded = input[axis] + padding[axis] + padding[axis + 2]
      let span = (kernel[axis] - 1) * dilations[axis] + 1
      guard padded >= span else { return nil }
      result.append((padded - span) / strides[axis] + 1)
    }
    return result
  }
}

/// Bounds of a fused activation on real values; infinite where open.
public struct Clamp: Hashable, Codable, Sendable {
  /// Lower bound.
  public var low: Float
  /// Upper bound.
  public var high: Float

  /// Creates bounds.
  public init(low: Float = -.infinity, high: Float = .infinity) {
    self.low = low
    self.high = high
  }

  /// No bounds.
  public static let none = Clamp()
  /// `max(x, 0)`.
  public static let relu = Clamp(low: 0)

  /// Whether the value passes unchanged.
  public var isNone: Bool { low == -.infinity && high == .infinity }

  /// `min(max(value, low), high)`.
  public func apply(_ value: Float) -> Float { Swift.min(Swift.max(value, low), high) }

  /// The bounds of applying `self`, then `next`.
  public func then(_ next: Clamp) -> Clamp {
    Clamp(low: next.apply(low), high: next.apply(high))
  }
}
