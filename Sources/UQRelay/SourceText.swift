import UQSupport

/// The bytes of a text, with the places of its lines.
final class SourceText: @unchecked Sendable {
  /// Path as the user gave it; `nil` for text that is no file.
  let path: String?
  /// The text.
  let bytes: UnsafeRawBufferPointer
  private let owner: MappedFile?
  private let copy: UnsafeMutableRawBufferPointer?
  private let lineStarts: [Int]

  /// The text of a file.
  init(_ file: MappedFile) {
    path = file.path
    bytes = file.bytes
    owner = file
    copy = nil
    lineStarts = Self.lines(of: bytes)
  }

  /// A text in memory, which is copied.
  init(_ text: some Collection<UInt8>, path: String? = nil) {
    self.path = path
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 16)
    memory.copyBytes(from: text)
    copy = memory
    bytes = UnsafeRawBufferPointer(memory)
    owner = nil
    lineStarts = Self.lines(of: bytes)
  }

  deinit { copy?.deallocate() }

  /// Says that a long range is not read again soon.
  func release(_ range: Range<Int>) { owner?.release(range) }

  /// The bytes of a range as text; what is not UTF-8 is replaced.
  func string(_ range: Range<Int>) -> String {
    String(decoding: bytes[range], as: UTF8.self)
  }

  /// Line and column of an offset, from 1; columns of very long lines count bytes.
  func position(of offset: Int) -> (line: Int, column: Int) {
    let line = line(of: offset)
    let start = lineStarts[line]
    guard offset - start <= 1 << 12 else { return (line + 1, offset - start + 1) }
    let scalars = bytes[start..<offset].reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
    return (line + 1, scalars + 1)
  }

  /// The place of an offset.
  func place(_ offset: Int) -> SourcePlace {
    let (line, column) = position(of: offset)
    return SourcePlace(file: path, line: line, column: column)
  }

  /// A problem at an offset, with the line and a caret.
  func problem(
    _ id: String, _ message: String, at offset: Int, severity: Diagnostic.Severity = .error
  ) -> Diagnostic {
    Diagnostic(severity, id: id, message, at: place(offset), excerpt: excerpt(offset))
  }

  /// The line around an offset and a caret below it.
  func excerpt(_ offset: Int) -> String {
    let margin = 60
    let line = line(of: offset)
    let start = lineStarts[line]
    var end = start
    while end < bytes.count, end - offset < margin, bytes[end] != 0x0A, bytes[end] != 0x0D {
      end += 1
    }
    var first = max(start, offset - margin)
    while first > start, bytes[first] & 0xC0 == 0x80 { first -= 1 }
    while end > offset, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    let shown = Self.printable(string(first..<max(end, first)))
    let before = string(first..<min(max(offset, first), bytes.count)).count
    let lead = first > start ? "..." : ""
    return "    \(lead)\(shown)\n"
      + String(repeating: " ", count: 4 + lead.count + before) + "^"
  }

  /// A text on one line, its control characters as blanks.
  static func printable(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          let isControl = scalar.properties.generalCategory == .control
          return isControl || scalar.properties.isWhitespace ? " " : scalar
        }))
  }

  private func line(of offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }

  private static func lines(of bytes: UnsafeRawBufferPointer) -> [Int] {
    var starts = [0]
    for index in 0..<bytes.count where bytes[index] == 0x0A { starts.append(index + 1) }
    return starts
  }
}
