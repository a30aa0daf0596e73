import Foundation
import UQSupport

/// Recognises files that are handed over as ONNX models and are something else.
enum FileKind {
  private static let magic: [(offset: Int, bytes: [UInt8], advice: String)] = [
    (
      0, Array("PK\u{3}\u{4}".utf8),
      "is a zip archive (PyTorch, Keras 3 or .npz); export the network with torch.onnx.export "
        + "or tf2onnx"
    ),
    (4, Array("TFL3".utf8), "is a TensorFlow Lite model; convert it with tf2onnx --tflite"),
    (4, Array("ORTM".utf8), "is an ONNX Runtime .ort model; give the .onnx file it was made from"),
    (0, [0x89] + Array("HDF\r\n".utf8), "is an HDF5 file (Keras 2); convert it with tf2onnx"),
    (0, [0x93] + Array("NUMPY".utf8), "is a NumPy array; give the model, and the array as data"),
    (0, [0x1F, 0x8B], "is compressed with gzip; unpack it first"),
    (0, Array("GGUF".utf8), "is a GGUF model; only ONNX is read"),
    (0, Array("PACK".utf8), "is a git pack, not an ONNX model"),
    (0, [0x89] + Array("PNG".utf8), "is a PNG image"),
    (0, [0xFF, 0xD8, 0xFF], "is a JPEG image"),
    (0, [0x80, 0x02], "is a Python pickle (PyTorch); export it with torch.onnx.export"),
    (0, [0x80, 0x04], "is a Python pickle; export the network to ONNX"),
    (0, [0x80, 0x05], "is a Python pickle; export the network to ONNX"),
    (0, [0x7F] + Array("ELF".utf8), "is a program"),
    (
      0, Array("version https://git-lfs".utf8),
      "is a Git LFS pointer, not the model; fetch it with 'git lfs pull'"
    ),
    (0, Array("#[version".utf8), "is a Relay program; name it .relay"),
  ]

  /// Refuses what is plainly not an ONNX file.
  ///
  /// - Throws: `onnx.file.empty`, `onnx.file.kind`.
  static func check(_ bytes: UnsafeRawBufferPointer, at place: SourcePlace) throws(Diagnostic) {
    guard !bytes.isEmpty else {
      throw Diagnostic(id: "onnx.file.empty", "the file is empty", at: place)
    }
    for (offset, pattern, advice) in magic where bytes.count >= offset + pattern.count {
      if bytes[offset..<(offset + pattern.count)].elementsEqual(pattern) {
        throw Diagnostic(id: "onnx.file.kind", advice, at: place)
      }
    }
    let start = bytes.prefix(512)
    let isText = start.allSatisfy { ($0 >= 0x20 && $0 < 0x7F) || (0x09...0x0D).contains($0) }
    if isText && bytes.count >= 4 {
      throw Diagnostic(
        id: "onnx.file.kind", "is text, not an ONNX model (a binary protobuf)", at: place)
    }
  }
}
