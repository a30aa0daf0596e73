import UQRuntime

/// Sum, mean, maximum or minimum over the middle of three axes (`uq_reduce_sum_s8`, ...).
public struct ReduceKernel: Kernel {
  /// How elements are combined; a mean is a sum with its number in the scale.
  public enum Kind: Sendable, Hashable {
    case sum, maximum, minimum
  }

  /// How elements are combined.
  public var kind: Kind
  /// Elements in front of the reduced axis.
  public var outer: Int
  /// Elements of the reduced axis.
  public var reduce: Int
  /// Elements behind the reduced axis.
  public var inner: Int
  /// Zero point of the operand.
  public var zeroPoint: Int
  /// `scale_x / scale_y`, for a mean divided by `reduce`.
  public var scale: KernelScale
  /// Zero point, clamp and rounding.
  public var output: OutputStage
  /// Operand.
  public var x: BufferID
  /// Result.
  public var y: BufferID

  /// Creates the call.
  public init(
    kind: Kind, outer: Int, reduce: Int, inner: Int, zeroPoint: Int, scale: KernelScale,
    output: OutputStage, x: BufferID, y: BufferID
  ) {
    self.kind = kind
    self.outer = outer
    self.reduce = reduce
    self.inner = inner
    self.zeroPoint = zeroPoint
    self.scale = scale
    self.output = output
    self.x = x
    self.y = y
  }

  /// The C function.
  public var symbol: String {
    switch kind {
    case .sum: "uq_reduce_sum_s8"
    case .maximum: "uq_reduce_max_s8"
    case .minimum: "uq_reduce_min_s8"
    }
  }
  /// The header that declares it.
  public var header: String { "uq_reduce.h" }
  /// The source that defines it.
  public var source: String { "uq_reduce.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    [
      .structure(
        type: "uq_reduce_params",
        fields: [
          CField("outer", outer), CField("reduce", reduce), CField("inner", inner),
          CField("in_zero_point", zeroPoint), CField("multiplier", scale.multiplier),
          CField("shift", scale.shift), output.field,
        ]), .read(x), .write(y),
    ]
  }
  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    var params = uq_reduce_params(
      outer: Int32(outer), reduce: Int32(reduce), inner: Int32(inner),
      in_zero_point: Int32(zeroPoint), multiplier: Int32(scale.multiplier),
      shift: Int32(scale.shift), output: output.parameters)
    let input: UnsafePointer<Int8> = UnsafePointer(memory.pointer(x, as: Int8.self))
    switch kind {
    case .sum: uq_reduce_sum_s8(&params, input, memory.pointer(y))
    case .maximum: uq_reduce_max_s8(&params, input, memory.pointer(y))
    case .minimum: uq_reduce_min_s8(&params, input, memory.pointer(y))
    }
  }
}
