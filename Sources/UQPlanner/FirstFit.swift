/// Places items one after the other, each at the lowest offset where it overlaps no item that is live
/// at the same time.
struct FirstFit {
  private let items: [BufferLifetimes.Item]
  /// Items that are live together with each item.
  private let conflicts: [[Int32]]

  /// Finds the conflicts; `nil` where there are more than `limit` pairs.
  init?(_ items: [BufferLifetimes.Item], limit: Int) {
    self.items = items
    var conflicts: [[Int32]] = Array(repeating: [], count: items.count)
    var active: [Int] = []
    var pairs = 0
    for index in items.indices.sorted(by: { (items[$0].first, $0) < (items[$1].first, $1) }) {
      active.removeAll { items[$0].last < items[index].first }
      pairs += active.count
      guard pairs <= limit else { return nil }
      for other in active {
        conflicts[index].append(Int32(truncatingIfNeeded: other))
        conflicts[other].append(Int32(truncatingIfNeeded: index))
      }
      active.append(index)
    }
    self.conflicts = conflicts
  }

  /// Steps of one placement, for budgets.
  var work: Int { conflicts.reduce(items.count) { $0 + $1.count } }

  /// Number of items that are live together with an item.
  func degree(_ index: Int) -> Int { conflicts[index].count }

  /// Places all items in the given order and returns the highest end.
  ///
  /// `offsets` gets an offset for each item; its old content does not matter.
  func place(_ order: [Int], offsets: inout [Int]) -> Int {
    for index in offsets.indices { offsets[index] = -1 }
    var peak = 0
    var taken: [(start: Int, end: Int)] = []
    for index in order {
      let item = items[index]
      taken.removeAll(keepingCapacity: true)
      for other in conflicts[index] {
        let start = offsets[Int(other)]
        if start >= 0 { taken.append((start, start + items[Int(other)].size)) }
      }
      taken.sort { $0.start < $1.start }
      let mask = item.alignment - 1
      var offset = 0
      for interval in taken {
        if interval.start >= offset + item.size { break }
        offset = max(offset, (interval.end + mask) & ~mask)
      }
      for partner in item.partners where offsets[partner] >= 0 && offsets[partner] < offset {
        if canStart(index, at: offsets[partner], offsets) { offset = offsets[partner] }
      }
      offsets[index] = offset
      peak = max(peak, offset + item.size)
    }
    return peak
  }

  private func canStart(_ index: Int, at offset: Int, _ offsets: [Int]) -> Bool {
    let item = items[index]
    guard offset & (item.alignment - 1) == 0 else { return false }
    for other in conflicts[index] {
      let start = offsets[Int(other)]
      guard start >= 0 else { continue }
      if start == offset, item.partners.contains(Int(other)) { continue }
      if start < offset + item.size, offset < start + items[Int(other)].size { return false }
    }
    return true
  }
}

/// Places items in the order of their first use among those still live; linear memory, for programs
/// with too many conflicts to list.
func linearScan(_ items: [BufferLifetimes.Item]) -> (offsets: [Int], peak: Int) {
  var offsets = [Int](repeating: 0, count: items.count)
  var peak = 0
  var active: [Int] = []
  for index in items.indices.sorted(by: { (items[$0].first, $0) < (items[$1].first, $1) }) {
    let item = items[index]
    active.removeAll { items[$0].last < item.first }
    let mask = item.alignment - 1
    var offset = 0
    var position = active.count
    for (slot, other) in active.enumerated() {
      if offsets[other] >= offset + item.size {
        position = slot
        break
      }
      offset = max(offset, (offsets[other] + items[other].size + mask) & ~mask)
    }
    offsets[index] = offset
    active.insert(index, at: position)
    peak = max(peak, offset + item.size)
  }
  return (offsets, peak)
}
