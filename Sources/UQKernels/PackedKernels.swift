import UQRuntime

/// Bits of a buffer of a kernel some of whose buffers are packed.
func bits(_ buffer: BufferID?, _ packed: [BufferID: Int]) -> Int {
  buffer.map { packed[$0] != nil } == true ? 4 : 8
}

/// Whether pixels of `channels` are those of rows of `own` elements; 2 stands for every even number.
func agree(_ own: Int, _ channels: Int) -> Bool {
  own == channels || channels == 2 && own % 2 == 0
}

/// Call of `uq_fully_connected_s4`: ``FullyConnectedKernel`` with its input, its output or both in 4 bits.
public struct PackedFullyConnectedKernel: Kernel {
  /// The call for bytes.
  public var kernel: FullyConnectedKernel
  /// Bits of an input: 4 or 8.
  public var inputBits: Int
  /// Bits of an output: 4, 8 or 16.
  public var outputBits: Int

  /// The C function.
  public var symbol: String { "uq_fully_connected_s4" }
  /// The header.
  public var header: String { "uq_fully_connected_s4.h" }
  /// The source.
  public var source: String { "uq_fully_connected_s4.c" }

  /// Parameters, input, weights, bias, multipliers, shifts, output.
  public var arguments: [CArgument] {
    let fields = [
      CField("batch", kernel.batch), CField("in_c", kernel.depth), CField("out_c", kernel.channels),
      CField("weight_bits", kernel.layer.bits), CField("in_bits", inputBits),
      CField("out_bits", outputBits), kernel.outputStage.field,
    ]
    return kernel.layer.arguments(
      .structure(type: "uq_fully_connected_s4_params", fields: fields), kernel.input, kernel.output)
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    let layer = kernel.layer
    var parameters = uq_fully_connected_s4_params(
      batch: Int32(kernel.batch), in_c: Int32(kernel.depth), out_c: Int32(kernel.channels),
      weight_bits: Int32(layer.bits), in_bits: Int32(inputBits), out_bits: Int32(outputBits),
      output: kernel.outputStage.parameters)
    uq_fully_connected_s4(
      &parameters, memory.pointer(kernel.input, as: UInt8.self),
      memory.pointer(layer.weights, as: UInt8.self), memory.pointer(layer.bias),
      memory.pointer(layer.multipliers), memory.pointer(layer.shifts),
      memory.pointer(kernel.output, as: UInt8.self))
  }
}

extension FullyConnectedKernel: PackableKernel {
  /// Whether channels are the elements of a row and there is one scale for an output.
  public func canPack(_ buffer: BufferID, channels: Int) -> Bool {
    guard layer.groups == nil, input != output else { return false }
    return buffer == input ? agree(depth, channels) : !isWide && agree(self.channels, channels)
  }

  /// `uq_fully_connected_s4`.
  public func packing(_ channels: [BufferID: Int]) -> any Kernel {
    PackedFullyConnectedKernel(
      kernel: self, inputBits: bits(input, channels),
      outputBits: isWide ? 16 : bits(output, channels))
  }
}

/// Call of `uq_max_pool2d_s4`: ``MaxPool2DKernel`` with its images in 4 bits.
public struct PackedMaxPool2DKernel: Kernel {
  /// The call for bytes.
  public var kernel: MaxPool2DKernel
  /// Bits of an input: 4 or 8.
  public var inputBits: Int
  /// Bits of an output: 4 or 8.
  public var outputBits: Int

  /// The C function.
  public var symbol: String { "uq_max_pool2d_s4" }
  /// The header.
  public var header: String { "uq_pool2d_s4.h" }
  /// The source.
  public var source: String { "uq_pool2d_s4.c" }
  /// Parameters, bits of input and output, input, output.
  public var arguments: [CArgument] {
    var list = kernel.arguments
    list.insert(contentsOf: [.integer(inputBits), .integer(outputBits)], at: 1)
    return list
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    var parameters = kernel.parameters
    uq_max_pool2d_s4(
      &parameters, Int32(inputBits), Int32(outputBits),
      memory.pointer(kernel.input, as: UInt8.self), memory.pointer(kernel.output, as: UInt8.self))
  }
}

extension MaxPool2DKernel: PackableKernel {
  /// Whether channels are those of the image.
  public func canPack(_ buffer: BufferID, channels: Int) -> Bool {
    !isWide && input != output && agree(geometry.channels(input: buffer == input), channels)
  }

  /// `uq_max_pool2d_s4`.
  public func packing(_ channels: [BufferID: Int]) -> any Kernel {
    PackedMaxPool2DKernel(
      kernel: self, inputBits: bits(input, channels), outputBits: bits(output, channels))
  }
}

/// Call of `uq_avg_pool2d_s4`: ``AveragePool2DKernel`` with its input, its output or both in 4 bits.
public struct PackedAveragePool2DKernel: Kernel {
  /// The call for bytes.
  public var kernel: AveragePool2DKernel
  /// Bits of an input: 4 or 8.
  public var inputBits: Int
  /// Bits of an output: 4, 8 or 16.
  public var outputBits: Int

  /// The C function.
  public var symbol: String { "uq_avg_pool2d_s4" }
  /// The header.
  public var header: String { "uq_pool2d_s4.h" }
  /// The source.
  public var source: String { "uq_pool2d_s4.c" }
  /// Parameters, bits of input and output, input, multipliers, shifts, output.
  public var arguments: [CArgument] {
    var list = kernel.arguments
    list.insert(contentsOf: [.integer(inputBits), .integer(outputBits)], at: 1)
    return list
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    var parameters = kernel.parameters
    uq_avg_pool2d_s4(
      &parameters, Int32(inputBits), Int32(outputBits),
      memory.pointer(kernel.input, as: UInt8.self), memory.pointer(kernel.multipliers),
      memory.pointer(kernel.shifts), memory.pointer(kernel.output, as: UInt8.self))
  }
}

extension AveragePool2DKernel: PackableKernel {
  /// Whether channels are those of the image.
  public func canPack(_ buffer: BufferID, channels: Int) -> Bool {
    guard !readsWide, input != output, buffer == input || !isWide else { return false }
    return agree(geometry.channels(input: buffer == input), channels)
  }

  /// `uq_avg_pool2d_s4`.
  public func packing(_ channels: [BufferID: Int]) -> any Kernel {
    PackedAveragePool2DKernel(
      kernel: self, inputBits: bits(input, channels),
      outputBits: isWide ? 16 : bits(output, channels))
  }
}

extension CopyKernel: PackableKernel {
  /// A copy has the bits of its operand.
  public var packsTogether: Bool { true }

  /// Whether rows are whole bytes.
  public func canPack(_ buffer: BufferID, channels: Int) -> Bool {
    let sizes = [rowBytes, sourceStride, targetStride, sourceOffset, targetOffset]
    return channels == 2 && x.buffer != nil && sizes.allSatisfy { $0 % 2 == 0 }
  }

  /// The copy of half as many bytes.
  public func packing(_ channels: [BufferID: Int]) -> any Kernel {
    CopyKernel(
      rows: rows, rowBytes: rowBytes / 2, sourceStride: sourceStride / 2,
      targetStride: targetStride / 2, sourceOffset: sourceOffset / 2,
      targetOffset: targetOffset / 2, x: x, y: y)
  }
}

extension PadKernel: PackableKernel {
  /// The result has the bits of the operand.
  public var packsTogether: Bool { true }

  /// Whether pixels are whole bytes, in front of and behind them too.
  public func canPack(_ buffer: BufferID, channels: Int) -> Bool {
    channels == 2 && elementBytes == 1 && sizes[3] % 2 == 0 && before[3] % 2 == 0
      && after[3] % 2 == 0
  }

  /// The same of half as many bytes, each of which is a pair.
  public func packing(_ channels: [BufferID: Int]) -> any Kernel {
    let pair = UInt8(truncatingIfNeeded: value) & 15
    let half = { (extents: [Int]) in Array(extents[..<3]) + [extents[3] / 2] }
    return PadKernel(
      sizes: half(sizes), before: half(before), after: half(after), elementBytes: 1,
      value: Int(Int8(bitPattern: pair | pair << 4)), x: x, y: y)
  }
}

extension ResizeNearestKernel: PackableKernel {
  /// The result has the bits of the operand.
  public var packsTogether: Bool { true }

  /// Whether channels are those of the image.
  public func canPack(_ buffer: BufferID, channels: Int) -> Bool { agree(pixelBytes, channels) }

  /// The same of smaller pixels.
  public func packing(_ channels: [BufferID: Int]) -> any Kernel {
    ResizeNearestKernel(
      height: height, width: width, pixelBytes: (pixelBytes + 1) / 2, factors: factors, x: x, y: y)
  }
}
