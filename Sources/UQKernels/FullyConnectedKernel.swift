import UQNumerics
import UQRuntime

/// Call of `uq_fully_connected_s8`, of a variant for weights below 8 bits or with scales for groups of
/// inputs, or of one with int16 results.
public struct FullyConnectedKernel: Kernel {
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
  /// `[batch, depth]`.
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
  public var symbol: String {
    let family =
      layer.groups != nil
      ? "uq_fully_connected_groupwise_s8"
      : isWide ? "uq_fully_connected_s8_s16" : "uq_fully_connected_s8"
    return family + WeightPacking.suffix(layer.bits)
  }
  /// The header.
  public var header: String {
    layer.groups == nil ? "uq_fully_connected.h" : "uq_groupwise.h"
  }
  /// The source.
  public var source: String { symbol + ".c" }
  /// That of the layer.
  public var groupSize: Int? { layer.groups?.size }

  /// Parameters, input, weights, bias, multipliers, shifts, output.
  public var arguments: [CArgument] {
    let fields = [
      CField("batch", batch), CField("in_c", depth), CField("out_c", channels), outputStage.field,
    ]
    return layer.arguments(
      .structure(type: "uq_fully_connected_params", fields: fields), input, output)
  }

  /// Calls the C function.
  public func run(_ memory: ProgramMemory) {
    var parameters = uq_fully_connected_params(
      batch: Int32(batch), in_c: Int32(depth), out_c: Int32(channels),
      output: outputStage.parameters)
    let x: UnsafeMutablePointer<Int8> = memory.pointer(input)
    let bias: UnsafePointer<Int32> = memory.pointer(layer.bias)
    let factors: UnsafePointer<Int32>? = memory.pointer(layer.multipliers)
    let shifts: UnsafePointer<UInt8> = memory.pointer(layer.shifts)
    let weights: UnsafePointer<Int8> = memory.pointer(layer.weights)
    let packed: UnsafePointer<UInt8> = memory.pointer(layer.weights)
    if let groups = layer.groups {
      let run =
        switch layer.bits {
        case 4: uq_fully_connected_groupwise_s8_w4
        case 3: uq_fully_connected_groupwise_s8_w3
        default: uq_fully_connected_groupwise_s8_w2
        }
      run(
        &parameters, Int32(groups.size), x, packed, memory.pointer(groups.factors), bias, factors,
        shifts, memory.pointer(output))
    } else if isWide {
      let y: UnsafeMutablePointer<Int16> = memory.pointer(output)
      switch layer.bits {
      case 4: uq_fully_connected_s8_s16_w4(&parameters, x, packed, bias, factors, shifts, y)
      case 3: uq_fully_connected_s8_s16_w3(&parameters, x, packed, bias, factors, shifts, y)
      case 2: uq_fully_connected_s8_s16_w2(&parameters, x, packed, bias, factors, shifts, y)
      case 1: uq_fully_connected_s8_s16_w1(&parameters, x, packed, bias, factors, shifts, y)
      default: uq_fully_connected_s8_s16(&parameters, x, weights, bias, factors, shifts, y)
      }
    } else {
      let y: UnsafeMutablePointer<Int8> = memory.pointer(output)
      switch layer.bits {
      case 4: uq_fully_connected_s8_w4(&parameters, x, packed, bias, factors, shifts, y)
      case 3: uq_fully_connected_s8_w3(&parameters, x, packed, bias, factors, shifts, y)
      case 2: uq_fully_connected_s8_w2(&parameters, x, packed, bias, factors, shifts, y)
      case 1: uq_fully_connected_s8_w1(&parameters, x, packed, bias, factors, shifts, y)
      default: uq_fully_connected_s8(&parameters, x, weights, bias, factors, shifts, y)
      }
    }
  }
}
