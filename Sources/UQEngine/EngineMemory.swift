import UQGraph
import UQNumerics

/// Where the float values of a run lie in one block of memory.
///
/// Values whose lifetimes do not meet share bytes: first fit in the order of the nodes. Outputs live to
/// the end. Values of other element types, and all that they need, are kept as tensors.
struct EngineMemory: Sendable {
  /// Byte offset of each float activation; `nil` for constants and other types.
  let offsets: [Int?]
  /// Byte offset of the scratchpad.
  let scratchOffset: Int
  /// Size of the block.
  let byteCount: Int

  init(_ graph: Graph, scratch: Int) {
    var last = [Int](repeating: -1, count: graph.values.count)
    for (position, node) in graph.nodes.enumerated() {
      for operand in node.operands.compactMap({ $0 }) { last[operand.index] = position }
      for result in node.results { last[result.index] = max(last[result.index], position) }
    }
    for output in graph.outputs { last[output.index] = graph.nodes.count }

    var offsets = [Int?](repeating: nil, count: graph.values.count)
    var live: [(start: Int, end: Int, last: Int)] = []
    var size = 0
    let place = { (id: ValueID, now: Int) in
      let value = graph[id]
      guard value.constant == nil, value.type.element == .float32, offsets[id.index] == nil else {
        return
      }
      live.removeAll { $0.last < now }
      live.sort { $0.start < $1.start }
      let bytes = EngineMemory.rounded(value.type.byteCount)
      var start = 0
      for block in live where block.start < start + bytes { start = max(start, block.end) }
      live.append((start, start + bytes, last[id.index]))
      offsets[id.index] = start
      size = max(size, start + bytes)
    }
    for input in graph.inputs { place(input, -1) }
    for (position, node) in graph.nodes.enumerated() {
      for result in node.results { place(result, position) }
    }
    self.offsets = offsets
    scratchOffset = size
    byteCount = size + EngineMemory.rounded(scratch)
  }

  private static func rounded(_ bytes: Int) -> Int { max(64, (bytes + 63) / 64 * 64) }
}
