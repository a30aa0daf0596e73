import CMedia
import Foundation
import UQNumerics
import UQSupport

/// Reads and writes NumPy's `.npz` format: a ZIP file of `.npy` members.
public enum NumPyArchive {
  /// Opens the arrays of an archive, in the order of its directory, named without `.npy`.
  ///
  /// Stored members stay in the mapped file, deflated ones are inflated. Members that are not
  /// `.npy` are passed over.
  ///
  /// - Throws: `samples.file.unreadable`; `samples.npz.format`, `.truncated`, `.unsupported`,
  ///   `.duplicate`; `samples.npy.*` for a member.
  public static func open(_ path: String) throws(Diagnostic) -> [(name: String, array: NumPyArray)]
  {
    try arrays(try FileContent(path: path), name: path)
  }

  /// Reads the arrays of an archive; errors as for ``open(_:)``.
  public static func read(_ path: String) throws(Diagnostic) -> [(name: String, tensor: Tensor)] {
    try open(path).map { ($0.name, $0.array.tensor) }
  }

  /// Reads the arrays of an archive in memory; errors as for ``open(_:)``, naming `name`.
  public static func parse(_ data: Data, name: String) throws(Diagnostic)
    -> [(name: String, tensor: Tensor)]
  {
    let content = data.withUnsafeBytes { FileContent(copying: $0) }
    return try arrays(content, name: name).map { ($0.name, $0.array.tensor) }
  }

  private static func arrays(_ content: FileContent, name: String) throws(Diagnostic)
    -> [(name: String, array: NumPyArray)]
  {
    let place = SourcePlace(file: name)
    let archive = try ZipArchive(content, place: place)
    var result: [(name: String, array: NumPyArray)] = []
    var seen: Set<String> = []
    for member in archive.members where member.name.hasSuffix(".npy") {
      let short = String(member.name.dropLast(4))
      guard seen.insert(short).inserted else {
        throw Diagnostic(
          id: "samples.npz.duplicate", "two arrays are named '\(short)'", at: place)
      }
      let (bytes, owner) = try archive.bytes(of: member)
      do {
        result.append((short, try NumPyArray(bytes, owner: owner, place: place)))
      } catch {
        throw Diagnostic(id: error.id, "member '\(member.name)': \(error.message)", at: place)
      }
    }
    // NumPy writes an empty archive where there is nothing to save, which is sound.
    guard !result.isEmpty || archive.members.isEmpty else {
      throw Diagnostic(id: "samples.npz.format", "no .npy member in the archive", at: place)
    }
    return result
  }

  /// The bytes of an archive with stored members: no times, so the same arrays give the same bytes.
  ///
  /// - Throws: `samples.npz.too-large` at 4 GiB and above or 65535 arrays and above.
  public static func data(_ arrays: [(name: String, tensor: Tensor)]) throws(Diagnostic) -> Data {
    var data = Data()
    var directory = Data()
    for (name, tensor) in arrays {
      let member = Array("\(name).npy".utf8)
      let body = NumPyFile.data(tensor)
      let offset = data.count
      let whole = offset + body.count + 2 * (member.count + 100) + directory.count
      guard whole < Int(UInt32.max), arrays.count < 0xFFFF, member.count < 0xFFFF else {
        throw Diagnostic(
          id: "samples.npz.too-large",
          "\(arrays.count) arrays of more than 4 GiB; write them as separate .npy files")
      }
      let checksum = body.withUnsafeBytes { cmedia_crc32($0.baseAddress, $0.count) }
      // 1 January 1980 is the zero of ZIP's clock; flag 0x800 says that names are UTF-8.
      var fields = Data()
      fields.append(little: 0x0800 << 16 | 20, 4)
      fields.append(little: 0, 2)
      fields.append(little: 0x0021 << 16, 4)
      fields.append(little: UInt64(checksum), 4)
      fields.append(little: UInt64(body.count), 4)
      fields.append(little: UInt64(body.count), 4)
      fields.append(little: UInt64(member.count), 2)
      fields.append(little: 0, 2)
      data.append(little: 0x0403_4B50, 4)
      data.append(fields)
      data.append(contentsOf: member)
      data.append(body)
      directory.append(little: 0x0201_4B50, 4)
      directory.append(little: 20, 2)
      directory.append(fields)
      directory.append(little: 0, 6)
      directory.append(little: 0, 4)
      directory.append(little: UInt64(offset), 4)
      directory.append(contentsOf: member)
    }
    let start = data.count
    data.append(directory)
    data.append(little: 0x0605_4B50, 4)
    data.append(little: 0, 4)
    data.append(little: UInt64(arrays.count), 2)
    data.append(little: UInt64(arrays.count), 2)
    data.append(little: UInt64(directory.count), 4)
    data.append(little: UInt64(start), 4)
    data.append(little: 0, 2)
    return data
  }

  /// Writes `arrays` to `path`, whole or not at all.
  ///
  /// - Throws: `output.file.write`, `samples.npz.too-large`.
  public static func write(_ arrays: [(name: String, tensor: Tensor)], to path: String)
    throws(Diagnostic)
  {
    try AtomicFile.write(try data(arrays), to: path)
  }
}

extension Data {
  fileprivate mutating func append(little value: UInt64, _ width: Int) {
    for i in 0..<width { append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(i)))) }
  }
}
