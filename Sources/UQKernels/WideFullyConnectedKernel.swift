import UQNumerics
import UQRuntime

/// Call of `uq_fully_connected_s16` or `uq_fully_connected_s16_s8`: int16 activations.
public struct WideFullyConnectedKernel: Kernel {
  /// Rows of the input and the output.
  public var batch: Int
  /// Elements of an input row.
  public var depth: Int
  /// Elements of an output row.
  public var channels: Int
  /// Whether results are int16 instead of int8.
  public var isWide: Bool
  /// Zero point, bounds and rounding of the output.
  public var outputStage: OutputStage
  /// Weights, bias and scales.
  public var layer: RequantizedLayer
  /// `[batch, depth]`, int16.
  public var input: BufferID
  /// `[batch, channels]`.
  public var output: BufferID

  /// Creates a call.
  public init(
    batch: Int, depth: Int, channels: Int, isWide: Bool, outputStage: OutputStage,
    layer: RequantizedLayer, input: BufferID, output: BufferID
  ) {
    self.batch = batch
    self.depth = depth
    self.channels = channels
    self.isWide = isWide
    self.outputStage = outputStage
    self.layer = layer
    self.input = input
    self.output = output
  }

  /// The C function.
  public var symbol: String { isWide ? "uq_fully_connected_s16" : "uq_fully_connected_s16_s8" }
  /// The header.
  public var header: String { "uq_fully_connected.h" }
  /// The source.
  public var source: String { "uq_fully_connected_s16.c" }

  /// Parameters, input, weights, bias, multipliers, shifts, output.
  public var arguments: [CArgument] {
    let fields = [
      CField("batch", batch), CField("in_c", depth), CField("out_c", channels),
      CField("weight_bits", layer.bits), outputStage.field,
    ]
    return [
      .structure(type: "uq_fully_connected_s16_params", fields: fields), .read(input),
      .constant(layer.weights), .constant(layer.bias),
      layer.multipliers.map { .constant($0) } ?? .null,
      .constant(layer.shifts), .write(output),
    ]
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    var parameters = uq_fully_connected_s16_params(
      batch: Int32(batch), in_c: Int32(depth), out_c: Int32(channels),
      weight_bits: Int32(layer.bits), output: outputStage.parameters)
    let x: UnsafeMutablePointer<Int16> = memory.pointer(input)
    let weights: UnsafePointer<UInt8> = memory.pointer(layer.weights)
    let bias: UnsafePointer<Int32> = memory.pointer(layer.bias)
    let factors: UnsafePointer<Int32>? = memory.pointer(layer.multipliers)
    let shifts: UnsafePointer<UInt8> = memory.pointer(layer.shifts)
    if isWide {
      uq_fully_connected_s16(
        &parameters, x, weights, bias, factors, shifts, memory.pointer(output))
    } else {
      uq_fully_connected_s16_s8(
        &parameters, x, weights, bias, factors, shifts, memory.pointer(output))
    }
  }
}
