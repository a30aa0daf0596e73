import Foundation
import UQKernels
import UQSupport

extension Simulator {
  /// Computes the outputs with every assumption about memory checked: all bytes that hold no live
  /// value are `poison` before each call, and a call may change only what it writes.
  ///
  /// - Throws: `simulate.memory.overrun` naming the call and what it damaged; `simulate.input.count`,
  ///   `simulate.input.size`.
  /// - Complexity: calls · bytes of all memory.
  public func runChecked(bytes inputs: [[UInt8]], poison: UInt8 = 0xA5) throws(Diagnostic)
    -> [[UInt8]]
  {
    let everything = memory.block
    everything.initializeMemory(as: UInt8.self, repeating: poison)
    try fill(inputs)
    let spans = usedSpans()
    let shadow = UnsafeMutableRawBufferPointer.allocate(byteCount: everything.count, alignment: 64)
    defer { shadow.deallocate() }
    for (index, call) in program.calls.enumerated() {
      shadow.copyMemory(from: UnsafeRawBufferPointer(everything))
      run(call: index)
      let changed = (call.kernel.writes + call.kernel.scratch).map { memory.range(of: $0.index) }
      if let place = firstDifference(shadow, outside: changed) {
        throw Diagnostic(
          id: "simulate.memory.overrun",
          "\(call.kernel.symbol) changed \(describe(place, at: index, spans)), which it does not own",
          at: SourcePlace(node: call.layer, operatorName: call.operatorName))
      }
      observe?(index, addresses)
      poisonDead(after: index, spans, poison)
    }
    return outputs()
  }

  /// Proves by execution that a plan computes what separate buffers compute.
  ///
  /// Runs each sample with all buffers apart, then twice in the planned arena with different poison,
  /// then once in the memory that these runs left behind; returns the outputs of each sample.
  ///
  /// - Throws: `simulate.plan.differs` naming the output, or what ``runChecked(bytes:poison:)`` throws.
  public static func prove(
    _ program: KernelProgram, _ plan: ArenaPlan, samples: [[[UInt8]]]
  ) throws(Diagnostic) -> [[[UInt8]]] {
    let reference = try Simulator(program, separatePlan(program))
    let planned = try Simulator(program, plan)
    var results: [[[UInt8]]] = []
    for sample in samples {
      let expected = try reference.runChecked(bytes: sample, poison: 0)
      let runs = [
        try planned.runChecked(bytes: sample, poison: 0xA5),
        try planned.runChecked(bytes: sample, poison: 0x5A),
        try planned.run(bytes: sample),
      ]
      for run in runs {
        for (index, port) in program.outputs.enumerated() where run[index] != expected[index] {
          let differing = zip(run[index], expected[index]).count { $0 != $1 }
          throw Diagnostic(
            id: "simulate.plan.differs",
            "output '\(port.name)' differs in \(differing) bytes between the planned arena and separate buffers"
          )
        }
      }
      results.append(expected)
    }
    return results
  }

  /// A plan in which no two buffers share memory.
  static func separatePlan(_ program: KernelProgram) -> ArenaPlan {
    var end = 0
    var alignment = 1
    let offsets: [Int?] = program.buffers.map { buffer in
      guard !SimulatorMemory.isForeign(buffer) else { return nil }
      alignment = max(alignment, buffer.alignment)
      let start = (end + buffer.alignment - 1) & -buffer.alignment
      end = start + buffer.byteCount
      return start
    }
    return ArenaPlan(
      offsets: offsets, byteCount: max(1, end), alignment: alignment, lowerBound: 1)
  }

  /// First and last call that uses each buffer; `nil` for unused ones.
  private func usedSpans() -> [ClosedRange<Int>?] {
    var spans = [ClosedRange<Int>?](repeating: nil, count: program.buffers.count)
    for (index, call) in program.calls.enumerated() {
      for id in call.kernel.reads + call.kernel.writes + call.kernel.scratch {
        spans[id.index] = (spans[id.index]?.lowerBound ?? index)...index
      }
    }
    return spans
  }

  private func firstDifference(
    _ shadow: UnsafeMutableRawBufferPointer, outside ranges: [Range<Int>]
  ) -> Int? {
    var position = 0
    let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
    for range in sorted + [memory.block.count..<memory.block.count] {
      if range.lowerBound > position {
        let now = memory.block[position..<range.lowerBound]
        let before = shadow[position..<range.lowerBound]
        if !same(now, before) {
          return zip(now, before).enumerated().first { $1.0 != $1.1 }.map { position + $0.offset }
        }
      }
      position = max(position, range.upperBound)
    }
    return nil
  }

  private func same(
    _ a: Slice<UnsafeMutableRawBufferPointer>, _ b: Slice<UnsafeMutableRawBufferPointer>
  ) -> Bool {
    guard let x = UnsafeRawBufferPointer(rebasing: a).baseAddress,
      let y = UnsafeRawBufferPointer(rebasing: b).baseAddress
    else { return true }
    return memcmp(x, y, a.count) == 0
  }

  /// Names the buffer that a byte of the block belongs to.
  private func describe(_ place: Int, at call: Int, _ spans: [ClosedRange<Int>?]) -> String {
    for (index, buffer) in program.buffers.enumerated()
    where memory.range(of: index).contains(place) {
      guard SimulatorMemory.isForeign(buffer) || spans[index]?.contains(call) == true else {
        continue
      }
      return "byte \(place - memory.starts[index]) of '\(buffer.name)'"
    }
    let offset = place - memory.arenaStart
    if offset >= 0, offset < plan.byteCount { return "unused byte \(offset) of the arena" }
    return "memory outside of all buffers (\(offset) bytes from the arena's start)"
  }

  private func poisonDead(after call: Int, _ spans: [ClosedRange<Int>?], _ poison: UInt8) {
    var live: [Range<Int>] = []
    for (index, span) in spans.enumerated() {
      guard let span, span.lowerBound <= call, span.upperBound > call,
        plan.offsets[index] != nil
      else { continue }
      live.append(memory.range(of: index))
    }
    let end = memory.arenaStart + plan.byteCount
    var position = memory.arenaStart
    for range in live.sorted(by: { $0.lowerBound < $1.lowerBound }) + [end..<end] {
      if range.lowerBound > position {
        UnsafeMutableRawBufferPointer(rebasing: memory.block[position..<range.lowerBound])
          .initializeMemory(as: UInt8.self, repeating: poison)
      }
      position = max(position, range.upperBound)
    }
  }
}
