import UQNumerics
import UQRuntime

/// Call of `uq_softmax_s8`, or of `uq_softmax_s16_s8` for int16 operands.
public struct SoftmaxKernel: Kernel {
  /// Vectors.
  public var rows: Int
  /// Elements of a vector, 1...65536.
  public var depth: Int
  /// Mantissa of `scale · log2(e) · 2^26`, at least 2^30.
  public var multiplier: Int
  /// Right shift of the mantissa, 0...62.
  public var shift: Int
  /// Whether operands are int16.
  public var isWide: Bool
  /// `[rows, depth]`.
  public var input: BufferID
  /// `[rows, depth]`, int8.
  public var output: BufferID

  /// Creates a call for operands of the given scale.
  ///
  /// - Precondition: `scale` is positive.
  public init(
    rows: Int, depth: Int, scale: Double, isWide: Bool, input: BufferID, output: BufferID
  ) {
    self.rows = rows
    self.depth = depth
    let factor = scale * 1.4426950408889634074 * 0x1p26
    if factor >= 0x1p31 - 1 {
      multiplier = Int(Int32.max)
      shift = 0
    } else if factor < 0x1p-32 {
      // Every difference is 0 in either case.
      multiplier = 1 << 30
      shift = 62
    } else {
      let fixed = FixedPointMultiplier(factor)
      multiplier = Int(fixed.mantissa)
      shift = fixed.shift
    }
    self.isWide = isWide
    self.input = input
    self.output = output
  }

  /// The C function.
  public var symbol: String { isWide ? "uq_softmax_s16_s8" : "uq_softmax_s8" }
  /// The header.
  public var header: String { "uq_softmax.h" }
  /// The source.
  public var source: String { "uq_softmax.c" }
  /// The result may replace the operand.
  public var inPlace: (read: BufferID, write: BufferID)? { (input, output) }

  /// Parameters, input, output.
  public var arguments: [CArgument] {
    let fields = [
      CField("rows", rows), CField("depth", depth), CField("multiplier", multiplier),
      CField("shift", shift),
    ]
    return [
      .structure(type: "uq_softmax_params", fields: fields), .read(input), .write(output),
    ]
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    var parameters = uq_softmax_params(
      rows: Int32(rows), depth: Int32(depth), multiplier: Int32(multiplier), shift: Int32(shift))
    let y: UnsafeMutablePointer<Int8> = memory.pointer(output)
    if isWide {
      let x: UnsafeMutablePointer<Int16> = memory.pointer(input)
      uq_softmax_s16_s8(&parameters, x, y)
    } else {
      let x: UnsafeMutablePointer<Int8> = memory.pointer(input)
      uq_softmax_s8(&parameters, x, y)
    }
  }
}
