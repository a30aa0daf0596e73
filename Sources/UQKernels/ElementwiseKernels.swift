import UQRuntime

/// How the second operand of an elementwise kernel is spread over the first (`uq_broadcast`).
public struct KernelBroadcast: Hashable, Sendable {
  /// Rows of the first operand.
  public var outer: Int
  /// Elements of a row.
  public var inner: Int
  /// Distance in the second operand from a row to the next.
  public var outerStride: Int
  /// Distance in the second operand within a row.
  public var innerStride: Int

  /// Creates the arrangement.
  public init(outer: Int, inner: Int, outerStride: Int, innerStride: Int) {
    self.outer = outer
    self.inner = inner
    self.outerStride = outerStride
    self.innerStride = innerStride
  }

  var field: CField { CField("broadcast", array: [outer, inner, outerStride, innerStride]) }

  var structure: uq_broadcast {
    uq_broadcast(
      outer: Int32(outer), inner: Int32(inner), b_outer_stride: Int32(outerStride),
      b_inner_stride: Int32(innerStride))
  }
}

/// Sum or difference of two tensors with scales of their own (`uq_add_s8`, `uq_add_s16`).
public struct AddKernel: Kernel {
  /// Signed factors of both operands, of `2^shift`.
  public struct Factors: Hashable, Sendable {
    /// Factor of the first operand.
    public var a: Int
    /// Factor of the second operand.
    public var b: Int
    /// Zero points and rounding.
    public var offset: Int
    /// Right shift, 1...30.
    public var shift: Int

    /// The most precise factors for which `a·scaleA + b·scaleB` cannot overflow 32 bits; `nil` where
    /// there are none.
    ///
    /// - Parameters:
    ///   - ratioA: `scale_a / scale_y`; likewise `ratioB`, negative for a difference.
    public init?(
      ratioA: Double, zeroA: Int, ratioB: Double, zeroB: Int, zeroY: Int
    ) {
      guard ratioA.isFinite, ratioB.isFinite else { return nil }
      for shift in stride(from: 30, through: 1, by: -1) {
        let unit = Double(1 << shift)
        guard (ratioA * unit).magnitude < 0x1p31, (ratioB * unit).magnitude < 0x1p31 else {
          continue
        }
        let a = Int((ratioA * unit).rounded())
        let b = Int((ratioB * unit).rounded())
        let offset = (zeroY << shift) + (1 << (shift - 1)) - zeroA * a - zeroB * b
        if 128 * abs(a) + 128 * abs(b) + abs(offset) < 1 << 31 {
          self.a = a
          self.b = b
          self.offset = offset
          self.shift = shift
          return
        }
      }
      return nil
    }

    /// The most precise factors below 2^31, for int64 sums and zero points of 0.
    public init?(wideRatioA ratioA: Double, ratioB: Double) {
      guard ratioA.isFinite, ratioB.isFinite else { return nil }
      for shift in stride(from: 30, through: 1, by: -1) {
        let a = (ratioA * Double(1 << shift)).rounded()
        let b = (ratioB * Double(1 << shift)).rounded()
        guard a.magnitude < 0x1p31, b.magnitude < 0x1p31 else { continue }
        (self.a, self.b) = (Int(a), Int(b))
        (self.shift, offset) = (shift, 1 << (shift - 1))
        return
      }
      return nil
    }
  }

  /// Whether the tensors are int16, with zero points of 0.
  public var isWide: Bool
  /// How `b` is spread over `a`.
  public var broadcast: KernelBroadcast
  /// Factors and offset.
  public var factors: Factors
  /// Smallest output.
  public var low: Int
  /// Largest output.
  public var high: Int
  /// First operand, of the result's size.
  public var a: KernelOperand
  /// Second operand.
  public var b: KernelOperand
  /// Result.
  public var y: BufferID

  /// Creates the call.
  public init(
    isWide: Bool = false, broadcast: KernelBroadcast, factors: Factors, low: Int, high: Int,
    a: KernelOperand, b: KernelOperand, y: BufferID
  ) {
    self.isWide = isWide
    self.broadcast = broadcast
    self.factors = factors
    self.low = low
    self.high = high
    self.a = a
    self.b = b
    self.y = y
  }

  /// The C function.
  public var symbol: String { isWide ? "uq_add_s16" : "uq_add_s8" }
  /// The header that declares it.
  public var header: String { isWide ? "uq_elementwise_s16.h" : "uq_elementwise.h" }
  /// The source that defines it.
  public var source: String { isWide ? "uq_elementwise_s16.c" : "uq_elementwise.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    [
      .structure(
        type: "uq_add_params",
        fields: [
          broadcast.field, CField("multiplier_a", factors.a), CField("multiplier_b", factors.b),
          CField("offset", factors.offset), CField("shift", factors.shift), CField("min", low),
          CField("max", high),
        ]), a.argument, b.argument, .write(y),
    ]
  }
  /// The result may take the first operand's place.
  public var inPlace: (read: BufferID, write: BufferID)? { a.buffer.map { ($0, y) } }
  var parameters: uq_add_params {
    uq_add_params(
      broadcast: broadcast.structure, multiplier_a: Int32(factors.a),
      multiplier_b: Int32(factors.b), offset: Int32(factors.offset), shift: Int32(factors.shift),
      min: Int32(low), max: Int32(high))
  }

  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    var params = parameters
    if isWide {
      uq_add_s16(&params, a.pointer(memory), b.pointer(memory), memory.pointer(y))
    } else {
      uq_add_s8(&params, a.pointer(memory), b.pointer(memory), memory.pointer(y))
    }
  }
}

/// Product of two tensors (`uq_mul_s8`, `uq_mul_s16`).
public struct MultiplyKernel: Kernel {
  /// Whether the tensors are int16, with zero points of 0.
  public var isWide: Bool
  /// How `b` is spread over `a`.
  public var broadcast: KernelBroadcast
  /// Zero point of `a`.
  public var zeroA: Int
  /// Zero point of `b`.
  public var zeroB: Int
  /// `scale_a · scale_b / scale_y`.
  public var scale: KernelScale
  /// Zero point, clamp and rounding.
  public var output: OutputStage
  /// First operand, of the result's size.
  public var a: KernelOperand
  /// Second operand.
  public var b: KernelOperand
  /// Result.
  public var y: BufferID

  /// Creates the call.
  public init(
    isWide: Bool = false, broadcast: KernelBroadcast, zeroA: Int, zeroB: Int, scale: KernelScale,
    output: OutputStage, a: KernelOperand, b: KernelOperand, y: BufferID
  ) {
    self.isWide = isWide
    self.broadcast = broadcast
    self.zeroA = zeroA
    self.zeroB = zeroB
    self.scale = scale
    self.output = output
    self.a = a
    self.b = b
    self.y = y
  }

  /// The C function.
  public var symbol: String { isWide ? "uq_mul_s16" : "uq_mul_s8" }
  /// The header that declares it.
  public var header: String { isWide ? "uq_elementwise_s16.h" : "uq_elementwise.h" }
  /// The source that defines it.
  public var source: String { isWide ? "uq_elementwise_s16.c" : "uq_elementwise.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    [
      .structure(
        type: "uq_mul_params",
        fields: [
          broadcast.field, CField("zero_a", zeroA), CField("zero_b", zeroB),
          CField("multiplier", scale.multiplier), CField("shift", scale.shift), output.field,
        ]), a.argument, b.argument, .write(y),
    ]
  }
  /// The result may take the first operand's place.
  public var inPlace: (read: BufferID, write: BufferID)? { a.buffer.map { ($0, y) } }
  var parameters: uq_mul_params {
    uq_mul_params(
      broadcast: broadcast.structure, zero_a: Int32(zeroA), zero_b: Int32(zeroB),
      multiplier: Int32(scale.multiplier), shift: Int32(scale.shift), output: output.parameters)
  }

  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    var params = parameters
    if isWide {
      uq_mul_s16(&params, a.pointer(memory), b.pointer(memory), memory.pointer(y))
    } else {
      uq_mul_s8(&params, a.pointer(memory), b.pointer(memory), memory.pointer(y))
    }
  }
}

/// Smaller or larger of two tensors of one quantization (`uq_min_s8`, `uq_max_s8`).
public struct ExtremumKernel: Kernel {
  /// Whether the larger is taken.
  public var isMaximum: Bool
  /// How `b` is spread over `a`.
  public var broadcast: KernelBroadcast
  /// Smallest output.
  public var low: Int
  /// Largest output.
  public var high: Int
  /// First operand, of the result's size.
  public var a: KernelOperand
  /// Second operand.
  public var b: KernelOperand
  /// Result.
  public var y: BufferID

  /// Creates the call.
  public init(
    isMaximum: Bool, broadcast: KernelBroadcast, low: Int, high: Int, a: KernelOperand,
    b: KernelOperand, y: BufferID
  ) {
    self.isMaximum = isMaximum
    self.broadcast = broadcast
    self.low = low
    self.high = high
    self.a = a
    self.b = b
    self.y = y
  }

  /// The C function.
  public var symbol: String { isMaximum ? "uq_max_s8" : "uq_min_s8" }
  /// The header that declares it.
  public var header: String { "uq_elementwise.h" }
  /// The source that defines it.
  public var source: String { "uq_elementwise.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    [
      .structure(
        type: "uq_extremum_params",
        fields: [broadcast.field, CField("min", low), CField("max", high)]), a.argument,
      b.argument, .write(y),
    ]
  }
  /// The result may take the first operand's place.
  public var inPlace: (read: BufferID, write: BufferID)? { a.buffer.map { ($0, y) } }
  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    var params = uq_extremum_params(
      broadcast: broadcast.structure, min: Int32(low), max: Int32(high))
    let function = isMaximum ? uq_max_s8 : uq_min_s8
    function(&params, a.pointer(memory), b.pointer(memory), memory.pointer(y))
  }
}
