import UQSupport

/// The members of an uncompressed tar archive, in place.
struct TarArchive {
  static let memberLimit = 1 << 16
  private static let block = 512

  /// Contents by path, without a leading './'.
  private(set) var members: [String: Range<Int>] = [:]

  /// Whether bytes begin like an archive.
  static func isOne(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= block && bytes[257..<262].elementsEqual("ustar".utf8)
  }

  /// Lists the members of an archive (POSIX and GNU headers; links and devices are passed over).
  ///
  /// - Throws: `relay.archive.header`, `relay.archive.truncated`, `relay.archive.count`.
  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(Diagnostic) {
    let place = SourcePlace(file: path)
    var offset = 0
    var longName: String?
    while offset + Self.block <= bytes.count {
      let header = offset..<offset + Self.block
      if bytes[header].allSatisfy({ $0 == 0 }) { return }
      func field(_ start: Int, _ length: Int) -> String {
        String(
          decoding: bytes[offset + start..<offset + start + length].prefix { $0 != 0 },
          as: UTF8.self)
      }
      let sum = bytes[header].enumerated().reduce(0) {
        $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element))
      }
      guard Self.octal(field(148, 8)) == sum, let size = Self.octal(field(124, 12)) else {
        throw Diagnostic(
          id: "relay.archive.header", "is damaged: the header at byte \(offset) is unsound",
          at: place)
      }
      let start = offset + Self.block
      guard size <= bytes.count - start else {
        throw Diagnostic(
          id: "relay.archive.truncated", "ends within a member of \(size) bytes", at: place)
      }
      let data = start..<start + size
      let kind = bytes[offset + 156]
      let prefix = field(257, 5) == "ustar" ? field(345, 155) : ""
      let name = longName ?? (prefix.isEmpty ? field(0, 100) : prefix + "/" + field(0, 100))
      longName = nil
      switch kind {
      case UInt8(ascii: "L"):
        longName = String(decoding: bytes[data].prefix(4096).prefix { $0 != 0 }, as: UTF8.self)
      case UInt8(ascii: "x"): longName = Self.paxPath(bytes[data])
      case 0, UInt8(ascii: "0"): members[Self.plain(name)] = data
      default: break
      }
      guard members.count <= Self.memberLimit else {
        throw Diagnostic(
          id: "relay.archive.count", "has more than \(Self.memberLimit) members", at: place)
      }
      offset = start + (size + Self.block - 1) / Self.block * Self.block
    }
  }

  private static func plain(_ name: String) -> String {
    name.hasPrefix("./") ? String(name.dropFirst(2)) : name
  }

  private static func octal(_ text: String) -> Int? {
    let digits = text.filter { $0 != " " }
    return digits.isEmpty ? 0 : Int(digits, radix: 8).flatMap { $0 >= 0 ? $0 : nil }
  }

  /// The path in an extended header: lines of length, key and value.
  private static func paxPath(_ data: Slice<UnsafeRawBufferPointer>) -> String? {
    let text = String(decoding: data.prefix(1 << 16), as: UTF8.self)
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      if parts.count == 2, parts[1].hasPrefix("path=") { return String(parts[1].dropFirst(5)) }
    }
    return nil
  }
}
