import COnnx
import CProtobufC
import Foundation
import UQNumerics
import UQSupport

/// A file that holds one ONNX `TensorProto`, as in the test data of the ONNX project (`.pb`).
public enum TensorProtoFile {
  /// Reads the tensor and its name, which may be empty.
  ///
  /// - Throws: `onnx.file.*` where the file is no tensor, `onnx.tensor.*`, `onnx.external.*`.
  public static func read(_ path: String) throws(Diagnostic) -> (name: String, tensor: Tensor) {
    let message = try UnpackedMessage<Onnx__TensorProto>(tensor: MappedFile(path: path))
    let stored = StoredTensor(
      proto: message.pointer, owner: message, external: ExternalData(besides: path))
    do {
      return (stored.name, try stored.tensor())
    } catch {
      throw error.located(in: SourcePlace(file: path))
    }
  }

  /// Writes a tensor, its elements as raw data.
  ///
  /// - Throws: `output.file.write`; an old file stays as it was.
  public static func write(_ tensor: Tensor, name: String = "", to path: String)
    throws(Diagnostic)
  {
    try AtomicFile.write(encode(tensor, name: name), to: path)
  }

  /// The bytes of the file.
  public static func encode(_ tensor: Tensor, name: String = "") -> Data {
    var dims = tensor.shape.dimensions.map(Int64.init)
    var name = name.isEmpty ? [] : Array(name.utf8CString)
    return tensor.withUnsafeBytes { bytes in
      dims.withUnsafeMutableBufferPointer { dims in
        name.withUnsafeMutableBufferPointer { name in
          var message = Onnx__TensorProto()
          onnx__tensor_proto__init(&message)
          message.n_dims = dims.count
          message.dims = dims.baseAddress
          message.has_data_type = 1
          message.data_type = Int32(OnnxElementType(tensor.element).rawValue)
          if !name.isEmpty { message.name = name.baseAddress }
          message.has_raw_data = 1
          message.raw_data.len = bytes.count
          message.raw_data.data = UnsafeMutablePointer(
            mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
          var data = Data(count: onnx__tensor_proto__get_packed_size(&message))
          data.withUnsafeMutableBytes { target in
            _ = onnx__tensor_proto__pack(
              &message, target.baseAddress?.assumingMemoryBound(to: UInt8.self))
          }
          return data
        }
      }
    }
  }
}
