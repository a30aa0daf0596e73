import UQKernels

/// When each arena buffer of a program holds bytes that matter.
struct BufferLifetimes {
  /// A buffer that needs a place in the arena.
  struct Item {
    /// Position in the program's buffers.
    var buffer: Int
    /// Bytes, at least 1.
    var size: Int
    /// Power of two.
    var alignment: Int
    /// First call that uses it.
    var first: Int
    /// Last call that uses it.
    var last: Int
    /// Items that may start at the same offset: the one whose memory this one takes over, and the one
    /// that takes over this one's.
    var partners: [Int] = []
  }

  /// The used arena buffers in the program's order.
  private(set) var items: [Item] = []
  /// For each call, the two items of which one takes over the other's memory.
  private(set) var handovers: [Int: (read: Int, write: Int)] = [:]

  /// Takes the lifetimes from the calls: from the first use to the last.
  init(_ program: KernelProgram) {
    var spans: [Int: (first: Int, last: Int)] = [:]
    for (index, call) in program.calls.enumerated() {
      for argument in call.kernel.arguments {
        switch argument {
        case .read(let id), .write(let id), .scratch(let id):
          spans[id.index] = (spans[id.index]?.first ?? index, index)
        default: break
        }
      }
    }
    var position: [Int: Int] = [:]
    for (index, buffer) in program.buffers.enumerated() where buffer.byteCount > 0 {
      guard buffer.kind == .activation || buffer.kind == .scratch, let span = spans[index] else {
        continue
      }
      position[index] = items.count
      items.append(
        Item(
          buffer: index, size: buffer.byteCount, alignment: buffer.alignment, first: span.first,
          last: span.last))
    }
    for (index, call) in program.calls.enumerated() {
      guard let pair = call.kernel.inPlace, let read = position[pair.read.index],
        let write = position[pair.write.index], read != write, items[read].last == index,
        items[write].first == index
      else { continue }
      handovers[index] = (read, write)
      items[read].partners.append(write)
      items[write].partners.append(read)
    }
  }

  /// Largest sum of bytes that matter at the same time, with what alignment alone makes unusable; at
  /// least 1.
  ///
  /// Items handed over in place count once, with the larger size.
  func lowerBound(calls: Int) -> Int {
    var starting = [[Int]](repeating: [], count: calls)
    for (index, item) in items.enumerated() { starting[item.first].append(index) }
    var active: [Int] = []
    var bound = 1
    for call in 0..<calls {
      active.append(contentsOf: starting[call])
      let hidden = handovers[call].map { pair in
        items[pair.read].size <= items[pair.write].size ? pair.read : pair.write
      }
      var unit = 1 << 16
      for index in active { unit = min(unit, items[index].alignment) }
      // Every item but the topmost fills whole units.
      var sum = 0
      var slack = 0
      for index in active where index != hidden {
        let size = items[index].size
        let padded = (size + unit - 1) & -unit
        sum += padded
        slack = max(slack, padded - size)
      }
      bound = max(bound, sum - slack)
      active.removeAll { items[$0].last == call }
    }
    return bound
  }
}
