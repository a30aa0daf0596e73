import UQKernels
import UQReport

extension ArenaUse {
  /// Where a program's buffers lie, and from which call to which.
  init(_ program: KernelProgram, _ plan: ArenaPlan) {
    var spans: [Int: (first: Int, last: Int)] = [:]
    for (step, call) in program.calls.enumerated() {
      let kernel = call.kernel
      for id in kernel.reads + kernel.writes + kernel.scratch {
        spans[id.index] = (spans[id.index]?.first ?? step, step)
      }
    }
    let buffers = program.buffers.enumerated().compactMap { index, buffer -> ArenaBuffer? in
      guard let offset = plan.offsets[index], let span = spans[index], buffer.byteCount > 0 else {
        return nil
      }
      return ArenaBuffer(
        name: buffer.name, isScratch: buffer.kind == .scratch, offset: offset,
        bytes: buffer.byteCount, first: span.first, last: span.last)
    }
    self.init(
      steps: program.calls.map(\.layer),
      buffers: buffers.sorted { ($0.offset, $0.first, $0.name) < ($1.offset, $1.first, $1.name) })
  }
}
