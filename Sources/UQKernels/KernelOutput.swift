import UQRuntime

/// A real factor as a requantizing kernel takes it: multiplier, shift, and the rounding they are for.
public struct KernelScale: Hashable, Sendable {
  /// Signed mantissa.
  public var multiplier: Int
  /// Right shift.
  public var shift: Int
  /// The rounding that the two are meant for.
  public var rounding: Rounding

  /// The nearest representable factor; `nil` where it is 2^30 or larger, or not finite.
  ///
  /// Where the rounding is `shift` and the factor is no power of two, the kernel rounds once instead.
  public init?(_ factor: Double, _ rounding: Rounding) {
    guard factor.isFinite, factor.magnitude < 0x1p29 else { return nil }
    let fixed = FixedPointMultiplier(factor)
    multiplier = Int(fixed.mantissa)
    shift = fixed.shift
    self.rounding = rounding
    guard rounding == .shift else { return }
    if fixed.mantissa.magnitude == 1 << 30, (0...31).contains(shift - 30) {
      shift -= 30
    } else {
      self.rounding = .single
    }
  }
}

/// The last steps of a requantizing kernel (`uq_output`).
public struct KernelOutput: Hashable, Sendable {
  /// The integer that stands for 0.
  public var zeroPoint: Int
  /// Smallest integer.
  public var low: Int
  /// Largest integer.
  public var high: Int
  /// How the scaled accumulator is rounded.
  public var rounding: Rounding

  /// Creates the steps.
  public init(zeroPoint: Int, low: Int, high: Int, rounding: Rounding) {
    self.zeroPoint = zeroPoint
    self.low = low
    self.high = high
    self.rounding = rounding
  }

  /// The field of a parameter structure.
  public var field: CField {
    CField("output", array: [zeroPoint, low, high, Int(roundingCode)])
  }

  /// The C structure.
  public var structure: uq_output {
    uq_output(
      zero_point: Int32(zeroPoint), min: Int32(low), max: Int32(high), rounding: roundingCode)
  }

  private var roundingCode: Int32 {
    switch rounding {
    case .single: Int32(UQ_ROUNDING_SINGLE)
    case .double: Int32(UQ_ROUNDING_DOUBLE)
    case .shift: Int32(UQ_ROUNDING_SHIFT)
    }
  }
}

/// What a kernel reads: an activation, or a constant in flash.
public enum KernelOperand: Hashable, Sendable {
  case buffer(BufferID)
  case constant(ConstantID)

  /// The argument of the call.
  public var argument: CArgument {
    switch self {
    case .buffer(let id): .read(id)
    case .constant(let id): .constant(id)
    }
  }

  /// The buffer, unless it is a constant.
  public var buffer: BufferID? { if case .buffer(let id) = self { id } else { nil } }

  func pointer<T>(_ memory: ProgramMemory, as type: T.Type = T.self) -> UnsafePointer<T> {
    switch self {
    case .buffer(let id): UnsafePointer(memory.pointer(id, as: type))
    case .constant(let id): memory.pointer(id, as: type)
    }
  }
}
