import UQGraph
import UQRuntime

/// How a kernel of images of 4 bits goes through its layer (`uq_tiling`).
public struct Tiling: Sendable, Hashable {
  /// Bits of an input: 4 or 8.
  public var inputBits: Int
  /// Bits of an output: 4 or 8.
  public var outputBits: Int
  /// Output pixels that are computed at a time.
  public var pixels: Int

  /// The tiling of a layer some of whose images are packed.
  ///
  /// Few pixels keep scratch memory small. Windows that overlap are unpacked once for each tile that reads
  /// them: four pixels halve that, and kernels compute them in pairs.
  init(_ geometry: ImageGeometry, packs input: Bool, _ output: Bool) {
    inputBits = input ? 4 : 8
    outputBits = output ? 4 : 8
    let most = geometry.window.kernel == [1, 1] ? 2 : 4
    pixels = min(most, geometry.output[1])
  }

  var argument: CArgument {
    .structure(
      type: "uq_tiling",
      fields: [
        CField("in_bits", inputBits), CField("out_bits", outputBits), CField("pixels", pixels),
      ])
  }

  var structure: uq_tiling {
    uq_tiling(in_bits: Int32(inputBits), out_bits: Int32(outputBits), pixels: Int32(pixels))
  }
}

/// The arguments of a tiled call, made from those of the kernel that computes the tiles: the tiling and the
/// kernel, by the type of its weights, behind the parameters.
private func tiled(_ kernel: any Kernel, bits: Int, _ tiling: Tiling, _ scratch: BufferID?)
  -> [CArgument]
{
  var list = kernel.arguments
  let function = CArgument.function(kernel.symbol)
  list.insert(
    contentsOf: [tiling.argument] + (bits == 8 ? [function, .null] : [.null, function]), at: 1)
  list[list.count - 1] = scratch.map { .scratch($0) } ?? .null
  return list
}

/// Call of `uq_conv2d_s4`: ``Conv2DKernel`` with its input, its output or both in 4 bits.
public struct PackedConv2DKernel: ScratchKernel {
  /// The call for bytes; its scratch memory has no meaning.
  public var kernel: Conv2DKernel
  /// Bits and pixels at a time.
  public var tiling: Tiling
  /// ``scratchBytes`` bytes, or none.
  public var scratchBuffer: BufferID?

  /// Bytes of scratch memory that the call needs.
  public var scratchBytes: Int {
    var (parameters, tiling) = (kernel.parameters, tiling.structure)
    return Int(uq_conv2d_s4_scratch_bytes(&parameters, &tiling))
  }

  /// The C function.
  public var symbol: String { "uq_conv2d_s4" }
  /// The header.
  public var header: String { "uq_conv2d_s4.h" }
  /// The source.
  public var source: String { "uq_conv2d_s4.c" }
  /// The kernel of the weights' width.
  public var callee: (any Kernel)? { kernel }
  /// Parameters, tiling, kernel, input, weights, bias, multipliers, shifts, output, scratch.
  public var arguments: [CArgument] {
    tiled(kernel, bits: kernel.layer.bits, tiling, scratchBuffer)
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    var (parameters, tiling) = (kernel.parameters, tiling.structure)
    let layer = kernel.layer
    let packed: uq_conv2d_packed_function? =
      switch layer.bits {
      case 4: uq_conv2d_s8_w4
      case 3: uq_conv2d_s8_w3
      case 2: uq_conv2d_s8_w2
      case 1: uq_conv2d_s8_w1
      default: nil
      }
    let bytes: uq_conv2d_function? = if layer.bits == 8 { uq_conv2d_s8 } else { nil }
    uq_conv2d_s4(
      &parameters, &tiling, bytes, packed,
      memory.pointer(kernel.input, as: UInt8.self), memory.pointer(layer.weights, as: UInt8.self),
      memory.pointer(layer.bias), memory.pointer(layer.multipliers), memory.pointer(layer.shifts),
      memory.pointer(kernel.output, as: UInt8.self), memory.pointer(scratchBuffer))
  }
}

extension Conv2DKernel: PackableKernel {
  /// Whether channels are those of the image, there is one scale for an output channel, and offsets into the
  /// scratch memory keep 31 bits.
  public func canPack(_ buffer: BufferID, channels: Int) -> Bool {
    guard !isWide, layer.groups == nil, isSmall(geometry) else { return false }
    return input != output && agree(geometry.channels(input: buffer == input), channels)
  }

  /// `uq_conv2d_s4`.
  public func packing(_ channels: [BufferID: Int]) -> any Kernel {
    PackedConv2DKernel(
      kernel: self,
      tiling: Tiling(geometry, packs: channels[input] != nil, channels[output] != nil))
  }
}

/// Call of `uq_depthwise_conv2d_s4`: ``DepthwiseConv2DKernel`` with its input, its output or both in 4 bits.
public struct PackedDepthwiseConv2DKernel: ScratchKernel {
  /// The call for bytes; its scratch memory has no meaning.
  public var kernel: DepthwiseConv2DKernel
  /// Bits and pixels at a time.
  public var tiling: Tiling
  /// ``scratchBytes`` bytes.
  public var scratchBuffer: BufferID?

  /// Bytes of scratch memory that the call needs.
  public var scratchBytes: Int {
    var (parameters, tiling) = (kernel.parameters, tiling.structure)
    return Int(uq_depthwise_conv2d_s4_scratch_bytes(&parameters, &tiling))
  }

  /// The C function.
  public var symbol: String { "uq_depthwise_conv2d_s4" }
  /// The header.
  public var header: String { "uq_depthwise_conv2d_s4.h" }
  /// The source.
  public var source: String { "uq_depthwise_conv2d_s4.c" }
  /// The kernel of the weights' width.
  public var callee: (any Kernel)? { kernel }
  /// Parameters, tiling, kernel, input, weights, bias, multipliers, shifts, output, scratch.
  public var arguments: [CArgument] {
    tiled(kernel, bits: kernel.layer.bits, tiling, scratchBuffer)
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    var (parameters, tiling) = (kernel.parameters, tiling.structure)
    let layer = kernel.layer
    let packed: uq_depthwise_conv2d_packed_function? =
      switch layer.bits {
      case 4: uq_depthwise_conv2d_s8_w4
      case 3: uq_depthwise_conv2d_s8_w3
      case 2: uq_depthwise_conv2d_s8_w2
      case 1: uq_depthwise_conv2d_s8_w1
      default: nil
      }
    let bytes: uq_depthwise_conv2d_function? =
      if layer.bits == 8 { uq_depthwise_conv2d_s8 } else { nil }
    uq_depthwise_conv2d_s4(
      &parameters, &tiling, bytes, packed,
      memory.pointer(kernel.input, as: UInt8.self), memory.pointer(layer.weights, as: UInt8.self),
      memory.pointer(layer.bias), memory.pointer(layer.multipliers), memory.pointer(layer.shifts),
      memory.pointer(kernel.output, as: UInt8.self), memory.pointer(scratchBuffer))
  }
}

extension DepthwiseConv2DKernel: PackableKernel {
  /// Whether channels are those of the image and offsets into the scratch memory keep 31 bits.
  public func canPack(_ buffer: BufferID, channels: Int) -> Bool {
    guard !isWide, layer.groups == nil, isSmall(geometry), input != output else { return false }
    return agree(geometry.channels(input: buffer == input), channels)
  }

  /// `uq_depthwise_conv2d_s4`.
  public func packing(_ channels: [BufferID: Int]) -> any Kernel {
    PackedDepthwiseConv2DKernel(
      kernel: self,
      tiling: Tiling(geometry, packs: channels[input] != nil, channels[output] != nil))
  }
}

extension ImageGeometry {
  /// Channels of a pixel of the input or the output.
  func channels(input isInput: Bool) -> Int { isInput ? input[2] : output[2] }
}

/// Whether a tile, two patches and the results of four pixels are sure to keep 31 bits together.
private func isSmall(_ geometry: ImageGeometry) -> Bool {
  let patch = geometry.window.kernel[0] * geometry.window.kernel[1] * geometry.input[2]
  let image = geometry.input.reduce(1, *)
  return image < 1 << 29 && patch < 1 << 28 && geometry.output[2] < 1 << 27
}
