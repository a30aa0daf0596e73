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
  /// - Complexity: buffers · log live buffers, and moves within the list of live buffers.
  public static func check(_ program: KernelProgram, _ plan: ArenaPlan) throws(Diagnostic) {
    guard plan.offsets.count == program.buffers.count else {
      throw Diagnostic(
        id: "plan.offsets.count",
        "the plan has \(plan.offsets.count) offsets for \(program.buffers.count) buffers")
    }
    let lastUse = lastUses(program)
    try checkPlaces(program, plan, lastUse)
    var live = LiveIntervals()
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
      var handedOver: (read: Int, write: Int)?
      if let pair = kernel.inPlace, pair.read != pair.write, live.contains(pair.read.index),
        lastUse[pair.read.index] == index, !live.contains(pair.write.index),
        let start = plan.offsets[pair.read.index], plan.offsets[pair.write.index] == start
      {
        handedOver = (pair.read.index, pair.write.index)
      }
      for id in kernel.writes + kernel.scratch where !live.contains(id.index) {
        if case .input = program[id].kind {
          throw Diagnostic(
            id: "plan.buffer.constant", "writes the input '\(program[id].name)'", at: place)
        }
        guard let start = plan.offsets[id.index], program[id].byteCount > 0,
          id.index != handedOver?.write
        else { continue }
        let end = start + program[id].byteCount
        if let other = live.insert(id.index, start..<end) {
          throw overlap(id.index, other, program, plan, place)
        }
      }
      if let (read, write) = handedOver, let start = plan.offsets[read] {
        // During the call both operands' bytes matter, afterwards the result's alone.
        live.remove(read)
        let size = program.buffers[write].byteCount
        let both = max(program.buffers[read].byteCount, size)
        if let other = live.insert(write, start..<start + both) {
          throw overlap(write, other, program, plan, place)
        }
        live.remove(write)
        _ = live.insert(write, start..<start + size)
      }
      for id in kernel.reads + kernel.writes + kernel.scratch where lastUse[id.index] == index {
        live.remove(id.index)
      }
    }
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

  private static func overlap(
    _ a: Int, _ b: Int, _ program: KernelProgram, _ plan: ArenaPlan, _ place: SourcePlace
  ) -> Diagnostic {
    func describe(_ index: Int) -> String {
      let start = plan.offsets[index] ?? 0
      return
        "'\(program.buffers[index].name)' at \(start)..<\(start + program.buffers[index].byteCount)"
    }
    return Diagnostic(
      id: "plan.buffers.overlap",
      "\(describe(a)) overlaps \(describe(b)) while both are live", at: place)
  }
}

/// The live buffers' places in the arena, by address; they never overlap.
private struct LiveIntervals {
  private var sorted: [(range: Range<Int>, buffer: Int)] = []
  private var starts: [Int: Int] = [:]

  func contains(_ buffer: Int) -> Bool { starts[buffer] != nil }

  /// Adds a buffer, or returns one that it overlaps.
  mutating func insert(_ buffer: Int, _ range: Range<Int>) -> Int? {
    let position = firstPosition(from: range.lowerBound)
    if position < sorted.count, sorted[position].range.lowerBound < range.upperBound {
      return sorted[position].buffer
    }
    if position > 0, sorted[position - 1].range.upperBound > range.lowerBound {
      return sorted[position - 1].buffer
    }
    sorted.insert((range, buffer), at: position)
    starts[buffer] = range.lowerBound
    return nil
  }

  mutating func remove(_ buffer: Int) {
    guard let start = starts.removeValue(forKey: buffer) else { return }
    sorted.remove(at: firstPosition(from: start))
  }

  /// The first interval that starts at an address or later.
  private func firstPosition(from start: Int) -> Int {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle].range.lowerBound < start { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
