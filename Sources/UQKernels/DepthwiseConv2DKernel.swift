import UQGraph
import UQNumerics
import UQRuntime

/// Call of `uq_depthwise_conv2d_s8` or, for weights below 8 bits, `uq_depthwise_conv2d_s8_w4` and so on; of
/// `uq_depthwise_conv2d_s16` and its kin for int16 images.
public struct DepthwiseConv2DKernel: Kernel {
  /// Extents and window.
  public var geometry: ImageGeometry
  /// Output channels for each input channel.
  public var multiplier: Int
  /// Integer of the real value 0 in the input.
  public var inputZeroPoint: Int
  /// Zero point, bounds and rounding of the output.
  public var outputStage: OutputStage
  /// Weights, bias and scales.
  public var layer: RequantizedLayer
  /// Whether input and output are int16, with zero points of 0.
  public var isWide: Bool
  /// Image `[H, W, C]`.
  public var input: BufferID
  /// Image `[H', W', C·m]`.
  public var output: BufferID
  /// ``scratchBytes`` bytes, or none.
  public var scratchBuffer: BufferID?

  /// Creates a call, without its scratch memory.
  public init(
    geometry: ImageGeometry, multiplier: Int, inputZeroPoint: Int, outputStage: OutputStage,
    layer: RequantizedLayer, isWide: Bool = false, input: BufferID, output: BufferID
  ) {
    self.geometry = geometry
    self.multiplier = multiplier
    self.inputZeroPoint = inputZeroPoint
    self.outputStage = outputStage
    self.layer = layer
    self.isWide = isWide
    self.input = input
    self.output = output
  }

  /// Bytes of scratch memory that the call needs.
  public var scratchBytes: Int {
    if isWide { return 0 }
    var parameters = parameters
    return Int(uq_depthwise_conv2d_scratch_bytes(&parameters))
  }

  /// The C function.
  public var symbol: String {
    (isWide ? "uq_depthwise_conv2d_s16" : "uq_depthwise_conv2d_s8")
      + WeightPacking.suffix(layer.bits)
  }
  /// The header.
  public var header: String { isWide ? "uq_conv2d_s16.h" : "uq_depthwise_conv2d.h" }
  /// The source.
  public var source: String { symbol + ".c" }

  /// Parameters, input, weights, bias, multipliers, shifts, output; scratch where the kernel has it.
  public var arguments: [CArgument] {
    let list = layer.arguments(
      .structure(type: "uq_depthwise_conv2d_params", fields: fields), input, output)
    return isWide ? list : list + [scratchBuffer.map { .scratch($0) } ?? .null]
  }

  private var fields: [CField] {
    let input = geometry.input
    let output = geometry.output
    let extents = [
      CField("in_h", input[0]), CField("in_w", input[1]), CField("in_c", input[2]),
      CField("out_h", output[0]), CField("out_w", output[1]),
      CField("channel_multiplier", multiplier),
    ]
    return extents + geometry.windowFields + [
      CField("in_zero_point", inputZeroPoint), outputStage.field,
    ]
  }

  var parameters: uq_depthwise_conv2d_params {
    let window = geometry.window
    return uq_depthwise_conv2d_params(
      in_h: Int32(geometry.input[0]), in_w: Int32(geometry.input[1]),
      in_c: Int32(geometry.input[2]), out_h: Int32(geometry.output[0]),
      out_w: Int32(geometry.output[1]), channel_multiplier: Int32(multiplier),
      kernel_h: Int32(window.kernel[0]), kernel_w: Int32(window.kernel[1]),
      stride_h: Int32(window.strides[0]), stride_w: Int32(window.strides[1]),
      dilation_h: Int32(window.dilations[0]), dilation_w: Int32(window.dilations[1]),
      pad_top: Int32(window.padding[0]), pad_left: Int32(window.padding[1]),
      in_zero_point: Int32(inputZeroPoint),
      output: outputStage.parameters)
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    if isWide { return runWide(memory) }
    var parameters = parameters
    let x: UnsafeMutablePointer<Int8> = memory.pointer(input)
    let y: UnsafeMutablePointer<Int8> = memory.pointer(output)
    let scratch: UnsafeMutablePointer<Int8>? = memory.pointer(scratchBuffer)
    let bias: UnsafePointer<Int32> = memory.pointer(layer.bias)
    let multipliers: UnsafePointer<Int32>? = memory.pointer(layer.multipliers)
    let shifts: UnsafePointer<UInt8> = memory.pointer(layer.shifts)
    let packed: UnsafePointer<UInt8> = memory.pointer(layer.weights)
    switch layer.bits {
    case 4: uq_depthwise_conv2d_s8_w4(&parameters, x, packed, bias, multipliers, shifts, y, scratch)
    case 3: uq_depthwise_conv2d_s8_w3(&parameters, x, packed, bias, multipliers, shifts, y, scratch)
    case 2: uq_depthwise_conv2d_s8_w2(&parameters, x, packed, bias, multipliers, shifts, y, scratch)
    case 1: uq_depthwise_conv2d_s8_w1(&parameters, x, packed, bias, multipliers, shifts, y, scratch)
    default:
      let weights: UnsafePointer<Int8> = memory.pointer(layer.weights)
      uq_depthwise_conv2d_s8(&parameters, x, weights, bias, multipliers, shifts, y, scratch)
    }
  }

  private func runWide(_ memory: ProgramMemory) {
    var parameters = parameters
    let x: UnsafeMutablePointer<Int16> = memory.pointer(input)
    let y: UnsafeMutablePointer<Int16> = memory.pointer(output)
    let bias: UnsafePointer<Int32> = memory.pointer(layer.bias)
    let factors: UnsafePointer<Int32>? = memory.pointer(layer.multipliers)
    let shifts: UnsafePointer<UInt8> = memory.pointer(layer.shifts)
    let packed: UnsafePointer<UInt8> = memory.pointer(layer.weights)
    switch layer.bits {
    case 4: uq_depthwise_conv2d_s16_w4(&parameters, x, packed, bias, factors, shifts, y)
    case 3: uq_depthwise_conv2d_s16_w3(&parameters, x, packed, bias, factors, shifts, y)
    case 2: uq_depthwise_conv2d_s16_w2(&parameters, x, packed, bias, factors, shifts, y)
    case 1: uq_depthwise_conv2d_s16_w1(&parameters, x, packed, bias, factors, shifts, y)
    default:
      let weights: UnsafePointer<Int8> = memory.pointer(layer.weights)
      uq_depthwise_conv2d_s16(&parameters, x, weights, bias, factors, shifts, y)
    }
  }
}
