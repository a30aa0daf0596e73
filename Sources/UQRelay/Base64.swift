/// Bytes decoded from base64, kept for tensors that borrow them.
final class DecodedBytes: @unchecked Sendable {
  /// The bytes.
  let bytes: UnsafeRawBufferPointer
  private let memory: UnsafeMutableRawBufferPointer

  /// Decodes the standard alphabet with '=' at the end; `nil` where the text is malformed.
  init?(base64 text: UnsafeRawBufferPointer) {
    var end = text.count
    while end > 0, text.count - end < 2, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
    guard text.count % 4 == 0, end % 4 != 1 else { return nil }
    let size = end / 4 * 3 + max(0, end % 4 - 1)
    memory = .allocate(byteCount: max(size, 1), alignment: 64)
    bytes = UnsafeRawBufferPointer(rebasing: memory[0..<size])
    var faults: UInt8 = 0
    Self.values.withUnsafeBufferPointer { values in
      var source = 0
      var target = 0
      while source + 4 <= end {
        let a = values[Int(text[source])]
        let b = values[Int(text[source + 1])]
        let c = values[Int(text[source + 2])]
        let d = values[Int(text[source + 3])]
        faults |= (a | b | c | d) & 0x80
        memory[target] = a << 2 | b >> 4
        memory[target + 1] = b << 4 | c >> 2
        memory[target + 2] = c << 6 | d
        source += 4
        target += 3
      }
      if end - source >= 2 {
        let a = values[Int(text[source])]
        let b = values[Int(text[source + 1])]
        faults |= (a | b) & 0x80
        memory[target] = a << 2 | b >> 4
        if end - source == 3 {
          let c = values[Int(text[source + 2])]
          faults |= c & 0x80
          memory[target + 1] = b << 4 | c >> 2
        }
      }
    }
    guard faults == 0 else { return nil }
  }

  deinit { memory.deallocate() }

  /// The six bits of each character, 128 where it is none of the alphabet.
  private static let values: [UInt8] = {
    var table = [UInt8](repeating: 0x80, count: 256)
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (value, character) in alphabet.utf8.enumerated() { table[Int(character)] = UInt8(value) }
    return table
  }()
}
