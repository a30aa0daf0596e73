import UQKernels
import UQSupport

/// Finds offsets in one arena for the activations and scratch memory of a program.
///
/// Greedy orders first, then hill climbing over the order of a first-fit placement (as in TVM's
/// unified static memory planner), which stops as soon as the lower bound is met: the plan is then
/// optimal. A buffer that a kernel may compute in place may start where its dying operand starts.
public struct MemoryPlanner: Sendable {
  /// Largest arena in bytes: offsets are `int` on a 32-bit chip.
  public static let largestArena = Int(Int32.max)

  /// Number of placements that hill climbing may try.
  public var attempts: Int
  /// Number of elementary steps that hill climbing may take.
  public var steps: Int

  /// Creates a planner with a budget.
  public init(attempts: Int = 20_000, steps: Int = 20_000_000) {
    self.attempts = attempts
    self.steps = steps
  }

  /// Plans the arena with the default budget; the same program and seed give the same plan.
  ///
  /// - Throws: `plan.buffer.size`, `plan.buffer.alignment`, `plan.arena.size`.
  public static func plan(_ program: KernelProgram, seed: UInt64 = 1) throws(Diagnostic)
    -> ArenaPlan
  {
    try MemoryPlanner().plan(program, seed: seed)
  }

  /// Plans the arena; the same program, seed and budget give the same plan.
  ///
  /// The size is at least 1, since C has no empty arrays. Buffers that no call uses, or that have no
  /// bytes, get no offset.
  ///
  /// - Throws: `plan.buffer.size`, `plan.buffer.alignment`, `plan.arena.size`.
  /// - Complexity: `orders · conflicts` plus the budget.
  public func plan(_ program: KernelProgram, seed: UInt64 = 1) throws(Diagnostic) -> ArenaPlan {
    for buffer in program.buffers { try Self.validate(buffer) }
    let lifetimes = BufferLifetimes(program)
    let items = lifetimes.items
    let bound = lifetimes.lowerBound(calls: program.calls.count)
    guard bound <= Self.largestArena else { throw Self.tooLarge(bound) }
    let best: (offsets: [Int], peak: Int)
    if let fit = FirstFit(items, limit: 4_000_000) {
      best = search(items, fit, bound: bound, seed: seed)
    } else {
      best = linearScan(items)
    }
    guard best.peak <= Self.largestArena else { throw Self.tooLarge(best.peak) }
    var offsets = [Int?](repeating: nil, count: program.buffers.count)
    for (item, offset) in zip(items, best.offsets) { offsets[item.buffer] = offset }
    return ArenaPlan(
      offsets: offsets, byteCount: max(1, best.peak),
      alignment: items.reduce(1) { max($0, $1.alignment) }, lowerBound: bound)
  }

  private func search(
    _ items: [BufferLifetimes.Item], _ fit: FirstFit, bound: Int, seed: UInt64
  ) -> (offsets: [Int], peak: Int) {
    var offsets = [Int](repeating: 0, count: items.count)
    var best = (offsets: offsets, peak: Int.max, order: [Int]())
    for order in Self.greedyOrders(items, fit) {
      let peak = fit.place(order, offsets: &offsets)
      if peak < best.peak { best = (offsets, peak, order) }
      if best.peak <= bound { break }
    }
    var generator = SeededGenerator(seed: seed)
    var current = best
    var budget = min(attempts, steps / max(1, fit.work))
    var idle = 0
    while best.peak > bound, budget > 0, items.count > 1 {
      budget -= 1
      var order = current.order
      Self.mutate(&order, items, current.offsets, peak: current.peak, &generator)
      let peak = fit.place(order, offsets: &offsets)
      idle = peak < current.peak ? 0 : idle + 1
      if peak <= current.peak { current = (offsets, peak, order) }
      if peak < best.peak { best = current }
      if idle > 40 * items.count {
        // A local optimum: go on from a disturbed copy of the best order.
        idle = 0
        current.order = best.order
        for _ in 0..<(2 + items.count / 8) { Self.swapTwo(&current.order, &generator) }
        current.peak = fit.place(current.order, offsets: &current.offsets)
      }
    }
    return (best.offsets, best.peak)
  }

  /// Largest first by size, by size times lifetime, by conflicts, by lifetime; then by first use.
  private static func greedyOrders(_ items: [BufferLifetimes.Item], _ fit: FirstFit) -> [[Int]] {
    func descending(_ key: (Int) -> (Int, Int)) -> [Int] {
      let keys = items.indices.map(key)
      return items.indices.sorted { keys[$0] != keys[$1] ? keys[$0] > keys[$1] : $0 < $1 }
    }
    func length(_ index: Int) -> Int { items[index].last - items[index].first + 1 }
    return [
      descending { (items[$0].size, length($0)) },
      descending { (items[$0].size.multipliedReportingOverflow(by: length($0)).partialValue, 0) },
      descending { (fit.degree($0), items[$0].size) },
      descending { (length($0), items[$0].size) },
      descending { (-items[$0].first, items[$0].size) },
    ]
  }

  /// Moves an item that reaches the peak to another place in the order, or swaps any two.
  private static func mutate(
    _ order: inout [Int], _ items: [BufferLifetimes.Item], _ offsets: [Int], peak: Int,
    _ generator: inout SeededGenerator
  ) {
    guard generator.next() % 4 != 0,
      let top = order.firstIndex(where: { offsets[$0] + items[$0].size == peak })
    else { return swapTwo(&order, &generator) }
    let other = Int.random(in: 0..<order.count, using: &generator)
    if generator.next() % 2 == 0 {
      order.swapAt(top, other)
    } else {
      order.insert(order.remove(at: top), at: other)
    }
  }

  private static func swapTwo(_ order: inout [Int], _ generator: inout SeededGenerator) {
    let a = Int.random(in: 0..<order.count, using: &generator)
    let b = Int.random(in: 0..<order.count, using: &generator)
    order.swapAt(a, b)
  }

  private static func validate(_ buffer: ProgramBuffer) throws(Diagnostic) {
    guard buffer.byteCount >= 0, buffer.byteCount <= largestArena else {
      throw Diagnostic(
        id: "plan.buffer.size",
        "'\(buffer.name)' needs \(buffer.byteCount) bytes; at most \(largestArena) are possible")
    }
    guard buffer.alignment > 0, buffer.alignment <= 1 << 16,
      buffer.alignment & (buffer.alignment - 1) == 0
    else {
      throw Diagnostic(
        id: "plan.buffer.alignment",
        """
        '\(buffer.name)' asks for alignment \(buffer.alignment), which is no power of two up to \
        65536
        """)
    }
  }

  private static func tooLarge(_ bytes: Int) -> Diagnostic {
    Diagnostic(
      id: "plan.arena.size",
      "the arena needs \(bytes) bytes; at most \(largestArena) are possible: use smaller inputs")
  }
}
