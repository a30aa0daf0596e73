import UQGraph
import UQNumerics
import UQRuntime

/// Call of `uq_max_pool2d_s8` or `uq_max_pool2d_s16`.
public struct MaxPool2DKernel: Kernel {
  /// Extents and window.
  public var geometry: ImageGeometry
  /// Bounds of the output; its zero point and rounding have no effect.
  public var outputStage: OutputStage
  /// Whether input and output are int16.
  public var isWide: Bool
  /// Image `[H, W, C]`.
  public var input: BufferID
  /// Image `[H', W', C]`.
  public var output: BufferID

  /// Creates a call.
  public init(
    geometry: ImageGeometry, outputStage: OutputStage, isWide: Bool = false, input: BufferID,
    output: BufferID
  ) {
    self.geometry = geometry
    self.outputStage = outputStage
    self.isWide = isWide
    self.input = input
    self.output = output
  }

  /// The C function.
  public var symbol: String { isWide ? "uq_max_pool2d_s16" : "uq_max_pool2d_s8" }
  /// The header.
  public var header: String { isWide ? "uq_pool2d_s16.h" : "uq_pool2d.h" }
  /// The source.
  public var source: String { isWide ? "uq_pool2d_s16.c" : "uq_pool2d.c" }

  /// Parameters, input, output.
  public var arguments: [CArgument] {
    [
      .structure(
        type: "uq_pool2d_params",
        fields: poolFields(geometry, zeroPoint: 0, includesPadding: false, outputStage)),
      .read(input), .write(output),
    ]
  }

  var parameters: uq_pool2d_params {
    poolParameters(geometry, zeroPoint: 0, includesPadding: false, outputStage)
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    var parameters = parameters
    if isWide {
      let x: UnsafeMutablePointer<Int16> = memory.pointer(input)
      return uq_max_pool2d_s16(&parameters, x, memory.pointer(output))
    }
    let x: UnsafeMutablePointer<Int8> = memory.pointer(input)
    uq_max_pool2d_s8(&parameters, x, memory.pointer(output))
  }
}

/// Call of `uq_avg_pool2d_s8`, `uq_avg_pool2d_s8_s16` or `uq_avg_pool2d_s16`.
public struct AveragePool2DKernel: Kernel {
  /// Extents and window.
  public var geometry: ImageGeometry
  /// Integer of the real value 0 in the input.
  public var inputZeroPoint: Int
  /// Whether every window has one divisor: one multiplier, else one for each number of taps from 1.
  public var hasOneDivisor: Bool
  /// Whether the input is int16, as the results are then; its zero point is 0.
  public var readsWide: Bool
  /// Whether results are int16 instead of int8.
  public var isWide: Bool
  /// Zero point, bounds and rounding of the output.
  public var outputStage: OutputStage
  /// int32 multipliers.
  public var multipliers: ConstantID
  /// uint8 shifts.
  public var shifts: ConstantID
  /// Image `[H, W, C]`.
  public var input: BufferID
  /// Image `[H', W', C]`.
  public var output: BufferID

  /// Creates a call.
  public init(
    geometry: ImageGeometry, inputZeroPoint: Int, hasOneDivisor: Bool, readsWide: Bool = false,
    isWide: Bool = false, outputStage: OutputStage, multipliers: ConstantID, shifts: ConstantID,
    input: BufferID,
    output: BufferID
  ) {
    self.geometry = geometry
    self.inputZeroPoint = inputZeroPoint
    self.hasOneDivisor = hasOneDivisor
    self.readsWide = readsWide
    self.isWide = isWide || readsWide
    self.outputStage = outputStage
    self.multipliers = multipliers
    self.shifts = shifts
    self.input = input
    self.output = output
  }

  /// The C function.
  public var symbol: String {
    readsWide ? "uq_avg_pool2d_s16" : isWide ? "uq_avg_pool2d_s8_s16" : "uq_avg_pool2d_s8"
  }
  /// The header.
  public var header: String { readsWide ? "uq_pool2d_s16.h" : "uq_pool2d.h" }
  /// The source.
  public var source: String { readsWide ? "uq_pool2d_s16.c" : "uq_pool2d.c" }

  /// Parameters, input, multipliers, shifts, output.
  public var arguments: [CArgument] {
    [
      .structure(
        type: "uq_pool2d_params",
        fields: poolFields(
          geometry, zeroPoint: inputZeroPoint, includesPadding: hasOneDivisor, outputStage)),
      .read(input), .constant(multipliers), .constant(shifts), .write(output),
    ]
  }

  var parameters: uq_pool2d_params {
    poolParameters(
      geometry, zeroPoint: inputZeroPoint, includesPadding: hasOneDivisor, outputStage)
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    var parameters = parameters
    if readsWide {
      let x: UnsafeMutablePointer<Int16> = memory.pointer(input)
      return uq_avg_pool2d_s16(
        &parameters, x, memory.pointer(multipliers), memory.pointer(shifts), memory.pointer(output))
    }
    let x: UnsafeMutablePointer<Int8> = memory.pointer(input)
    if isWide {
      uq_avg_pool2d_s8_s16(
        &parameters, x, memory.pointer(multipliers), memory.pointer(shifts), memory.pointer(output))
    } else {
      uq_avg_pool2d_s8(
        &parameters, x, memory.pointer(multipliers), memory.pointer(shifts), memory.pointer(output))
    }
  }
}

private func poolFields(
  _ geometry: ImageGeometry, zeroPoint: Int, includesPadding: Bool, _ output: OutputStage
) -> [CField] {
  [
    CField("in_h", geometry.input[0]), CField("in_w", geometry.input[1]),
    CField("out_h", geometry.output[0]), CField("out_w", geometry.output[1]),
    CField("channels", geometry.input[2]),
  ] + geometry.windowFields + [
    CField("in_zero_point", zeroPoint), CField("count_include_pad", includesPadding ? 1 : 0),
    output.field,
  ]
}

private func poolParameters(
  _ geometry: ImageGeometry, zeroPoint: Int, includesPadding: Bool, _ output: OutputStage
) -> uq_pool2d_params {
  let window = geometry.window
  return uq_pool2d_params(
    in_h: Int32(geometry.input[0]), in_w: Int32(geometry.input[1]),
    out_h: Int32(geometry.output[0]), out_w: Int32(geometry.output[1]),
    channels: Int32(geometry.input[2]), kernel_h: Int32(window.kernel[0]),
    kernel_w: Int32(window.kernel[1]), stride_h: Int32(window.strides[0]),
    stride_w: Int32(window.strides[1]), dilation_h: Int32(window.dilations[0]),
    dilation_w: Int32(window.dilations[1]), pad_top: Int32(window.padding[0]),
    pad_left: Int32(window.padding[1]), in_zero_point: Int32(zeroPoint),
    count_include_pad: includesPadding ? 1 : 0, output: output.parameters)
}
