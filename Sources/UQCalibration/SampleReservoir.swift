import UQNumerics

/// The samples with the smallest content keys, as many as fit in a limit.
///
/// Keys depend on content alone, so the choice is pseudo-random, and the same for any order and any split of
/// the samples. All samples of a model have one size, hence the number kept is fixed.
struct SampleReservoir: @unchecked Sendable {
  struct Entry {
    var key: UInt64
    /// The packed inputs one after the other, each behind its length in 8 bytes; in `memory`.
    fileprivate var bytes: UnsafeRawBufferPointer
  }

  /// Bytes that may be kept, counted as float32.
  let limit: Int
  /// Sorted by key.
  private(set) var entries: [Entry] = []
  /// Sum of all keys seen.
  private(set) var set: UInt64 = 0
  private let shapes: [Shape]
  private let capacity: Int
  private var memory = SampleMemory()

  /// An empty reservoir for samples with inputs of the given shapes.
  init(limit: Int, shapes: [Shape], set: UInt64 = 0) {
    self.limit = limit
    self.shapes = shapes
    self.set = set
    capacity = limit / max(1, shapes.reduce(0) { $0 + 4 * $1.count })
  }

  /// Offers a sample.
  mutating func add(_ inputs: [Tensor]) {
    let key = SampleReservoir.key(inputs)
    set &+= key
    keep(key, inputs)
  }

  /// Offers a sample that is already in the sum of keys.
  mutating func keep(_ key: UInt64, _ inputs: [Tensor]) {
    guard let place = place(of: key) else { return }
    let size = inputs.reduce(0) { $0 + 8 + PackedTensor.capacity($1.shape) }
    let bytes = memory.append(capacity: size) { target in
      var offset = 0
      for input in inputs {
        let rest = UnsafeMutableRawBufferPointer(rebasing: target[(offset + 8)...])
        let count = PackedTensor.pack(input, into: rest)
        target.storeBytes(of: UInt64(count), toByteOffset: offset, as: UInt64.self)
        offset += 8 + count
      }
      return offset
    }
    insert(Entry(key: key, bytes: bytes), at: place)
  }

  /// Offers the samples of another reservoir.
  mutating func merge(_ other: SampleReservoir) {
    set &+= other.set
    withExtendedLifetime(other.memory) {
      for entry in other.entries {
        if let place = place(of: entry.key) { insert(copied(entry), at: place) }
      }
    }
  }

  /// The tensors of all kept samples.
  var samples: [[Tensor]] {
    entries.map { entry in
      zip(parts(of: entry), shapes).compactMap { PackedTensor.unpack($0, $1) }
    }
  }

  /// The packed inputs of a kept sample; valid as long as the reservoir.
  func parts(of entry: Entry) -> [UnsafeRawBufferPointer] {
    var offset = 0
    return shapes.map { _ in
      let count = Int(entry.bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      defer { offset += 8 + count }
      return UnsafeRawBufferPointer(rebasing: entry.bytes[(offset + 8)..<(offset + 8 + count)])
    }
  }

  /// Where a sample belongs; `nil` where it is not kept.
  private func place(of key: UInt64) -> Int? {
    guard capacity > 0 else { return nil }
    if entries.count >= capacity, let last = entries.last, key >= last.key { return nil }
    return entries.partitioningIndex { $0.key > key }
  }

  private mutating func insert(_ entry: Entry, at place: Int) {
    entries.insert(entry, at: place)
    guard entries.count > capacity else { return }
    entries.removeLast()
    // The memory only grows; once half of it is behind samples that had to go, it is made anew.
    let live = entries.reduce(0) { $0 + $1.bytes.count }
    if memory.byteCount > 2 * live + (1 << 20) {
      let old = memory
      memory = SampleMemory()
      withExtendedLifetime(old) { entries = entries.map { copied($0) } }
    }
  }

  private func copied(_ entry: Entry) -> Entry {
    let bytes = memory.append(capacity: entry.bytes.count) { target in
      target.copyMemory(from: entry.bytes)
      return entry.bytes.count
    }
    return Entry(key: entry.key, bytes: bytes)
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
            word = UInt64(
              littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
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
