import COnnx
import CProtobufC

/// The message types of the schema, as the scanner needs them.
///
/// Made from the descriptors that protoc-c wrote, so there is no second list of field numbers.
struct WireSchema: Sendable {
  /// How a field stands in the file.
  enum Encoding: Sendable {
    case varint
    case fixed32
    case fixed64
    case bytes
    case string
    /// A message, by its position in ``WireSchema/messages``.
    case message(Int)
  }

  /// A field.
  struct Field: Sendable {
    /// How it is written.
    var encoding: Encoding
    /// Whether it occurs any number of times.
    var isRepeated: Bool
    /// Its name.
    var name: String
  }

  /// A message type.
  struct Message: Sendable {
    /// Its name.
    var name: String
    /// Fields by their number.
    var fields: [Field?]
  }

  /// All message types that the root reaches; the root is the first.
  private(set) var messages: [Message] = []

  /// `ModelProto`.
  static let model = WireSchema(root: onnx__model_proto__descriptor)
  /// `TensorProto`.
  static let tensor = WireSchema(root: onnx__tensor_proto__descriptor)

  private init(root: ProtobufCMessageDescriptor) {
    var queue = [root]
    var positions = [String(cString: root.name): 0]
    var next = 0
    while next < queue.count {
      let descriptor = queue[next]
      next += 1
      var message = Message(name: String(cString: descriptor.short_name), fields: [])
      for index in 0..<Int(descriptor.n_fields) {
        let field = descriptor.fields[index]
        let encoding: Encoding
        switch field.type {
        case PROTOBUF_C_TYPE_FLOAT, PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_SFIXED32:
          encoding = .fixed32
        case PROTOBUF_C_TYPE_DOUBLE, PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_SFIXED64:
          encoding = .fixed64
        case PROTOBUF_C_TYPE_STRING: encoding = .string
        case PROTOBUF_C_TYPE_BYTES: encoding = .bytes
        case PROTOBUF_C_TYPE_MESSAGE:
          let inner = field.descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
            .pointee
          let name = String(cString: inner.name)
          if positions[name] == nil {
            positions[name] = queue.count
            queue.append(inner)
          }
          encoding = .message(positions[name] ?? 0)
        default: encoding = .varint
        }
        let number = Int(field.id)
        while message.fields.count <= number { message.fields.append(nil) }
        message.fields[number] = Field(
          encoding: encoding, isRepeated: field.label == PROTOBUF_C_LABEL_REPEATED,
          name: String(cString: field.name))
      }
      messages.append(message)
    }
  }
}
