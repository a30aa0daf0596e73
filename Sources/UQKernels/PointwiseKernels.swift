import UQRuntime

/// Any function of an int8 tensor by a table (`uq_lut_s8`).
public struct LookupKernel: Kernel {
  /// The results for −128...127.
  public var table: ConstantID
  /// Number of elements.
  public var count: Int
  /// Operand.
  public var x: BufferID
  /// Result.
  public var y: BufferID

  /// Creates the call.
  public init(table: ConstantID, count: Int, x: BufferID, y: BufferID) {
    self.table = table
    self.count = count
    self.x = x
    self.y = y
  }

  /// The C function.
  public var symbol: String { "uq_lut_s8" }
  /// The header that declares it.
  public var header: String { "uq_lut.h" }
  /// The source that defines it.
  public var source: String { "uq_lut.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    [.read(x), .constant(table), .integer(count), .write(y)]
  }
  /// The result may take the operand's place.
  public var inPlace: (read: BufferID, write: BufferID)? { (x, y) }
  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    uq_lut_s8(memory.pointer(x), memory.pointer(table), Int32(count), memory.pointer(y))
  }
}

/// From one scale and zero point to another (`uq_rescale_s8` and those between widths).
public struct RescaleKernel: Kernel {
  /// Whether the operand is int16.
  public var readsWide: Bool
  /// Whether the result is int16.
  public var writesWide: Bool
  /// Number of elements.
  public var count: Int
  /// Zero point of the operand.
  public var zeroPoint: Int
  /// `scale_x / scale_y`.
  public var scale: KernelScale
  /// Zero point, clamp and rounding.
  public var output: KernelOutput
  /// Operand.
  public var x: BufferID
  /// Result.
  public var y: BufferID

  /// Creates the call; `nil` from int16 to int16, which no kernel computes.
  public init?(
    readsWide: Bool = false, writesWide: Bool = false, count: Int, zeroPoint: Int,
    scale: KernelScale, output: KernelOutput, x: BufferID, y: BufferID
  ) {
    guard !(readsWide && writesWide) else { return nil }
    self.readsWide = readsWide
    self.writesWide = writesWide
    self.count = count
    self.zeroPoint = zeroPoint
    self.scale = scale
    self.output = output
    self.x = x
    self.y = y
  }

  /// The C function.
  public var symbol: String {
    readsWide ? "uq_rescale_s16_s8" : writesWide ? "uq_rescale_s8_s16" : "uq_rescale_s8"
  }
  /// The header that declares it.
  public var header: String { "uq_rescale.h" }
  /// The source that defines it.
  public var source: String { "uq_rescale.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    [
      .structure(
        type: "uq_rescale_params",
        fields: [
          CField("count", count), CField("in_zero_point", zeroPoint),
          CField("multiplier", scale.multiplier), CField("shift", scale.shift), output.field,
        ]), .read(x), .write(y),
    ]
  }
  /// The result may take the operand's place unless it is wider.
  public var inPlace: (read: BufferID, write: BufferID)? { writesWide ? nil : (x, y) }
  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    var params = uq_rescale_params(
      count: Int32(count), in_zero_point: Int32(zeroPoint), multiplier: Int32(scale.multiplier),
      shift: Int32(scale.shift), output: output.structure)
    if readsWide {
      uq_rescale_s16_s8(&params, memory.pointer(x), memory.pointer(y))
    } else if writesWide {
      uq_rescale_s8_s16(&params, memory.pointer(x), memory.pointer(y))
    } else {
      uq_rescale_s8(&params, memory.pointer(x), memory.pointer(y))
    }
  }
}

/// Rectifier with a slope for each channel (`uq_prelu_s8`).
public struct PReluKernel: Kernel {
  /// Pixels.
  public var pixels: Int
  /// Channels, innermost.
  public var channels: Int
  /// Zero point of the operand.
  public var zeroPoint: Int
  /// `scale_x / scale_y`.
  public var scale: KernelScale
  /// Zero point, clamp and rounding.
  public var output: KernelOutput
  /// `slope · scale_x / scale_y` of each channel.
  public var multipliers: ConstantID
  /// Right shift of each channel.
  public var shifts: ConstantID
  /// Operand.
  public var x: BufferID
  /// Result.
  public var y: BufferID

  /// Creates the call.
  public init(
    pixels: Int, channels: Int, zeroPoint: Int, scale: KernelScale, output: KernelOutput,
    multipliers: ConstantID, shifts: ConstantID, x: BufferID, y: BufferID
  ) {
    self.pixels = pixels
    self.channels = channels
    self.zeroPoint = zeroPoint
    self.scale = scale
    self.output = output
    self.multipliers = multipliers
    self.shifts = shifts
    self.x = x
    self.y = y
  }

  /// The C function.
  public var symbol: String { "uq_prelu_s8" }
  /// The header that declares it.
  public var header: String { "uq_prelu.h" }
  /// The source that defines it.
  public var source: String { "uq_prelu.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    [
      .structure(
        type: "uq_prelu_params",
        fields: [
          CField("pixels", pixels), CField("channels", channels),
          CField("in_zero_point", zeroPoint), CField("multiplier", scale.multiplier),
          CField("shift", scale.shift), output.field,
        ]), .read(x), .constant(multipliers), .constant(shifts), .write(y),
    ]
  }
  /// The result may take the operand's place.
  public var inPlace: (read: BufferID, write: BufferID)? { (x, y) }
  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    var params = uq_prelu_params(
      pixels: Int32(pixels), channels: Int32(channels), in_zero_point: Int32(zeroPoint),
      multiplier: Int32(scale.multiplier), shift: Int32(scale.shift), output: output.structure)
    uq_prelu_s8(
      &params, memory.pointer(x), memory.pointer(multipliers), memory.pointer(shifts),
      memory.pointer(y))
  }
}

/// `weight · x + bias` with a scale for each channel: a depthwise convolution of one tap
/// (`uq_depthwise_conv2d_s8`).
public struct ChannelAffineKernel: Kernel {
  /// Pixels.
  public var pixels: Int
  /// Channels, innermost.
  public var channels: Int
  /// Zero point of the operand.
  public var zeroPoint: Int
  /// Zero point, clamp and rounding.
  public var output: KernelOutput
  /// int8 weight of each channel.
  public var weights: ConstantID
  /// int32 bias of each channel, the zero point folded in.
  public var bias: ConstantID
  /// Multiplier of each channel.
  public var multipliers: ConstantID
  /// Right shift of each channel.
  public var shifts: ConstantID
  /// Operand.
  public var x: BufferID
  /// Result.
  public var y: BufferID
  /// A pixel.
  public var scratch: BufferID?

  /// Creates the call.
  public init(
    pixels: Int, channels: Int, zeroPoint: Int, output: KernelOutput, weights: ConstantID,
    bias: ConstantID, multipliers: ConstantID, shifts: ConstantID, x: BufferID, y: BufferID,
    scratch: BufferID?
  ) {
    self.pixels = pixels
    self.channels = channels
    self.zeroPoint = zeroPoint
    self.output = output
    self.weights = weights
    self.bias = bias
    self.multipliers = multipliers
    self.shifts = shifts
    self.x = x
    self.y = y
    self.scratch = scratch
  }

  /// The C function.
  public var symbol: String { "uq_depthwise_conv2d_s8" }
  /// The header that declares it.
  public var header: String { "uq_depthwise_conv2d.h" }
  /// The source that defines it.
  public var source: String { "uq_depthwise_conv2d_s8.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    let ones = [
      "channel_multiplier", "kernel_h", "kernel_w", "stride_h", "stride_w", "dilation_h",
      "dilation_w",
    ]
    return [
      .structure(
        type: "uq_depthwise_conv2d_params",
        fields: [
          CField("in_h", 1), CField("in_w", pixels), CField("in_c", channels), CField("out_h", 1),
          CField("out_w", pixels),
        ] + ones.map { CField($0, 1) } + [
          CField("pad_top", 0), CField("pad_left", 0), CField("in_zero_point", zeroPoint),
          output.field,
        ]), .read(x), .constant(weights), .constant(bias), .constant(multipliers),
      .constant(shifts), .write(y), scratch.map { .scratch($0) } ?? .null,
    ]
  }
  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    var params = uq_depthwise_conv2d_params(
      in_h: 1, in_w: Int32(pixels), in_c: Int32(channels), out_h: 1, out_w: Int32(pixels),
      channel_multiplier: 1, kernel_h: 1, kernel_w: 1, stride_h: 1, stride_w: 1, dilation_h: 1,
      dilation_w: 1, pad_top: 0, pad_left: 0, in_zero_point: Int32(zeroPoint),
      output: output.structure)
    uq_depthwise_conv2d_s8(
      &params, memory.pointer(x), memory.pointer(weights), memory.pointer(bias),
      memory.pointer(multipliers), memory.pointer(shifts), memory.pointer(y),
      memory.pointer(scratch))
  }
}
