import UQKernels
import UQNumerics
import UQReport

extension CompiledModel {
  /// One entry for each layer of the program, in order.
  ///
  /// - Parameters:
  ///   - ratios: signal to quantization noise after each kernel call, in decibels.
  ///   - instructions: instructions of each kernel call; empty where they were not counted.
  public func layerReports(_ ratios: [Double?], instructions: [Int] = []) -> [LayerReport] {
    var result: [LayerReport] = []
    for (position, call) in program.calls.enumerated() {
      let constants = call.kernel.constants.map { program[$0] }
      let bytes = constants.reduce(0) {
        $0 + ($1.role.isWeights ? $1.bytes.count : 0)
      }
      let bits = constants.first { $0.role == .weights }?.bits
      let isNarrow = call.kernel.writes.contains {
        program[$0].byteCount < program[$0].type?.byteCount ?? 0
      }
      let count = instructions.indices.contains(position) ? instructions[position] : nil
      if let last = result.last, last.name == call.layer {
        result[result.count - 1].macs += call.macs
        result[result.count - 1].instructions = count.map { $0 + (last.instructions ?? 0) }
        result[result.count - 1].weightBytes += bytes
        result[result.count - 1].bits = last.bits ?? bits
        result[result.count - 1].groupSize = last.groupSize ?? call.kernel.groupSize
        result[result.count - 1].activationBits = isNarrow ? 4 : nil
        result[result.count - 1].sqnr = ratios[position] ?? last.sqnr
      } else {
        var layer = LayerReport(
          name: call.layer, operatorName: call.operatorName, bits: bits, sqnr: ratios[position],
          weightBytes: bytes, macs: call.macs)
        layer.instructions = count
        layer.activationBits = isNarrow ? 4 : nil
        layer.groupSize = call.kernel.groupSize
        result.append(layer)
      }
    }
    return result
  }
}
