import Foundation
import UQGraph
import UQKernels
import UQNumerics
import UQSimulator
import UQSupport

/// Measures how closely each layer of a compiled model follows the float model.
///
/// Signal to quantization noise of a layer's output, `10 · log10(Σ y² / Σ (ŷ − y)²)` decibels, with
/// everything before it quantized too.
struct LayerQuality {
  let compiled: CompiledModel
  let graph: Graph
  let prepared: any PreparedGraph

  /// The ratio for each kernel call by position.
  ///
  /// `nil` where the output is no value of the float graph or the signal is 0; an exact output counts
  /// 200 dB.
  func ratios(_ samples: [[Tensor]]) throws -> [Double?] {
    let ids = Dictionary(
      graph.values.indices.map { (graph.values[$0].name, ValueID($0)) },
      uniquingKeysWith: { first, _ in first })
    let program = compiled.program
    let outputs = program.calls.map { call -> (buffer: BufferID, value: ValueID)? in
      guard let buffer = call.kernel.writes.first, let type = program[buffer].type,
        type.quantization?.scales.count == 1, let id = ids[program[buffer].name],
        graph.type(of: id).shape.count == type.shape.count
      else { return nil }
      return (buffer, id)
    }
    let wanted = Set(outputs.compactMap { $0?.value })
    let simulator = try Simulator(program, compiled.plan)
    let energies = Energies(count: outputs.count)
    for sample in samples {
      let floats =
        try prepared.run([sample], threads: 1, initial: { _ in [ValueID: [Float]]() }) {
          state, id, elements in
          if wanted.contains(id) { state[id] = Array(elements) }
        }.first ?? [:]
      simulator.observe = { call, memory in
        guard let output = outputs[call], let reference = floats[output.value],
          let type = program[output.buffer].type, let quantization = type.quantization
        else { return }
        let packed = program[output.buffer].byteCount < type.byteCount ? type.shape.last : nil
        energies.add(
          reference, memory, output.buffer, type.element, quantization, packedChannels: packed,
          at: call)
      }
      _ = try simulator.predict(sample)
    }
    return energies.ratios
  }
}

/// Sums over samples, changed from the simulator's callback.
private final class Energies {
  private var signal: [Double]
  private var noise: [Double]

  init(count: Int) {
    signal = [Double](repeating: 0, count: count)
    noise = signal
  }

  func add(
    _ reference: [Float], _ memory: ProgramMemory, _ buffer: BufferID, _ element: ElementType,
    _ quantization: Quantization, packedChannels: Int?, at call: Int
  ) {
    let (scale, zero) = (quantization.scale, quantization.zeroPoint)
    var sums = (signal: 0.0, noise: 0.0)
    reference.withUnsafeBufferPointer { wanted in
      let narrow: UnsafeMutablePointer<Int8> = memory.pointer(buffer)
      let wide: UnsafeMutablePointer<Int16> = memory.pointer(buffer)
      let pairs: UnsafeMutablePointer<UInt8> = memory.pointer(buffer)
      for i in wanted.indices {
        let integer =
          packedChannels.map { NibblePacking.integer(at: i, of: pairs, channels: $0) }
          ?? (element == .int16 ? Int(wide[i]) : Int(narrow[i]))
        let y = Double(wanted[i])
        let difference = scale * Double(integer - zero) - y
        sums.signal += y * y
        sums.noise += difference * difference
      }
    }
    signal[call] += sums.signal
    noise[call] += sums.noise
  }

  var ratios: [Double?] {
    zip(signal, noise).map { signal, noise in
      guard signal > 0 else { return nil }
      return noise > 0 ? min(200, 10 * log10(signal / noise)) : 200
    }
  }
}
