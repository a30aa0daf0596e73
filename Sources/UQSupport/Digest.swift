import CLibMD

/// A SHA-256 digest.
public struct Digest: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The 32 bytes.
  public let bytes: [UInt8]

  /// The digest of `data`.
  public init(of data: some Sequence<UInt8>) {
    var stream = DigestStream()
    stream.update(data)
    self = stream.finish()
  }

  /// Takes 32 bytes as they are; `nil` for any other length.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    self.bytes = bytes
  }

  /// 64 lower-case hexadecimal digits.
  public var description: String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  /// Orders digests as big-endian numbers.
  public static func < (a: Digest, b: Digest) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
}

/// Computes a ``Digest`` piece by piece.
public struct DigestStream {
  private var context = SHA2_CTX()

  /// Starts an empty stream.
  public init() { SHA256Init(&context) }

  /// Appends `data`.
  public mutating func update(_ data: some Sequence<UInt8>) {
    let done: Void? = data.withContiguousStorageIfAvailable { bytes in
      SHA256Update(&context, bytes.baseAddress, bytes.count)
    }
    if done == nil {
      let copy = Array(data)
      SHA256Update(&context, copy, copy.count)
    }
  }

  /// Appends raw memory.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    SHA256Update(&context, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
  }

  /// The digest of all that was appended.
  public consuming func finish() -> Digest {
    var result = [UInt8](repeating: 0, count: 32)
    SHA256Final(&result, &context)
    return Digest(bytes: result) ?? Digest(of: [])
  }
}
