import UQNumerics

/// How weights of 8, 4, 3, 2 or 1 bits lie in flash; the mirror of `uq_weights.h`.
///
/// A tensor is a sequence of rows that each start on a byte. 8, 4, 2 and 1 bits fill bytes from the low
/// bits up; at 1 bit 0 stands for +1 and 1 for −1; 3 bits take three bytes for 8 weights, the low two
/// bits of each in the first two and the high bits in the third.
public enum WeightPacking {
  /// The widths that kernels exist for.
  public static let widths = [8, 4, 3, 2, 1]

  /// Bytes of a row of `count` weights.
  public static func rowBytes(_ count: Int, bits: Int) -> Int {
    bits == 3 ? (count + 7) / 8 * 3 : (count * bits + 7) / 8
  }

  /// Packs rows of `rowLength` weights each.
  ///
  /// - Precondition: `values.count` is a multiple of `rowLength`; values are of `bits` bits.
  /// - Complexity: O(values).
  public static func pack(_ values: [Int8], rowLength: Int, bits: Int) -> [UInt8] {
    guard rowLength > 0 else { return [] }
    let stride = rowBytes(rowLength, bits: bits)
    var packed = [UInt8](repeating: 0, count: values.count / rowLength * stride)
    values.withUnsafeBufferPointer { values in
      packed.withUnsafeMutableBufferPointer { packed in
        for row in 0..<values.count / rowLength {
          for k in 0..<rowLength {
            let weight = UInt8(bitPattern: values[row * rowLength + k])
            let start = row * stride
            switch bits {
            case 8: packed[start + k] = weight
            case 1: packed[start + k / 8] |= (weight >> 7) << UInt8(k % 8)
            case 3:
              let group = start + k / 8 * 3
              packed[group + k % 8 / 4] |= (weight & 3) << UInt8(2 * (k % 4))
              packed[group + 2] |= (weight >> 2 & 1) << UInt8(k % 8)
            default:
              let inByte = 8 / bits
              let mask = UInt8(1 << bits - 1)
              packed[start + k / inByte] |= (weight & mask) << UInt8(bits * (k % inByte))
            }
          }
        }
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
        let start = row * stride
        switch bits {
        case 8: values.append(Int8(bitPattern: bytes[start + k]))
        case 1: values.append(bytes[start + k / 8] >> UInt8(k % 8) & 1 == 0 ? 1 : -1)
        case 3:
          let group = start + k / 8 * 3
          let low = bytes[group + k % 8 / 4] >> UInt8(2 * (k % 4)) & 3
          let high = bytes[group + 2] >> UInt8(k % 8) & 1
          values.append(Int8(low) - 4 * Int8(high))
        default:
          let inByte = 8 / bits
          let field = bytes[start + k / inByte] >> UInt8(bits * (k % inByte))
          values.append(Int8(bitPattern: field << UInt8(8 - bits)) >> Int8(8 - bits))
        }
      }
    }
    return values
  }

  /// Suffix of the kernels that read the width: empty for 8 bits, `_w4`, ...
  static func suffix(_ bits: Int) -> String { bits == 8 ? "" : "_w\(bits)" }
}
