/// An order of a graph's nodes in which tensors are made before they are used.
///
/// Kahn's algorithm, taking the earliest node of the file that is ready, so that sorted files keep
/// their order. O((nodes + operands) log nodes).
struct NodeOrder {
  /// Positions of the nodes in order, without those on a cycle or behind one.
  private(set) var sorted: [Int] = []
  /// Positions of the other nodes, ascending.
  private(set) var unsorted: [Int] = []
  /// Positions of the nodes of one cycle, each using a result of the one before; empty without.
  private(set) var cycle: [Int] = []
  /// Whether the file has the nodes in order.
  var isFileOrder: Bool { unsorted.isEmpty && sorted == Array(sorted.indices) }

  init(_ nodes: [OnnxNode]) {
    var producer: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for name in node.outputs where !name.isEmpty && producer[name] == nil {
        producer[name] = index
      }
    }
    var needs = [[Int]](repeating: [], count: nodes.count)
    var users = [[Int]](repeating: [], count: nodes.count)
    var missing = [Int](repeating: 0, count: nodes.count)
    for (index, node) in nodes.enumerated() {
      needs[index] = Set(node.usedNames.compactMap { producer[$0] }).sorted()
      missing[index] = needs[index].count
      for need in needs[index] { users[need].append(index) }
    }
    var ready = MinimumHeap()
    for index in nodes.indices where missing[index] == 0 { ready.insert(index) }
    var isDone = [Bool](repeating: false, count: nodes.count)
    while let index = ready.removeFirst() {
      sorted.append(index)
      isDone[index] = true
      for user in users[index] {
        missing[user] -= 1
        if missing[user] == 0 { ready.insert(user) }
      }
    }
    unsorted = nodes.indices.filter { !isDone[$0] }
    findCycle(needs, isDone)
  }

  private mutating func findCycle(_ needs: [[Int]], _ isDone: [Bool]) {
    guard var current = unsorted.first else { return }
    // Every node left needs another node left, so walking back must come around.
    var step: [Int: Int] = [:]
    var path: [Int] = []
    while step[current] == nil {
      step[current] = path.count
      path.append(current)
      guard let next = needs[current].first(where: { !isDone[$0] }) else { return }
      current = next
    }
    cycle = path[(step[current] ?? 0)...].reversed()
    if let smallest = cycle.indices.min(by: { cycle[$0] < cycle[$1] }) {
      cycle = Array(cycle[smallest...] + cycle[..<smallest])
    }
  }
}

/// A binary heap of integers.
private struct MinimumHeap {
  private var items: [Int] = []

  mutating func insert(_ item: Int) {
    items.append(item)
    var index = items.count - 1
    while index > 0, items[(index - 1) / 2] > items[index] {
      items.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  mutating func removeFirst() -> Int? {
    guard let first = items.first, let last = items.popLast() else { return nil }
    if items.isEmpty { return first }
    items[0] = last
    var index = 0
    while true {
      let left = 2 * index + 1
      guard left < items.count else { return first }
      let right = left + 1
      let child = right < items.count && items[right] < items[left] ? right : left
      guard items[child] < items[index] else { return first }
      items.swapAt(index, child)
      index = child
    }
  }
}
