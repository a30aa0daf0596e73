import UQKernels
import UQSupport

/// Proves a plan against its program, sharing no code with the planner.
public enum PlanChecker {
  /// Checks that every call finds its buffers inside the arena, aligned, and apart from everything else
  /// that is live, except for a dying operand that the kernel may overwrite in place.
  ///
  /// - Throws: `plan.offsets.count`, `plan.buffer.unplaced`, `plan.buffer.foreign`,
  ///   `plan.buffer.outside`, `plan.buffer.misaligned`, `plan.buffer.undefined`,
  ///   `plan.buffer.constant`, `plan.buffers.overlap`.
  /// - Complexity: `calls · live buffers · log`.
  public static func check(_ program: KernelProgram, _ plan: ArenaPlan) throws(Diagnostic) {
    guard plan.offsets.count == program.buffers.count else {
      throw Diagnostic(
        id: "plan.offsets.count",
        "the plan has \(plan.offsets.count) offsets for \(program.buffers.count) buffers")
    }
    let lastUse = lastUses(program)
    try checkPlaces(program, plan, lastUse)
    var live = Set<Int>()
    for (index, call) in program.calls.enumerated() {
      let kernel = call.kernel
      let place = SourcePlace(node: call.layer, operatorName: call.operatorName)
      for id in kernel.reads where isArena(program[id]) && program[id].byteCount > 0 {
        guard live.contains(id.index) else {
          throw Diagnostic(
            id: "plan.buffer.undefined", "reads '\(program[id].name)' before any call writes it",
            at: place)
        }
      }
      let before = live
      for id in kernel.writes + kernel.scratch {
        if case .input = program[id].kind {
          throw Diagnostic(
            id: "plan.buffer.constant", "writes the input '\(program[id].name)'", at: place)
        }
        if isArena(program[id]) { live.insert(id.index) }
      }
      var intervals: [Interval] = []
      for index in live {
        guard let start = plan.offsets[index] else { continue }
        let end = start + program.buffers[index].byteCount
        if end > start { intervals.append(Interval(start: start, end: end, buffer: index)) }
      }
      if let pair = kernel.inPlace, before.contains(pair.read.index),
        lastUse[pair.read.index] == index, !before.contains(pair.write.index)
      {
        mergeInPlace(&intervals, read: pair.read.index, write: pair.write.index)
      }
      try checkApart(intervals, program, place)
      live = live.filter { lastUse[$0] > index }
    }
  }

  private struct Interval {
    var start: Int
    var end: Int
    var buffer: Int
  }

  private static func isArena(_ buffer: ProgramBuffer) -> Bool {
    switch buffer.kind {
    case .input, .output: false
    case .activation, .scratch: true
    }
  }

  /// The last call that uses each buffer; −1 for none.
  private static func lastUses(_ program: KernelProgram) -> [Int] {
    var result = [Int](repeating: -1, count: program.buffers.count)
    for (index, call) in program.calls.enumerated() {
      for id in call.kernel.reads + call.kernel.writes + call.kernel.scratch {
        result[id.index] = index
      }
    }
    return result
  }

  private static func checkPlaces(
    _ program: KernelProgram, _ plan: ArenaPlan, _ lastUse: [Int]
  ) throws(Diagnostic) {
    for (index, buffer) in program.buffers.enumerated() {
      guard let offset = plan.offsets[index] else {
        guard !isArena(buffer) || buffer.byteCount == 0 || lastUse[index] < 0 else {
          throw Diagnostic(id: "plan.buffer.unplaced", "'\(buffer.name)' has no place in the arena")
        }
        continue
      }
      guard isArena(buffer) else {
        throw Diagnostic(
          id: "plan.buffer.foreign", "'\(buffer.name)' is the caller's but has offset \(offset)")
      }
      guard offset >= 0, offset <= plan.byteCount, buffer.byteCount <= plan.byteCount - offset
      else {
        throw Diagnostic(
          id: "plan.buffer.outside",
          """
          '\(buffer.name)' takes \(buffer.byteCount) bytes at \(offset) of an arena of \
          \(plan.byteCount)
          """)
      }
      guard offset % buffer.alignment == 0, plan.alignment % buffer.alignment == 0 else {
        throw Diagnostic(
          id: "plan.buffer.misaligned",
          """
          '\(buffer.name)' needs alignment \(buffer.alignment), but lies at \(offset) of an arena \
          aligned to \(plan.alignment)
          """)
      }
    }
  }

  /// Makes one interval of an operand and the result that overwrites it from the same start.
  private static func mergeInPlace(_ intervals: inout [Interval], read: Int, write: Int) {
    guard read != write, let from = intervals.first(where: { $0.buffer == read }),
      let slot = intervals.firstIndex(where: { $0.buffer == write }),
      intervals[slot].start == from.start
    else { return }
    intervals[slot].end = max(intervals[slot].end, from.end)
    intervals.removeAll { $0.buffer == read }
  }

  private static func checkApart(
    _ intervals: [Interval], _ program: KernelProgram, _ place: SourcePlace
  ) throws(Diagnostic) {
    let sorted = intervals.sorted { ($0.start, $0.buffer) < ($1.start, $1.buffer) }
    for (a, b) in zip(sorted, sorted.dropFirst()) where b.start < a.end {
      throw Diagnostic(
        id: "plan.buffers.overlap",
        """
        '\(program.buffers[a.buffer].name)' at \(a.start)..<\(a.end) overlaps \
        '\(program.buffers[b.buffer].name)' at \(b.start)..<\(b.end) while both are live
        """, at: place)
    }
  }
}
