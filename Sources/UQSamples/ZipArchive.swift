import CMedia
import Foundation
import UQSupport

/// The members of a ZIP file (stored or deflated, with or without ZIP64).
///
/// Sizes are checked against the file before anything is allocated: together members may not claim
/// more bytes than the file has, nor may one inflate by more than deflate can (1032 : 1).
struct ZipArchive: Sendable {
  struct Member: Sendable {
    var name: String
    var isDeflated: Bool
    var checksum: UInt32
    var size: Int
    var range: Range<Int>
  }

  let members: [Member]
  private let content: FileContent
  private let place: SourcePlace

  /// Reads the central directory.
  ///
  /// - Throws: `samples.npz.format`, `samples.npz.truncated`, `samples.npz.unsupported`.
  init(_ content: FileContent, place: SourcePlace) throws(Diagnostic) {
    self.content = content
    self.place = place
    let bytes = LittleEndianBytes(content.bytes)
    func refuse(_ problem: String, _ message: String) -> Diagnostic {
      Diagnostic(id: "samples.npz.\(problem)", message, at: place)
    }
    let directory = try Self.directory(bytes, refuse)
    var list: [Member] = []
    var position = directory.offset
    var claimed = 0
    for _ in 0..<directory.count {
      guard bytes.u32(position) == 0x0201_4B50, let flags = bytes.u16(position + 8),
        let method = bytes.u16(position + 10), let checksum = bytes.u32(position + 16),
        let nameLength = bytes.u16(position + 28), let extraLength = bytes.u16(position + 30),
        let commentLength = bytes.u16(position + 32),
        let raw = bytes.slice(position + 46, nameLength),
        let extra = bytes.slice(position + 46 + nameLength, extraLength)
      else { throw refuse("truncated", "the directory of members is damaged or cut") }
      let name = String(decoding: raw, as: UTF8.self)
      guard flags & 0x41 == 0, method == 0 || method == 8 else {
        throw refuse(
          "unsupported", "member '\(name)' is encrypted or of compression method \(method)")
      }
      var fields = [bytes.u32(position + 24), bytes.u32(position + 20), bytes.u32(position + 42)]
      Self.widen(&fields, LittleEndianBytes(extra))
      guard let size = fields[0], let packed = fields[1], let local = fields[2],
        bytes.u32(local) == 0x0403_4B50, let localName = bytes.u16(local + 26),
        let localExtra = bytes.u16(local + 28),
        let data = bytes.slice(local + 30 + localName + localExtra, packed)
      else { throw refuse("truncated", "member '\(name)' lies outside the file") }
      claimed += packed
      guard claimed <= bytes.count else {
        throw refuse("format", "the members overlap: together they exceed the file")
      }
      guard method == 0 ? size == packed : size / 1032 <= packed else {
        throw refuse("format", "member '\(name)' cannot hold \(size) bytes in \(packed)")
      }
      if !name.hasSuffix("/") {
        list.append(
          Member(
            name: name, isDeflated: method == 8, checksum: UInt32(truncatingIfNeeded: checksum),
            size: size, range: data.startIndex..<data.endIndex))
      }
      position += 46 + nameLength + extraLength + commentLength
    }
    members = list
  }

  private static func directory(
    _ bytes: LittleEndianBytes, _ refuse: (String, String) -> Diagnostic
  ) throws(Diagnostic) -> (offset: Int, count: Int) {
    // The end record is last but for a comment of at most 65535 bytes.
    var end = bytes.count - 22
    let lowest = max(0, end - 0xFFFF)
    while end >= lowest, bytes.u32(end) != 0x0605_4B50 { end -= 1 }
    guard end >= lowest, end >= 0, let count = bytes.u16(end + 10),
      let offset = bytes.u32(end + 16)
    else { throw refuse("format", "not a .npz file (no ZIP directory at its end)") }
    guard count == 0xFFFF || offset == 0xFFFF_FFFF else { return (offset, count) }
    guard bytes.u32(end - 20) == 0x0706_4B50, let record = bytes.u64(end - 12),
      bytes.u32(record) == 0x0606_4B50, let wideCount = bytes.u64(record + 32),
      let wideOffset = bytes.u64(record + 48), wideCount <= bytes.count / 46
    else { throw refuse("truncated", "the ZIP64 directory is damaged") }
    return (wideOffset, wideCount)
  }

  /// Replaces fields of all ones by those of the ZIP64 extra field, in its fixed order.
  private static func widen(_ fields: inout [Int?], _ extra: LittleEndianBytes) {
    var position = extra.start
    while let tag = extra.u16(position), let length = extra.u16(position + 2) {
      if tag == 1 {
        var at = position + 4
        for i in fields.indices where fields[i] == 0xFFFF_FFFF {
          fields[i] = extra.u64(at)
          at += 8
        }
        return
      }
      position += 4 + length
    }
  }

  /// The bytes of a member: borrowed from the file where it is stored, inflated where it is not.
  ///
  /// - Throws: `samples.npz.truncated` where it does not inflate or its checksum is wrong.
  func bytes(of member: Member) throws(Diagnostic) -> (UnsafeRawBufferPointer, FileContent) {
    let packed = UnsafeRawBufferPointer(rebasing: content.bytes[member.range])
    var result = packed
    var owner = content
    if member.isDeflated {
      let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(member.size, 1), alignment: 64)
      owner = FileContent(adopting: buffer)
      result = UnsafeRawBufferPointer(rebasing: owner.bytes[0..<member.size])
      var text = [CChar](repeating: 0, count: 200)
      let code = cmedia_inflate(
        packed.baseAddress, packed.count, buffer.baseAddress, member.size, &text, text.count)
      guard code == 0 else {
        throw Diagnostic(
          id: "samples.npz.truncated", "member '\(member.name)': \(line(text))", at: place)
      }
    }
    guard cmedia_crc32(result.baseAddress, result.count) == member.checksum else {
      throw Diagnostic(
        id: "samples.npz.truncated", "member '\(member.name)' is damaged (wrong checksum)",
        at: place)
    }
    return (result, owner)
  }
}

/// The text that a function of CMedia left.
func line(_ text: [CChar]) -> String {
  String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Checked reads of little-endian numbers; `nil` outside the bytes.
struct LittleEndianBytes {
  private let bytes: Slice<UnsafeRawBufferPointer>

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes[...] }
  init(_ bytes: Slice<UnsafeRawBufferPointer>) { self.bytes = bytes }

  var start: Int { bytes.startIndex }
  var count: Int { bytes.count }

  func slice(_ offset: Int, _ length: Int) -> Slice<UnsafeRawBufferPointer>? {
    guard offset >= bytes.startIndex, offset <= bytes.endIndex, length >= 0,
      length <= bytes.endIndex - offset
    else { return nil }
    return bytes[offset..<(offset + length)]
  }

  private func number(_ offset: Int, _ width: Int) -> UInt64? {
    slice(offset, width)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  func u16(_ offset: Int) -> Int? { number(offset, 2).map(Int.init) }
  func u32(_ offset: Int) -> Int? { number(offset, 4).map(Int.init) }
  /// `nil` also where the number is not below 2⁶⁰, so that sums of it cannot overflow.
  func u64(_ offset: Int) -> Int? { number(offset, 8).flatMap { $0 >> 60 == 0 ? Int($0) : nil } }
}
