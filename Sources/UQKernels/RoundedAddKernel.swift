import UQNumerics
import UQRuntime

/// Sum or difference of two tensors, each rounded to the result's scale by itself
/// (`uq_add_rounded_s8`).
public struct RoundedAddKernel: Kernel {
  /// An operand with how it is brought to the result's scale.
  public struct Side: Hashable, Sendable {
    /// Where it lies.
    public var source: KernelOperand
    /// Integer of the real value 0.
    public var zeroPoint: Int
    /// Mantissa of the ratio of scales.
    public var multiplier: Int
    /// Right shift of the mantissa.
    public var shift: Int

    /// Creates an operand.
    public init(source: KernelOperand, zeroPoint: Int, multiplier: Int, shift: Int) {
      self.source = source
      self.zeroPoint = zeroPoint
      self.multiplier = multiplier
      self.shift = shift
    }
  }

  /// How `b` is spread over `a`.
  public var broadcast: KernelBroadcast
  /// First operand, of the result's size.
  public var a: Side
  /// Second operand.
  public var b: Side
  /// Whether the second is subtracted.
  public var subtracts: Bool
  /// Zero point and clamp.
  public var output: OutputStage
  /// Result.
  public var y: BufferID

  /// Creates the call.
  public init(
    broadcast: KernelBroadcast, a: Side, b: Side, subtracts: Bool, output: OutputStage, y: BufferID
  ) {
    self.broadcast = broadcast
    self.a = a
    self.b = b
    self.subtracts = subtracts
    self.output = output
    self.y = y
  }

  /// The C function.
  public var symbol: String { "uq_add_rounded_s8" }
  /// The header that declares it.
  public var header: String { "uq_elementwise.h" }
  /// The source that defines it.
  public var source: String { "uq_elementwise.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    [
      .structure(
        type: "uq_add_rounded_params",
        fields: [
          broadcast.field, CField("zero_a", a.zeroPoint), CField("zero_b", b.zeroPoint),
          CField("multiplier_a", a.multiplier), CField("shift_a", a.shift),
          CField("multiplier_b", b.multiplier), CField("shift_b", b.shift),
          CField("sign_b", subtracts ? -1 : 1), output.field,
        ]), a.source.argument, b.source.argument, .write(y),
    ]
  }
  /// The result may take the first operand's place.
  public var inPlace: (read: BufferID, write: BufferID)? { a.source.buffer.map { ($0, y) } }
  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    var params = uq_add_rounded_params(
      broadcast: broadcast.structure, zero_a: Int32(a.zeroPoint), zero_b: Int32(b.zeroPoint),
      multiplier_a: Int32(a.multiplier), shift_a: Int32(a.shift),
      multiplier_b: Int32(b.multiplier), shift_b: Int32(b.shift), sign_b: subtracts ? -1 : 1,
      output: output.parameters)
    uq_add_rounded_s8(
      &params, a.source.pointer(memory), b.source.pointer(memory), memory.pointer(y))
  }
}
