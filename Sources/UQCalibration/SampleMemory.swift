/// Memory that only grows, in large blocks, for the bytes of kept samples.
///
/// Kept samples live long among the short-lived buffers of decoding. As objects of the common heap each would
/// pin the hole it was put into, and memory would grow by several times what is kept.
final class SampleMemory: @unchecked Sendable {
  private static let blockBytes = 1 << 20
  private var blocks: [UnsafeMutableRawBufferPointer] = []
  private var used = 0
  /// Bytes taken so far.
  private(set) var byteCount = 0

  deinit { for block in blocks { block.deallocate() } }

  /// Takes the bytes that `fill` uses of `capacity`; what was taken never moves nor changes.
  func append(capacity: Int, fill: (UnsafeMutableRawBufferPointer) -> Int)
    -> UnsafeRawBufferPointer
  {
    if blocks.last.map({ $0.count - used < capacity }) ?? true {
      blocks.append(.allocate(byteCount: max(capacity, Self.blockBytes), alignment: 64))
      used = 0
    }
    guard let block = blocks.last else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let start = used
    let count = fill(UnsafeMutableRawBufferPointer(rebasing: block[start..<start + capacity]))
    used += count
    byteCount += count
    return UnsafeRawBufferPointer(rebasing: block[start..<start + count])
  }
}
