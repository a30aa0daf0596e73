import Foundation
import UQNumerics
import UQSupport

/// Reads and writes NumPy's `.npy` format.
public enum NumPyFile {
  /// Opens an array without loading it: large files are mapped.
  ///
  /// Versions 1 to 3, both byte orders, C and Fortran order, every ``ElementType`` (`bfloat16` as
  /// `V2`, which is how NumPy stores it).
  ///
  /// - Throws: `samples.file.unreadable`, `samples.npy.format`, `samples.npy.type`,
  ///   `samples.npy.shape`, or `samples.npy.truncated` where the length is not what the header
  ///   says.
  public static func open(_ path: String) throws(Diagnostic) -> NumPyArray {
    let content = try FileContent(path: path)
    return try NumPyArray(content.bytes, owner: content, place: SourcePlace(file: path))
  }

  /// Reads an array; errors as for ``open(_:)``.
  public static func read(_ path: String) throws(Diagnostic) -> Tensor { try open(path).tensor }

  /// Reads an array from memory; errors as for ``open(_:)``, naming `name`.
  public static func parse(_ data: Data, name: String) throws(Diagnostic) -> Tensor {
    let content = data.withUnsafeBytes { FileContent(copying: $0) }
    return try NumPyArray(content.bytes, owner: content, place: SourcePlace(file: name)).tensor
  }

  /// The bytes of a version 1 file: the same tensor gives the same bytes.
  public static func data(_ tensor: Tensor) -> Data {
    let extents = tensor.shape.dimensions
    let shape =
      extents.count == 1
      ? "(\(extents[0]),)" : "(" + extents.map(String.init).joined(separator: ", ") + ")"
    var header =
      "{'descr': '\(NumPyHeader.descriptor(of: tensor.element))', 'fortran_order': False, "
      + "'shape': \(shape), }"
    // The elements start at a multiple of 64 bytes; a newline ends the header.
    let used = 10 + header.utf8.count + 1
    header += String(repeating: " ", count: (64 - used % 64) % 64) + "\n"
    var data = Data([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0])
    data.append(UInt8(truncatingIfNeeded: header.utf8.count))
    data.append(UInt8(truncatingIfNeeded: header.utf8.count >> 8))
    data.append(contentsOf: header.utf8)
    tensor.withUnsafeBytes { data.append(contentsOf: $0) }
    return data
  }

  /// Writes `tensor` to `path`, whole or not at all.
  ///
  /// - Throws: `output.file.write`.
  public static func write(_ tensor: Tensor, to path: String) throws(Diagnostic) {
    try AtomicFile.write(data(tensor), to: path)
  }
}
