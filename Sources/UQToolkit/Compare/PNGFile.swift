import Foundation

/// Writes small PNG pictures (ISO/IEC 15948), without compression.
enum PNGFile {
  /// A picture of 8-bit grey or RGB samples, rows from the top.
  ///
  /// - Precondition: `samples.count == width · height · channels`, `channels` is 1 or 3, and a row has less
  ///   than 65535 bytes.
  static func data(_ samples: [UInt8], width: Int, height: Int, channels: Int) -> Data {
    precondition(samples.count == width * height * channels && width * channels < 65535)
    var header = bigEndian(UInt32(width)) + bigEndian(UInt32(height))
    header += [8, channels == 3 ? 2 : 0, 0, 0, 0]
    // One stored block of deflate for each row, so that none is too long.
    var stream: [UInt8] = [0x78, 0x01]
    var (a, b) = (UInt32(1), UInt32(0))
    for row in 0..<height {
      let line = [0] + samples[row * width * channels..<(row + 1) * width * channels]
      let length = UInt16(line.count)
      stream += [row == height - 1 ? 1 : 0]
      for value in [length, ~length] { stream += [UInt8(value & 255), UInt8(value >> 8)] }
      stream += line
      for byte in line {
        a = (a + UInt32(byte)) % 65521
        b = (b + a) % 65521
      }
    }
    stream += bigEndian(b << 16 | a)
    let bytes: [UInt8] =
      [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
      + chunk("IDAT", stream) + chunk("IEND", [])
    return Data(bytes)
  }

  private static func chunk(_ kind: String, _ content: [UInt8]) -> [UInt8] {
    let body = Array(kind.utf8) + content
    return bigEndian(UInt32(content.count)) + body + bigEndian(checksum(body))
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  /// CRC-32 of the polynomial 0xEDB88320.
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var crc = ~UInt32(0)
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
  }
}
