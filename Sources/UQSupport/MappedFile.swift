import Foundation

/// A file mapped read-only into memory for as long as the object lives.
///
/// Pages are read when touched, so that a large file costs what is used of it.
public final class MappedFile: @unchecked Sendable {
  /// Path as the user gave it.
  public let path: String
  /// The contents.
  public let bytes: UnsafeRawBufferPointer

  /// Largest file that is read: protobuf's lengths are 31 bits.
  public static let largest = Int(Int32.max)

  /// Maps a regular file of at most `limit` bytes.
  ///
  /// - Parameter area: the first part of the ids of problems.
  /// - Throws: `AREA.file.read` where it cannot be opened or is no regular file, `AREA.file.size`.
  public init(path: String, limit: Int = MappedFile.largest, area: String = "onnx")
    throws(Diagnostic)
  {
    let place = SourcePlace(file: path)
    // A FIFO would block an open without O_NONBLOCK.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw Diagnostic(
        id: "\(area).file.read", "cannot open: \(String(cString: strerror(errno)))", at: place)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw Diagnostic(
        id: "\(area).file.read", "cannot read: \(String(cString: strerror(errno)))", at: place)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      throw Diagnostic(
        id: "\(area).file.read", isFolder ? "is a folder, not a file" : "is not a regular file",
        at: place)
    }
    let size = Int(status.st_size)
    guard size <= limit else {
      throw Diagnostic(
        id: "\(area).file.size",
        "has \(size) bytes, at most \(limit) are read; keep the weights of a "
          + "larger model as external data", at: place)
    }
    self.path = path
    guard size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let start, start != MAP_FAILED else {
      throw Diagnostic(
        id: "\(area).file.read", "cannot map: \(String(cString: strerror(errno)))", at: place)
    }
    bytes = UnsafeRawBufferPointer(start: start, count: size)
  }

  /// Gives the memory of the whole pages inside a range back; they are read again when they are used.
  public func release(_ range: Range<Int>) {
    guard let start = bytes.baseAddress else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let first = (range.lowerBound + page - 1) / page * page
    let last = min(range.upperBound, bytes.count) / page * page
    guard first >= 0, first < last else { return }
    madvise(UnsafeMutableRawPointer(mutating: start + first), last - first, MADV_DONTNEED)
  }

  deinit {
    if let start = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
    }
  }
}
