import UQKernels
import UQNumerics
import UQSimulator
import UQSupport

/// Runs a compiled model in the device's arithmetic.
public struct QuantizedRunner: Sendable {
  private let compiled: CompiledModel

  /// Takes a compiled model.
  public init(_ compiled: CompiledModel) { self.compiled = compiled }

  /// The dequantized outputs of each sample.
  ///
  /// - Throws: `simulate.*`.
  public func outputs(of samples: [[Tensor]], threads: Int) throws -> [[Tensor]] {
    try parallelMap(
      count: samples.count, threads: threads,
      context: { try Simulator(compiled.program, compiled.plan) }
    ) { simulator, index in try simulator.predict(samples[index]) }
  }

  /// The bytes of inputs that samples are quantized to, all inputs of a sample one after the other.
  ///
  /// - Throws: `simulate.*`.
  public func inputBytes(of sample: [Tensor]) throws -> [UInt8] {
    var bytes: [UInt8] = []
    for (port, tensor) in zip(compiled.program.inputs, sample) {
      bytes += try port.quantize(tensor).withUnsafeBytes { Array($0) }
    }
    return bytes
  }

  /// The bytes of the outputs for the bytes of the inputs, each one after the other.
  ///
  /// - Throws: `simulate.*`.
  public func outputBytes(of inputs: [[UInt8]], threads: Int) throws -> [[UInt8]] {
    let sizes = compiled.program.inputs.map { $0.type.byteCount }
    return try parallelMap(
      count: inputs.count, threads: threads,
      context: { try Simulator(compiled.program, compiled.plan) }
    ) { simulator, index in
      var parts: [[UInt8]] = []
      var start = 0
      for size in sizes {
        parts.append(Array(inputs[index][start..<start + size]))
        start += size
      }
      return try simulator.run(bytes: parts).flatMap { $0 }
    }
  }
}
