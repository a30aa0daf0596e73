import COnnx
import Foundation
import UQSupport

/// The files beside a model that hold elements of its tensors.
///
/// A location is a path relative to the model's folder and must stay within it: absolute paths,
/// `..` and symbolic links that lead out are refused, since a model from elsewhere could otherwise
/// read any file of this machine into what is exported.
final class ExternalData {
  private let folder: String
  private var files: [String: MappedFile] = [:]

  /// Data beside the file at `path`.
  init(besides path: String) {
    folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
  }

  /// Paths of the files that were read, sorted.
  var used: [String] { files.keys.sorted() }

  /// The bytes that the tensor's `external_data` refers to, and what keeps them alive.
  ///
  /// - Parameters:
  ///   - length: number of bytes that the tensor needs.
  /// - Throws: `onnx.external.location`, `onnx.external.escape`, `onnx.external.range`, and what
  ///   opening the file throws.
  func bytes(
    of proto: UnsafePointer<Onnx__TensorProto>, length: Int, name: String
  ) throws(Diagnostic) -> (UnsafeRawBufferPointer, MappedFile) {
    var entries: [String: String] = [:]
    for entry in messages(proto.pointee.external_data, proto.pointee.n_external_data) {
      entries[text(entry.pointee.key)] = text(entry.pointee.value)
    }
    guard let location = entries["location"], !location.isEmpty else {
      throw Diagnostic(
        id: "onnx.external.location", "tensor '\(name)' is external data without a location")
    }
    let file = try open(location, name)
    let offset = try number(entries["offset"], "offset", name) ?? 0
    let stated = try number(entries["length"], "length", name) ?? length
    guard stated == length else {
      throw Diagnostic(
        id: "onnx.external.range",
        "tensor '\(name)' needs \(length) bytes, its external data "
          + "has \(stated)")
    }
    guard offset <= file.bytes.count, length <= file.bytes.count - offset else {
      throw Diagnostic(
        id: "onnx.external.range",
        "tensor '\(name)' is at bytes \(offset) to \(offset)+\(length) "
          + "of '\(location)', which has \(file.bytes.count)")
    }
    return (UnsafeRawBufferPointer(rebasing: file.bytes[offset..<(offset + length)]), file)
  }

  private func number(_ text: String?, _ key: String, _ name: String) throws(Diagnostic) -> Int? {
    guard let text, !text.isEmpty else { return nil }
    guard let value = Int(text), value >= 0 else {
      throw Diagnostic(
        id: "onnx.external.range", "tensor '\(name)' has external data with \(key) '\(text)'")
    }
    return value
  }

  private func open(_ location: String, _ name: String) throws(Diagnostic) -> MappedFile {
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    guard !location.hasPrefix("/"), !parts.contains(".."), !location.contains("\\") else {
      throw escape(location, name)
    }
    let path = folder + "/" + location
    guard let root = resolved(folder), let target = resolved(path) else {
      throw Diagnostic(
        id: "onnx.external.location",
        "tensor '\(name)' is in '\(location)', which is not beside "
          + "the model")
    }
    guard target.hasPrefix(root == "/" ? "/" : root + "/") else { throw escape(location, name) }
    if let file = files[target] { return file }
    let file = try MappedFile(path: target, limit: 1 << 40)
    files[target] = file
    return file
  }

  private func escape(_ location: String, _ name: String) -> Diagnostic {
    Diagnostic(
      id: "onnx.external.escape",
      "tensor '\(name)' is in '\(location)', which leaves the model's "
        + "folder; only files within it are read")
  }

  private func resolved(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
