import UQNumerics

/// A float tensor as a calibration keeps it: raw, or as indices into the few values that it has.
///
/// Pictures and audio of 8 bits have at most 256 different values whatever their scaling, and take a
/// quarter of the memory this way. `bytes` are the little-endian elements; or, for at least
/// ``paletteMinimum`` elements of at most 256 different values, a byte for each element, then the values in
/// the order of their first occurrence. The length tells which.
struct PackedTensor {
  /// Fewest elements for which indices are tried: below it the two lengths could be confused.
  static let paletteMinimum = 1024
  private static let paletteLimit = 256

  let shape: Shape
  let bytes: [UInt8]

  /// Packs a `float32` tensor.
  init(_ tensor: Tensor) {
    shape = tensor.shape
    bytes = tensor.withUnsafeBytes { PackedTensor.palette($0) ?? Array($0) }
  }

  /// Takes packed bytes; `nil` where they are not those that packing a tensor of the shape gives.
  init?(packed: UnsafeRawBufferPointer, _ shape: Shape) {
    self.shape = shape
    bytes = Array(packed)
    let (raw, overflow) = shape.count.multipliedReportingOverflow(by: 4)
    guard !overflow else { return nil }
    if bytes.count == raw { return }
    let values = bytes.count - shape.count
    guard shape.count >= Self.paletteMinimum, values > 0, values % 4 == 0,
      values / 4 <= Self.paletteLimit,
      bytes.prefix(shape.count).allSatisfy({ Int($0) < values / 4 })
    else { return nil }
  }

  /// The tensor.
  var tensor: Tensor {
    var result = Tensor(zeros: .float32, shape)
    let count = shape.count
    result.withUnsafeMutableBytes { target in
      bytes.withUnsafeBytes { source in
        if source.count == target.count {
          target.copyMemory(from: source)
        } else {
          for i in 0..<count {
            let value = source.loadUnaligned(
              fromByteOffset: count + 4 * Int(source[i]), as: UInt32.self)
            target.storeBytes(of: value, toByteOffset: 4 * i, as: UInt32.self)
          }
        }
      }
    }
    return result
  }

  /// Indices and values, or `nil` where there are too few elements or too many values.
  private static func palette(_ raw: UnsafeRawBufferPointer) -> [UInt8]? {
    let count = raw.count / 4
    guard count >= paletteMinimum else { return nil }
    // Open addressing: a slot holds 1 + the value's index.
    let slotCount = 4 * paletteLimit
    return withUnsafeTemporaryAllocation(of: UInt16.self, capacity: slotCount) { slots in
      withUnsafeTemporaryAllocation(of: UInt32.self, capacity: paletteLimit) { values in
        slots.initialize(repeating: 0)
        values.initialize(repeating: 0)
        var known = 0
        var isFull = false
        var result = [UInt8](unsafeUninitializedCapacity: count + 4 * paletteLimit) {
          indices, written in
          for i in 0..<count {
            let value = raw.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self)
            var slot = Int((value &* 0x9E37_79B9) >> 22)
            while slots[slot] != 0, values[Int(slots[slot]) - 1] != value {
              slot = (slot + 1) & (slotCount - 1)
            }
            if slots[slot] == 0 {
              if known == paletteLimit {
                isFull = true
                return
              }
              values[known] = value
              known += 1
              slots[slot] = UInt16(known)
            }
            indices[i] = UInt8(slots[slot] - 1)
          }
          written = count
        }
        if isFull { return nil }
        result.append(contentsOf: UnsafeRawBufferPointer(values).prefix(4 * known))
        return Array(result)
      }
    }
  }
}
