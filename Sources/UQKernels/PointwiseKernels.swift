import UQRuntime

/// Any function of a tensor by a table (`uq_lut_s8`, `uq_lut_s16`).
public struct LookupKernel: Kernel {
  /// Whether the tensor is int16 and the table interpolated.
  public var isWide: Bool
  /// The results for −128...127, or for −32768, −32640...32768.
  public var table: ConstantID
  /// Number of elements.
  public var count: Int
  /// Operand.
  public var x: BufferID
  /// Result.
  public var y: BufferID

  /// Creates the call.
  public init(
    isWide: Bool = false, table: ConstantID, count: Int, x: BufferID, y: BufferID
  ) {
    self.isWide = isWide
    self.table = table
    self.count = count
    self.x = x
    self.y = y
  }

  /// The C function.
  public var symbol: String { isWide ? "uq_lut_s16" : "uq_lut_s8" }
  /// The header that declares it.
  public var header: String { isWide ? "uq_elementwise_s16.h" : "uq_lut.h" }
  /// The source that defines it.
  public var source: String { isWide ? "uq_elementwise_s16.c" : "uq_lut.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    [.read(x), .constant(table), .integer(count), .write(y)]
  }
  /// The result may take the operand's place.
  public var inPlace: (read: BufferID, write: BufferID)? { (x, y) }
  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    if isWide {
      uq_lut_s16(memory.pointer(x), memory.pointer(table), Int32(count), memory.pointer(y))
    } else {
      uq_lut_s8(memory.pointer(x), memory.pointer(table), Int32(count), memory.pointer(y))
    }
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
  public var output: OutputStage
  /// Operand.
  public var x: BufferID
  /// Result.
  public var y: BufferID

  /// Creates the call.
  public init(
    readsWide: Bool = false, writesWide: Bool = false, count: Int, zeroPoint: Int,
    scale: KernelScale, output: OutputStage, x: BufferID, y: BufferID
  ) {
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
    switch (readsWide, writesWide) {
    case (true, true): "uq_rescale_s16"
    case (true, false): "uq_rescale_s16_s8"
    case (false, true): "uq_rescale_s8_s16"
    case (false, false): "uq_rescale_s8"
    }
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
  public var inPlace: (read: BufferID, write: BufferID)? {
    writesWide && !readsWide ? nil : (x, y)
  }
  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    var params = uq_rescale_params(
      count: Int32(count), in_zero_point: Int32(zeroPoint), multiplier: Int32(scale.multiplier),
      shift: Int32(scale.shift), output: output.parameters)
    switch (readsWide, writesWide) {
    case (true, true): uq_rescale_s16(&params, memory.pointer(x), memory.pointer(y))
    case (true, false): uq_rescale_s16_s8(&params, memory.pointer(x), memory.pointer(y))
    case (false, true): uq_rescale_s8_s16(&params, memory.pointer(x), memory.pointer(y))
    case (false, false): uq_rescale_s8(&params, memory.pointer(x), memory.pointer(y))
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
  public var output: OutputStage
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
    pixels: Int, channels: Int, zeroPoint: Int, scale: KernelScale, output: OutputStage,
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
      multiplier: Int32(scale.multiplier), shift: Int32(scale.shift), output: output.parameters)
    uq_prelu_s8(
      &params, memory.pointer(x), memory.pointer(multipliers), memory.pointer(shifts),
      memory.pointer(y))
  }
}
