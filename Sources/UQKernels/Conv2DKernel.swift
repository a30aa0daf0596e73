import UQGraph
import UQNumerics
import UQRuntime

/// Call of `uq_conv2d_s8` or, for weights below 8 bits, `uq_conv2d_s8_w4` and so on; of
/// `uq_conv2d_groupwise_s8_w4` and its kin where groups of input channels have scales; of `uq_conv2d_s16`
/// and its kin for int16 images.
public struct Conv2DKernel: Kernel {
  /// Extents and window.
  public var geometry: ImageGeometry
  /// Groups that channels are split into.
  public var groups: Int
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
  /// Image `[H', W', O]`.
  public var output: BufferID
  /// ``scratchBytes`` bytes, or none.
  public var scratchBuffer: BufferID?

  /// Creates a call, without its scratch memory.
  public init(
    geometry: ImageGeometry, groups: Int, inputZeroPoint: Int, outputStage: OutputStage,
    layer: RequantizedLayer, isWide: Bool = false, input: BufferID, output: BufferID
  ) {
    self.geometry = geometry
    self.groups = groups
    self.inputZeroPoint = inputZeroPoint
    self.outputStage = outputStage
    self.layer = layer
    self.isWide = isWide
    self.input = input
    self.output = output
  }

  /// Bytes of scratch memory that the call needs.
  public var scratchBytes: Int {
    var parameters = parameters
    return Int(
      isWide ? uq_conv2d_s16_scratch_bytes(&parameters) : uq_conv2d_scratch_bytes(&parameters))
  }

  /// The C function.
  public var symbol: String {
    let family =
      isWide ? "uq_conv2d_s16" : layer.groups == nil ? "uq_conv2d_s8" : "uq_conv2d_groupwise_s8"
    return family + WeightPacking.suffix(layer.bits)
  }
  /// The header.
  public var header: String {
    isWide ? "uq_conv2d_s16.h" : layer.groups == nil ? "uq_conv2d.h" : "uq_groupwise.h"
  }
  /// The source.
  public var source: String { symbol + ".c" }
  /// That of the layer.
  public var groupSize: Int? { layer.groups?.size }

  /// Parameters, input, weights, bias, multipliers, shifts, output, scratch; behind the parameters the
  /// accumulator's shift of an int16 layer.
  public var arguments: [CArgument] {
    var list = layer.arguments(.structure(type: "uq_conv2d_params", fields: fields), input, output)
    if isWide { list.insert(.integer(layer.accumulatorShift), at: 1) }
    return list + [scratchBuffer.map { .scratch($0) } ?? .null]
  }

  private var fields: [CField] {
    let input = geometry.input
    let output = geometry.output
    let extents = [
      CField("in_h", input[0]), CField("in_w", input[1]), CField("in_c", input[2]),
      CField("out_h", output[0]), CField("out_w", output[1]), CField("out_c", output[2]),
    ]
    return extents + geometry.windowFields + [
      CField("groups", groups), CField("in_zero_point", inputZeroPoint), outputStage.field,
    ]
  }

  var parameters: uq_conv2d_params {
    let window = geometry.window
    return uq_conv2d_params(
      in_h: Int32(geometry.input[0]), in_w: Int32(geometry.input[1]),
      in_c: Int32(geometry.input[2]), out_h: Int32(geometry.output[0]),
      out_w: Int32(geometry.output[1]), out_c: Int32(geometry.output[2]),
      kernel_h: Int32(window.kernel[0]), kernel_w: Int32(window.kernel[1]),
      stride_h: Int32(window.strides[0]), stride_w: Int32(window.strides[1]),
      dilation_h: Int32(window.dilations[0]), dilation_w: Int32(window.dilations[1]),
      pad_top: Int32(window.padding[0]), pad_left: Int32(window.padding[1]),
      groups: Int32(groups), in_zero_point: Int32(inputZeroPoint),
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
    if let groups = layer.groups {
      let run =
        switch layer.bits {
        case 4: uq_conv2d_groupwise_s8_w4
        case 3: uq_conv2d_groupwise_s8_w3
        default: uq_conv2d_groupwise_s8_w2
        }
      run(
        &parameters, Int32(groups.size), x, packed, memory.pointer(groups.factors), bias,
        multipliers, shifts, y, scratch)
      return
    }
    switch layer.bits {
    case 4: uq_conv2d_s8_w4(&parameters, x, packed, bias, multipliers, shifts, y, scratch)
    case 3: uq_conv2d_s8_w3(&parameters, x, packed, bias, multipliers, shifts, y, scratch)
    case 2: uq_conv2d_s8_w2(&parameters, x, packed, bias, multipliers, shifts, y, scratch)
    case 1: uq_conv2d_s8_w1(&parameters, x, packed, bias, multipliers, shifts, y, scratch)
    default:
      let weights: UnsafePointer<Int8> = memory.pointer(layer.weights)
      uq_conv2d_s8(&parameters, x, weights, bias, multipliers, shifts, y, scratch)
    }
  }

  private func runWide(_ memory: ProgramMemory) {
    var parameters = parameters
    let x: UnsafeMutablePointer<Int16> = memory.pointer(input)
    let y: UnsafeMutablePointer<Int16> = memory.pointer(output)
    let scratch: UnsafeMutablePointer<Int16>? = memory.pointer(scratchBuffer)
    let bias: UnsafePointer<Int32> = memory.pointer(layer.bias)
    let factors: UnsafePointer<Int32>? = memory.pointer(layer.multipliers)
    let shifts: UnsafePointer<UInt8> = memory.pointer(layer.shifts)
    let packed: UnsafePointer<UInt8> = memory.pointer(layer.weights)
    let places = Int32(layer.accumulatorShift)
    switch layer.bits {
    case 4: uq_conv2d_s16_w4(&parameters, places, x, packed, bias, factors, shifts, y, scratch)
    case 3: uq_conv2d_s16_w3(&parameters, places, x, packed, bias, factors, shifts, y, scratch)
    case 2: uq_conv2d_s16_w2(&parameters, places, x, packed, bias, factors, shifts, y, scratch)
    case 1: uq_conv2d_s16_w1(&parameters, places, x, packed, bias, factors, shifts, y, scratch)
    default:
      let weights: UnsafePointer<Int8> = memory.pointer(layer.weights)
      uq_conv2d_s16(&parameters, places, x, weights, bias, factors, shifts, y, scratch)
    }
  }
}
