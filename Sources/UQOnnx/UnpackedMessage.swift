import COnnx
import CProtobufC
import UQSupport

/// A message in protobuf-c's memory, freed with the object; tensors borrow their elements from it.
final class UnpackedMessage<Message>: @unchecked Sendable {
  /// The message.
  let pointer: UnsafePointer<Message>
  private let base: UnsafeMutablePointer<ProtobufCMessage>

  init(_ message: UnsafeMutablePointer<Message>) {
    pointer = UnsafePointer(message)
    base = UnsafeMutableRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self)
  }

  deinit { protobuf_c_message_free_unpacked(base, nil) }
}

extension UnpackedMessage where Message == Onnx__ModelProto {
  /// Unpacks a model that ``WireScanner`` accepted.
  convenience init(model file: MappedFile) throws(Diagnostic) {
    let place = SourcePlace(file: file.path)
    try FileKind.check(file.bytes, at: place)
    try WireScanner.scan(file.bytes, schema: .model, at: place)
    let data = file.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    guard let message = onnx__model_proto__unpack(nil, file.bytes.count, data) else {
      throw Diagnostic(
        id: "onnx.file.malformed", "is not an ONNX model, or damaged", at: place)
    }
    self.init(message)
  }
}

extension UnpackedMessage where Message == Onnx__TensorProto {
  /// Unpacks a tensor that ``WireScanner`` accepted.
  convenience init(tensor file: MappedFile) throws(Diagnostic) {
    let place = SourcePlace(file: file.path)
    guard !file.bytes.isEmpty else {
      throw Diagnostic(id: "onnx.file.empty", "the file is empty", at: place)
    }
    try WireScanner.scan(file.bytes, schema: .tensor, at: place)
    let data = file.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    guard let message = onnx__tensor_proto__unpack(nil, file.bytes.count, data) else {
      throw Diagnostic(
        id: "onnx.file.malformed", "is not an ONNX tensor, or damaged", at: place)
    }
    self.init(message)
  }
}

/// The text behind a C string; empty where there is none, ill-formed UTF-8 repaired.
func text(_ string: UnsafePointer<CChar>?) -> String { string.map { String(cString: $0) } ?? "" }

/// The text behind a C string; empty where there is none, ill-formed UTF-8 repaired.
func text(_ string: UnsafeMutablePointer<CChar>?) -> String {
  string.map { String(cString: $0) } ?? ""
}

/// The text in a byte field, ill-formed UTF-8 repaired.
func text(_ data: ProtobufCBinaryData) -> String {
  String(decoding: UnsafeBufferPointer(start: data.data, count: data.len), as: UTF8.self)
}

/// The messages of a repeated field.
func messages<T>(
  _ start: UnsafeMutablePointer<UnsafeMutablePointer<T>?>?, _ count: Int
) -> [UnsafePointer<T>] {
  UnsafeBufferPointer(start: start, count: start == nil ? 0 : count).compactMap {
    $0.map { UnsafePointer($0) }
  }
}

/// The texts of a repeated field.
func texts(
  _ start: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int
) -> [String] {
  UnsafeBufferPointer(start: start, count: start == nil ? 0 : count).map { text($0) }
}
