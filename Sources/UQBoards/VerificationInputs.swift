import UQSupport

/// Records of input bytes to run exports on; the same arguments give the same bytes.
public enum VerificationInputs {
  /// The record by which implementations are compared: s = 1; s = s * 1664525 + 1013904223 modulo 2^32,
  /// whose top byte is the next byte of the record.
  public static func baseline(byteCount: Int) -> [UInt8] {
    var state: UInt32 = 1
    return (0..<max(0, byteCount)).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(truncatingIfNeeded: state >> 24)
    }
  }

  /// Records that reach ordinary and extreme accumulators: the baseline, all lowest, all highest, all
  /// zero, then random ones, of which each third is uniform, lies in a narrow band around a level, or has
  /// lowest and highest values only.
  ///
  /// Integers of 32 and 64 bits, which are indices or counts and not quantized, and truth values stay 0
  /// or 1: others need not be valid.
  ///
  /// - Parameters:
  ///   - export: Whose inputs they are for.
  ///   - count: How many records.
  ///   - seed: Choice of the random ones.
  public static func records(for export: Export, count: Int, seed: UInt64 = 1) -> [[UInt8]] {
    var generator = SeededGenerator(seed: seed)
    return (0..<max(0, count)).map { index in
      if index == 0, export.inputs.allSatisfy({ $0.isQuantized }) {
        return baseline(byteCount: export.inputBytes)
      }
      var record: [UInt8] = []
      record.reserveCapacity(export.inputBytes)
      for port in export.inputs { append(port, index: index, to: &record, &generator) }
      return record
    }
  }

  private static func append(
    _ port: ExportPort, index: Int, to record: inout [UInt8], _ generator: inout SeededGenerator
  ) {
    guard port.isQuantized else {
      for _ in 0..<port.elements {
        record.append(UInt8(truncatingIfNeeded: generator.next() & 1))
        for _ in 1..<port.elementBytes { record.append(0) }
      }
      return
    }
    let bits = port.elementBytes * 8
    let values = 1 << bits
    let isSigned = port.cType.hasPrefix("int")
    let lowest = isSigned ? -values / 2 : 0
    let highest = lowest + values - 1
    let level = lowest + Int(generator.next() % UInt64(values))
    let band = 1 + Int(generator.next() % UInt64(values / 8))
    for _ in 0..<port.elements {
      let random = generator.next()
      let value: Int =
        switch (index, index % 3) {
        case (1, _): lowest
        case (2, _): highest
        case (3, _): 0
        case (_, 0): min(highest, max(lowest, level - band / 2 + Int(random % UInt64(band))))
        case (_, 1): lowest + Int(random % UInt64(values))
        default: random & 1 == 0 ? lowest : highest
        }
      for byte in 0..<port.elementBytes {
        record.append(UInt8(truncatingIfNeeded: value >> (8 * byte)))
      }
    }
  }
}

extension ExportPort {
  /// Whether every bit pattern is a value of a quantized tensor.
  fileprivate var isQuantized: Bool {
    ["int8_t", "uint8_t", "int16_t", "uint16_t"].contains(cType)
  }
}

/// The 32-bit FNV-1a digest of bytes.
public func fnv1a32(_ bytes: some Sequence<UInt8>) -> UInt32 {
  var hash: UInt32 = 2_166_136_261
  for byte in bytes { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
  return hash
}
