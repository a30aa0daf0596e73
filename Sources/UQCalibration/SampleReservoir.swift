import UQNumerics

/// The samples with the smallest content keys, as many as fit in a limit.
///
/// Keys depend on content alone, so the choice is pseudo-random, and the same for any order and any split of
/// the samples. All samples of a model have one size, hence the number kept is fixed.
struct SampleReservoir {
  struct Entry {
    var key: UInt64
    var inputs: [PackedTensor]
  }

  /// Bytes that may be kept.
  let limit: Int
  /// Sorted by key.
  private(set) var entries: [Entry] = []
  /// Sum of all keys seen.
  private(set) var set: UInt64 = 0

  init(limit: Int, entries: [Entry] = [], set: UInt64 = 0) {
    self.limit = limit
    self.set = set
    for entry in entries { keep(entry) }
  }

  /// Offers a sample.
  mutating func add(_ inputs: [Tensor]) {
    let key = SampleReservoir.key(inputs)
    set &+= key
    let size = inputs.reduce(0) { $0 + $1.byteCount }
    guard let place = place(of: key, size: size) else { return }
    insert(Entry(key: key, inputs: inputs.map(PackedTensor.init)), at: place, size: size)
  }

  /// Offers the samples of another reservoir.
  mutating func merge(_ other: SampleReservoir) {
    set &+= other.set
    for entry in other.entries { keep(entry) }
  }

  private mutating func keep(_ entry: Entry) {
    let size = entry.inputs.reduce(0) { $0 + 4 * $1.shape.count }
    if let place = place(of: entry.key, size: size) { insert(entry, at: place, size: size) }
  }

  /// Where a sample belongs; `nil` where it is not kept. Unpacked sizes count, which all samples share.
  private func place(of key: UInt64, size: Int) -> Int? {
    let capacity = limit / max(1, size)
    guard capacity > 0 else { return nil }
    if entries.count >= capacity, let last = entries.last, key >= last.key { return nil }
    return entries.partitioningIndex { $0.key > key }
  }

  private mutating func insert(_ entry: Entry, at place: Int, size: Int) {
    entries.insert(entry, at: place)
    if entries.count > limit / max(1, size) { entries.removeLast() }
  }

  /// A 64-bit hash of the elements, mixed word by word with the finaliser of SplitMix64.
  static func key(_ inputs: [Tensor]) -> UInt64 {
    var hash: UInt64 = 0x243F_6A88_85A3_08D3
    for tensor in inputs {
      tensor.withUnsafeBytes { bytes in
        var offset = 0
        while offset < bytes.count {
          var word: UInt64 = 0
          if offset + 8 <= bytes.count {
            word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
          } else {
            for i in offset..<bytes.count { word |= UInt64(bytes[i]) << (8 * UInt64(i - offset)) }
          }
          hash = mix(hash ^ word) &+ 0x9E37_79B9_7F4A_7C15
          offset += 8
        }
      }
    }
    return mix(hash)
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension Array {
  fileprivate func partitioningIndex(where isAfter: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
