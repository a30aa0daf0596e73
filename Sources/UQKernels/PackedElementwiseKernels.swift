import UQRuntime

/// A kernel of two operands whose function has a variant for tensors of 4 bits: `uq_add_s8`, `uq_mul_s8`.
public protocol PairKernel: PackableKernel {
  /// Whether the tensors are int16.
  var isWide: Bool { get }
  /// How `b` is spread over `a`.
  var broadcast: KernelBroadcast { get set }
  /// First operand, of the result's size.
  var a: KernelOperand { get }
  /// Second operand.
  var b: KernelOperand { get }
  /// Result.
  var y: BufferID { get }
  /// The variant's C function, whose header and source have its name.
  var packedSymbol: String { get }
  /// Calls the variant on host memory.
  func runPacked(_ bits: PairBits, _ memory: ProgramMemory)
}

/// Bits of both operands and the result of a kernel, each 4 or 8.
public struct PairBits: Hashable, Sendable {
  /// Bits of the first operand.
  public var a: Int
  /// Bits of the second operand.
  public var b: Int
  /// Bits of the result.
  public var y: Int
}

/// Call of the variant of a ``PairKernel`` with some of its tensors in 4 bits.
public struct PackedPairKernel: Kernel {
  /// The call for bytes, its operands spread as pixels need it.
  public var kernel: any PairKernel
  /// Bits of the tensors.
  public var bits: PairBits

  /// The C function.
  public var symbol: String { kernel.packedSymbol }
  /// The header.
  public var header: String { "\(symbol).h" }
  /// The source.
  public var source: String { "\(symbol).c" }
  /// The result may take the first operand's place where it has its bits.
  public var inPlace: (read: BufferID, write: BufferID)? { bits.a == bits.y ? kernel.inPlace : nil }
  /// Parameters, bits of the operands and the result, operands, result.
  public var arguments: [CArgument] {
    var list = kernel.arguments
    list.insert(contentsOf: [.integer(bits.a), .integer(bits.b), .integer(bits.y)], at: 1)
    return list
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) { kernel.runPacked(bits, memory) }
}

extension PairKernel {
  /// Rows of all tensors are alike.
  public var alignsChannels: Bool { true }

  /// Whether rows of the operands are pixels or runs of them; the second one may be a single row.
  public func canPack(_ buffer: BufferID, channels: Int) -> Bool {
    guard !isWide else { return false }
    if broadcast.isDense { return broadcast.inner % channels == 0 }
    let isRow = broadcast.innerStride == 1 && [0, broadcast.inner].contains(broadcast.outerStride)
    return (isRow || buffer != b.buffer) && agree(broadcast.inner, channels)
  }

  /// The variant.
  public func packing(_ channels: [BufferID: Int]) -> any Kernel {
    var kernel = self
    if broadcast.isDense, let odd = channels.values.first(where: { $0 != 2 }) {
      kernel.broadcast = KernelBroadcast(
        outer: broadcast.inner / odd, inner: odd, outerStride: odd, innerStride: 1)
    }
    return PackedPairKernel(
      kernel: kernel,
      bits: PairBits(
        a: bits(a.buffer, channels), b: bits(b.buffer, channels), y: bits(y, channels)))
  }
}

extension KernelBroadcast {
  /// Whether the second operand has the first one's shape.
  fileprivate var isDense: Bool { outer == 1 && innerStride == 1 }
}

extension AddKernel: PairKernel {
  /// Its variant for 4 bits.
  public var packedSymbol: String { "uq_add_s4" }

  /// Calls `uq_add_s4`.
  public func runPacked(_ bits: PairBits, _ memory: ProgramMemory) {
    var parameters = parameters
    uq_add_s4(
      &parameters, Int32(bits.a), Int32(bits.b), Int32(bits.y), a.pointer(memory, as: UInt8.self),
      b.pointer(memory, as: UInt8.self), memory.pointer(y, as: UInt8.self))
  }
}

extension MultiplyKernel: PairKernel {
  /// Its variant for 4 bits.
  public var packedSymbol: String { "uq_mul_s4" }

  /// Calls `uq_mul_s4`.
  public func runPacked(_ bits: PairBits, _ memory: ProgramMemory) {
    var parameters = parameters
    uq_mul_s4(
      &parameters, Int32(bits.a), Int32(bits.b), Int32(bits.y), a.pointer(memory, as: UInt8.self),
      b.pointer(memory, as: UInt8.self), memory.pointer(y, as: UInt8.self))
  }
}

/// Call of `uq_lut_s4`: ``LookupKernel`` with its operand, its result or both in 4 bits.
public struct PackedLookupKernel: TableKernel {
  /// The call for bytes.
  public var kernel: LookupKernel
  /// Channels of a pixel; all elements where no pixel has unused bits.
  public var channels: Int
  /// Bits of an operand: 4 or 8.
  public var inputBits: Int
  /// Bits of a result: 4 or 8.
  public var outputBits: Int

  /// The results for −8...7 alone, or all of them.
  public var table: ConstantID {
    get { kernel.table }
    set { kernel.table = newValue }
  }
  /// Of a table of 256 entries, those of the integers that the operand has.
  var tableBytes: Range<Int> { inputBits == 4 ? 120..<136 : 0..<256 }

  /// The C function.
  public var symbol: String { "uq_lut_s4" }
  /// The header.
  public var header: String { "uq_lut_s4.h" }
  /// The source.
  public var source: String { "uq_lut_s4.c" }
  /// The result may take the operand's place where it has its bits.
  public var inPlace: (read: BufferID, write: BufferID)? {
    inputBits == outputBits ? kernel.inPlace : nil
  }
  /// Pixels, channels, bits of operand and result, operand, table, result.
  public var arguments: [CArgument] {
    [
      .integer(kernel.count / channels), .integer(channels), .integer(inputBits),
      .integer(outputBits), .read(kernel.x), .constant(kernel.table), .write(kernel.y),
    ]
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    uq_lut_s4(
      Int32(kernel.count / channels), Int32(channels), Int32(inputBits), Int32(outputBits),
      memory.pointer(kernel.x, as: UInt8.self), memory.pointer(kernel.table),
      memory.pointer(kernel.y, as: UInt8.self))
  }
}

extension LookupKernel: PackableKernel {
  /// Pixels of operand and result are alike.
  public var alignsChannels: Bool { true }

  /// Whether the elements are whole pixels of bytes.
  public func canPack(_ buffer: BufferID, channels: Int) -> Bool {
    !isWide && count > 0 && count % channels == 0
  }

  /// `uq_lut_s4`.
  public func packing(_ channels: [BufferID: Int]) -> any Kernel {
    PackedLookupKernel(
      kernel: self, channels: channels.values.first { $0 != 2 } ?? count,
      inputBits: bits(x, channels), outputBits: bits(y, channels))
  }
}
