import UQNumerics

/// A float tensor as a calibration keeps it: raw, or as indices into the few values that it has.
///
/// Pictures and audio of 8 bits have at most 256 different values whatever their scaling, and take a
/// quarter of the memory this way. The bytes are the little-endian elements; or, for at least
/// ``paletteMinimum`` elements of at most 256 different values, a byte for each element, then the values in
/// the order of their first occurrence. The length tells which.
enum PackedTensor {
  /// Fewest elements for which indices are tried: below it the two lengths could be confused.
  static let paletteMinimum = 1024
  private static let paletteLimit = 256

  /// Bytes that packing needs to work in: never less than it then uses.
  static func capacity(_ shape: Shape) -> Int { 4 * shape.count }

  /// Packs a `float32` tensor into ``capacity(_:)`` bytes; returns the number used.
  static func pack(_ tensor: Tensor, into target: UnsafeMutableRawBufferPointer) -> Int {
    tensor.withUnsafeBytes { raw in
      if let count = packIndices(raw, into: target) { return count }
      target.copyMemory(from: raw)
      return raw.count
    }
  }

  /// The tensor behind packed bytes; `nil` where they are not those of a tensor of the shape.
  static func unpack(_ packed: UnsafeRawBufferPointer, _ shape: Shape) -> Tensor? {
    if let raw = Tensor(.float32, shape, copying: packed) { return raw }
    let count = shape.count
    let values = packed.count - count
    guard count >= paletteMinimum, values > 0, values % 4 == 0, values / 4 <= paletteLimit,
      packed.prefix(count).allSatisfy({ Int($0) < values / 4 })
    else { return nil }
    var result = Tensor(zeros: .float32, shape)
    result.withUnsafeMutableBytes { target in
      for i in 0..<count {
        let value = packed.loadUnaligned(
          fromByteOffset: count + 4 * Int(packed[i]), as: UInt32.self)
        target.storeBytes(of: value, toByteOffset: 4 * i, as: UInt32.self)
      }
    }
    return result
  }

  /// Writes indices and values, or nothing useful and `nil` where there are too many values.
  private static func packIndices(
    _ raw: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) -> Int? {
    let count = raw.count / 4
    guard count >= paletteMinimum else { return nil }
    // Open addressing: a slot holds 1 + the value's index.
    let slotCount = 4 * paletteLimit
    return withUnsafeTemporaryAllocation(of: UInt16.self, capacity: slotCount) { slots in
      slots.initialize(repeating: 0)
      var known = 0
      for i in 0..<count {
        let value = raw.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self)
        var slot = Int((value &* 0x9E37_79B9) >> 22)
        while slots[slot] != 0 {
          let place = count + 4 * (Int(slots[slot]) - 1)
          if target.loadUnaligned(fromByteOffset: place, as: UInt32.self) == value { break }
          slot = (slot + 1) & (slotCount - 1)
        }
        if slots[slot] == 0 {
          guard known < paletteLimit else { return nil }
          target.storeBytes(of: value, toByteOffset: count + 4 * known, as: UInt32.self)
          known += 1
          slots[slot] = UInt16(known)
        }
        target[i] = UInt8(slots[slot] - 1)
      }
      return count + 4 * known
    }
  }
}
