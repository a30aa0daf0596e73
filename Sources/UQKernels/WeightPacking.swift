import UQNumerics

/// How weights of 8, 4, 3, 2 or 1 bits lie in flash; the mirror of `uq_weights.h`.
///
/// A tensor is a sequence of rows that each start on a byte. Weight `k` of a row is the `bits` bits from
/// bit `k · bits` on, the row seen as one little-endian number: two's complement, but at 1 bit 0 stands
/// for +1 and 1 for −1. Unused bits are 0.
public enum WeightPacking {
  /// The widths that kernels exist for.
  public static let widths = [8, 4, 3, 2, 1]

  /// Bytes of a row of `count` weights.
  public static func rowBytes(_ count: Int, bits: Int) -> Int { (count * bits + 7) / 8 }

  /// Packs rows of `rowLength` weights each.
  ///
  /// - Precondition: `values.count` is a multiple of `rowLength`; values are of `bits` bits.
  /// - Complexity: O(values).
  public static func pack(_ values: [Int8], rowLength: Int, bits: Int) -> [UInt8] {
    guard rowLength > 0 else { return [] }
    let stride = rowBytes(rowLength, bits: bits)
    let mask = UInt16(1 << bits - 1)
    var packed = [UInt8](repeating: 0, count: values.count / rowLength * stride)
    values.withUnsafeBufferPointer { values in
      packed.withUnsafeMutableBufferPointer { packed in
        for row in 0..<values.count / rowLength {
          for k in 0..<rowLength {
            let weight = values[row * rowLength + k]
            let field = bits == 1 ? (weight < 0 ? 1 : 0) : UInt16(UInt8(bitPattern: weight)) & mask
            let byte = row * stride + k * bits / 8
            let shifted = field << UInt16(k * bits % 8)
            packed[byte] |= UInt8(truncatingIfNeeded: shifted)
            if shifted > 0xFF { packed[byte + 1] |= UInt8(truncatingIfNeeded: shifted >> 8) }
          }
        }
      }
    }
    return packed
  }

  /// Packs rows of `rowLength` weights each, every `groupSize` of them as a row of their own.
  ///
  /// - Precondition: `values.count` is a multiple of `rowLength`; `groupSize > 0`.
  /// - Complexity: O(values).
  public static func pack(
    _ values: [Int8], rowLength: Int, groupSize: Int, bits: Int
  ) -> [UInt8] {
    // Groups that fill their bytes lie as if there were none.
    if groupSize * bits % 8 == 0, rowLength % groupSize == 0 || rowLength < groupSize {
      return pack(values, rowLength: rowLength, bits: bits)
    }
    var packed: [UInt8] = []
    for row in stride(from: 0, to: values.count, by: rowLength) {
      for first in stride(from: row, to: row + rowLength, by: groupSize) {
        let last = min(first + groupSize, row + rowLength)
        packed += pack(Array(values[first..<last]), rowLength: last - first, bits: bits)
      }
    }
    return packed
  }

  /// The weights that ``pack(_:rowLength:bits:)`` packed.
  public static func unpack(_ bytes: [UInt8], rows: Int, rowLength: Int, bits: Int) -> [Int8] {
    let stride = rowBytes(rowLength, bits: bits)
    var values: [Int8] = []
    values.reserveCapacity(rows * rowLength)
    for row in 0..<rows {
      for k in 0..<rowLength {
        let byte = k * bits / 8
        let high = byte + 1 < stride ? UInt16(bytes[row * stride + byte + 1]) << 8 : 0
        let word = (UInt16(bytes[row * stride + byte]) | high) >> UInt16(k * bits % 8)
        if bits == 1 {
          values.append(word & 1 == 0 ? 1 : -1)
        } else {
          let top = UInt8(truncatingIfNeeded: word) << UInt8(8 - bits)
          values.append(Int8(bitPattern: top) >> Int8(8 - bits))
        }
      }
    }
    return values
  }

  /// Suffix of the kernels that read the width: empty for 8 bits, `_w4`, ...
  static func suffix(_ bits: Int) -> String { bits == 8 ? "" : "_w\(bits)" }
}
