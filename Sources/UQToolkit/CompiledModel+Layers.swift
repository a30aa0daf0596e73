import UQKernels
import UQReport

extension CompiledModel {
  /// One entry for each layer of the program, in order.
  ///
  /// - Parameter ratios: signal to quantization noise after each kernel call, in decibels.
  public func layerReports(_ ratios: [Double?]) -> [LayerReport] {
    var result: [LayerReport] = []
    for (position, call) in program.calls.enumerated() {
      let constants = call.kernel.constants.map { program[$0] }
      let bytes = constants.reduce(0) {
        $0 + ($1.role == .weights ? $1.bytes.count : 0)
      }
      let bits = constants.first { $0.role == .weights }?.bits
      if let last = result.last, last.name == call.layer {
        result[result.count - 1].weightBytes += bytes
        result[result.count - 1].bits = last.bits ?? bits
        result[result.count - 1].sqnr = ratios[position] ?? last.sqnr
      } else {
        result.append(
          LayerReport(
            name: call.layer, operatorName: call.operatorName, bits: bits,
            sqnr: ratios[position], weightBytes: bytes))
      }
    }
    return result
  }
}
