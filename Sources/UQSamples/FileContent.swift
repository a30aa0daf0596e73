import Foundation
import UQSupport

/// The bytes of a file, mapped where it is large and read where it is small.
///
/// The bytes do not change while the object lives, as long as nobody writes to the file.
final class FileContent: @unchecked Sendable {
  /// The whole file.
  let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// Files below this size are read: mapping costs more than copying.
  private static let mappedFrom = 1 << 18

  /// Opens the regular file at `path`.
  ///
  /// - Throws: `samples.file.unreadable` where it is missing, no regular file, not permitted or
  ///   longer than `limit` bytes.
  init(path: String, limit: Int = .max) throws(Diagnostic) {
    func failure(_ reason: String) -> Diagnostic {
      Diagnostic(
        id: "samples.file.unreadable", "cannot read: \(reason)", at: SourcePlace(file: path))
    }
    // Without O_NONBLOCK opening a named pipe would wait for its writer.
    let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { throw failure(String(cString: strerror(errno))) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw failure(String(cString: strerror(errno))) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw failure("not a regular file") }
    let size = Int(status.st_size)
    guard size <= limit else { throw failure("\(size) bytes, more than the limit of \(limit)") }
    if size >= Self.mappedFrom {
      guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), start != MAP_FAILED
      else { throw failure(String(cString: strerror(errno))) }
      bytes = UnsafeRawBufferPointer(start: start, count: size)
      isMapped = true
    } else {
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, 1), alignment: 64)
      var filled = 0
      while filled < size {
        let got = Foundation.read(file, buffer.baseAddress?.advanced(by: filled), size - filled)
        if got <= 0 { break }
        filled += got
      }
      bytes = UnsafeRawBufferPointer(rebasing: buffer[0..<filled])
      isMapped = false
      // A file that shrank between the calls is judged by what it held.
    }
  }

  /// Copies `data`, for content that is no file of its own.
  init(copying data: UnsafeRawBufferPointer) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(data.count, 1), alignment: 64)
    buffer.copyMemory(from: data)
    bytes = UnsafeRawBufferPointer(rebasing: buffer[0..<data.count])
    isMapped = false
  }

  /// Takes over `buffer`, which was allocated and is freed with the object.
  init(adopting buffer: UnsafeMutableRawBufferPointer) {
    bytes = UnsafeRawBufferPointer(buffer)
    isMapped = false
  }

  deinit {
    if isMapped {
      munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    } else {
      bytes.deallocate()
    }
  }

  /// The text, where it is UTF-8; a byte order mark is skipped.
  var text: String? {
    let skipped = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    return String(validating: bytes[skipped...], as: UTF8.self)
  }
}
