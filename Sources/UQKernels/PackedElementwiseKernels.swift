import UQRuntime

extension KernelBroadcast {
  /// Whether the second operand has the first one's shape.
  var isDense: Bool { outer == 1 && innerStride == 1 }

  /// The same with a row for each pixel, where all have the same odd number of channels.
  fileprivate func byPixels(_ channels: [BufferID: Int]) -> KernelBroadcast {
    guard isDense, let odd = channels.values.first(where: { $0 != 2 }) else { return self }
    return KernelBroadcast(outer: inner / odd, inner: odd, outerStride: odd, innerStride: 1)
  }
}

/// Call of `uq_add_s4`: ``AddKernel`` with some of its tensors in 4 bits.
public struct PackedAddKernel: Kernel {
  /// The call for bytes, its operands spread as pixels need it.
  public var kernel: AddKernel
  /// Bits of both operands and the result, each 4 or 8.
  public var bits: (a: Int, b: Int, y: Int)

  /// The C function.
  public var symbol: String { "uq_add_s4" }
  /// The header.
  public var header: String { "uq_add_s4.h" }
  /// The source.
  public var source: String { "uq_add_s4.c" }
  /// The result may take the first operand's place where it has its bits.
  public var inPlace: (read: BufferID, write: BufferID)? { bits.a == bits.y ? kernel.inPlace : nil }
  /// Parameters, bits of the operands and the result, operands, result.
  public var arguments: [CArgument] {
    var list = kernel.arguments
    list.insert(contentsOf: [.integer(bits.a), .integer(bits.b), .integer(bits.y)], at: 1)
    return list
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    var parameters = kernel.parameters
    uq_add_s4(
      &parameters, Int32(bits.a), Int32(bits.b), Int32(bits.y),
      kernel.a.pointer(memory, as: UInt8.self), kernel.b.pointer(memory, as: UInt8.self),
      memory.pointer(kernel.y, as: UInt8.self))
  }
}

extension AddKernel: PackableKernel {
  /// Rows of all tensors are alike.
  public var alignsChannels: Bool { true }

  /// Whether rows of the operands are pixels or runs of them.
  public func canPack(_ buffer: BufferID, channels: Int) -> Bool {
    guard !isWide else { return false }
    if broadcast.isDense { return broadcast.inner % channels == 0 }
    return buffer != b.buffer && agree(broadcast.inner, channels)
  }

  /// `uq_add_s4`.
  public func packing(_ channels: [BufferID: Int]) -> any Kernel {
    var kernel = self
    kernel.broadcast = broadcast.byPixels(channels)
    return PackedAddKernel(
      kernel: kernel,
      bits: (bits(a.buffer, channels), bits(b.buffer, channels), bits(y, channels)))
  }
}

/// Call of `uq_mul_s4`: ``MultiplyKernel`` with some of its tensors in 4 bits.
public struct PackedMultiplyKernel: Kernel {
  /// The call for bytes, its operands spread as pixels need it.
  public var kernel: MultiplyKernel
  /// Bits of both operands and the result, each 4 or 8.
  public var bits: (a: Int, b: Int, y: Int)

  /// The C function.
  public var symbol: String { "uq_mul_s4" }
  /// The header.
  public var header: String { "uq_mul_s4.h" }
  /// The source.
  public var source: String { "uq_mul_s4.c" }
  /// The result may take the first operand's place where it has its bits.
  public var inPlace: (read: BufferID, write: BufferID)? { bits.a == bits.y ? kernel.inPlace : nil }
  /// Parameters, bits of the operands and the result, operands, result.
  public var arguments: [CArgument] {
    var list = kernel.arguments
    list.insert(contentsOf: [.integer(bits.a), .integer(bits.b), .integer(bits.y)], at: 1)
    return list
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    var parameters = kernel.parameters
    uq_mul_s4(
      &parameters, Int32(bits.a), Int32(bits.b), Int32(bits.y),
      kernel.a.pointer(memory, as: UInt8.self), kernel.b.pointer(memory, as: UInt8.self),
      memory.pointer(kernel.y, as: UInt8.self))
  }
}

extension MultiplyKernel: PackableKernel {
  /// Rows of all tensors are alike.
  public var alignsChannels: Bool { true }

  /// Whether rows of the operands are pixels or runs of them; the second one may be a single row.
  public func canPack(_ buffer: BufferID, channels: Int) -> Bool {
    guard !isWide else { return false }
    if broadcast.isDense { return broadcast.inner % channels == 0 }
    let isRow = broadcast.innerStride == 1 && [0, broadcast.inner].contains(broadcast.outerStride)
    return (isRow || buffer != b.buffer) && agree(broadcast.inner, channels)
  }

  /// `uq_mul_s4`.
  public func packing(_ channels: [BufferID: Int]) -> any Kernel {
    var kernel = self
    kernel.broadcast = broadcast.byPixels(channels)
    return PackedMultiplyKernel(
      kernel: kernel,
      bits: (
        UQKernels.bits(a.buffer, channels), UQKernels.bits(b.buffer, channels),
        UQKernels.bits(y, channels)
      ))
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
