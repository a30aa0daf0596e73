import COnnx
import CProtobufC
import UQNumerics
import UQSupport

/// A tensor as the file has it, converted when something uses it.
struct StoredTensor {
  /// The message.
  let proto: UnsafePointer<Onnx__TensorProto>
  /// Keeps the message alive.
  let owner: AnyObject
  /// Where its elements are if not in the message.
  let external: ExternalData

  /// The name; may be empty for attributes.
  var name: String { text(proto.pointee.name) }
  /// The element type in the file.
  var dataType: OnnxElementType { OnnxElementType(rawValue: Int(proto.pointee.data_type)) }
  /// Whether the elements are text.
  var isText: Bool { dataType == .string }

  /// The extents.
  ///
  /// - Throws: `onnx.tensor.shape` where one is negative or the count is beyond 2^40.
  func shape() throws(Diagnostic) -> Shape {
    let dims = UnsafeBufferPointer(start: proto.pointee.dims, count: proto.pointee.n_dims)
    return try soundShape(dims.map(Int.init), of: "tensor '\(name)'")
  }

  /// The text elements.
  var texts: [String] {
    let data = UnsafeBufferPointer(
      start: proto.pointee.string_data, count: proto.pointee.n_string_data)
    return data.map { text($0) }
  }

  /// The tensor, its elements borrowed from the message or the external file where they can be.
  ///
  /// - Throws: `onnx.tensor.type`, `onnx.tensor.shape`, `onnx.tensor.data`,
  ///   `onnx.tensor.segment`, `onnx.external.*`.
  func tensor() throws(Diagnostic) -> Tensor {
    let message = proto.pointee
    guard dataType.bits > 0, let element = dataType.element else {
      throw Diagnostic(
        id: "onnx.tensor.type", "tensor '\(name)' cannot be read: \(dataType.refusal)")
    }
    guard message.segment == nil else {
      throw Diagnostic(
        id: "onnx.tensor.segment",
        "tensor '\(name)' is stored in segments, which no known "
          + "exporter writes")
    }
    let shape = try shape()
    if message.has_data_location != 0, message.data_location == 1 {
      let (bytes, file) = try external.bytes(
        of: proto, length: storedByteCount(shape), name: name)
      return try tensor(element, shape, raw: bytes, owner: file)
    }
    let typed =
      message.n_float_data + message.n_int32_data + message.n_int64_data + message.n_double_data
      + message.n_uint64_data + message.n_string_data
    if message.has_raw_data != 0, message.raw_data.len > 0 || typed == 0 {
      guard typed == 0 else {
        throw Diagnostic(
          id: "onnx.tensor.data", "tensor '\(name)' has both raw and typed elements")
      }
      let raw = UnsafeRawBufferPointer(start: message.raw_data.data, count: message.raw_data.len)
      return try tensor(element, shape, raw: raw, owner: owner)
    }
    return try typedTensor(element, shape)
  }

  /// Bytes that the elements take in the file.
  private func storedByteCount(_ shape: Shape) -> Int { (shape.count * dataType.bits + 7) / 8 }

  private func tensor(
    _ element: ElementType, _ shape: Shape, raw: UnsafeRawBufferPointer, owner: AnyObject
  ) throws(Diagnostic) -> Tensor {
    let wanted = storedByteCount(shape)
    guard raw.count == wanted else {
      throw Diagnostic(
        id: "onnx.tensor.data",
        "tensor '\(name)' of \(dataType)\(shape) needs \(wanted) bytes, "
          + "has \(raw.count)")
    }
    if shape.count == 0 { return Tensor(zeros: element, shape) }
    if dataType.bits < 8 { return unpacked(element, shape, raw) }
    // A byte other than 0 and 1 is no Bool in Swift.
    if element == .bool { return Tensor(raw.map { $0 != 0 }, shape) }
    let address = raw.baseAddress.map { Int(bitPattern: $0) } ?? 0
    let tensor =
      address % element.byteCount == 0
      ? Tensor(element, shape, borrowing: raw, owner: owner) : Tensor(element, shape, copying: raw)
    guard let tensor else {
      throw Diagnostic(id: "onnx.tensor.data", "tensor '\(name)' has the wrong size")
    }
    return tensor
  }

  private func unpacked(_ element: ElementType, _ shape: Shape, _ raw: UnsafeRawBufferPointer)
    -> Tensor
  {
    let bits = dataType.bits
    let perByte = 8 / bits
    let isSigned = dataType.isSignedSubByte
    var result = Tensor(zeros: element, shape)
    result.withUnsafeMutableBytes { target in
      for index in target.indices {
        let field = raw[index / perByte] >> UInt8(index % perByte * bits)
        if isSigned {
          let high = Int8(truncatingIfNeeded: field << UInt8(8 - bits))
          target[index] = UInt8(bitPattern: high >> Int8(8 - bits))
        } else {
          target[index] = field & (1 << UInt8(bits) - 1)
        }
      }
    }
    return result
  }

  private func typedTensor(_ element: ElementType, _ shape: Shape) throws(Diagnostic) -> Tensor {
    let message = proto.pointee
    if dataType.bits < 8 {
      let bytes = UnsafeBufferPointer(start: message.int32_data, count: message.n_int32_data)
        .map { UInt8(truncatingIfNeeded: $0) }
      try checkCount(bytes.count, storedByteCount(shape), "int32_data", shape)
      return bytes.withUnsafeBytes { unpacked(element, shape, $0) }
    }
    switch element {
    case .float32: return try borrowed(message.float_data, message.n_float_data, element, shape)
    case .float64: return try borrowed(message.double_data, message.n_double_data, element, shape)
    case .int64: return try borrowed(message.int64_data, message.n_int64_data, element, shape)
    case .int32: return try borrowed(message.int32_data, message.n_int32_data, element, shape)
    case .uint64: return try borrowed(message.uint64_data, message.n_uint64_data, element, shape)
    case .uint32:
      try checkCount(message.n_uint64_data, shape.count, "uint64_data", shape)
      let data = UnsafeBufferPointer(start: message.uint64_data, count: message.n_uint64_data)
      return Tensor(data.map { UInt32(truncatingIfNeeded: $0) }, shape)
    case .float16, .bfloat16, .int16, .uint16, .int8, .uint8, .bool:
      try checkCount(message.n_int32_data, shape.count, "int32_data", shape)
      let data = UnsafeBufferPointer(start: message.int32_data, count: message.n_int32_data)
      var result = Tensor(zeros: element, shape)
      result.withUnsafeMutableBytes { target in
        if element.byteCount == 2 {
          let target = target.bindMemory(to: UInt16.self)
          for index in data.indices { target[index] = UInt16(truncatingIfNeeded: data[index]) }
        } else if element == .bool {
          for index in data.indices { target[index] = data[index] == 0 ? 0 : 1 }
        } else {
          for index in data.indices { target[index] = UInt8(truncatingIfNeeded: data[index]) }
        }
      }
      return result
    }
  }

  private func borrowed<T>(
    _ start: UnsafeMutablePointer<T>?, _ count: Int, _ element: ElementType, _ shape: Shape
  ) throws(Diagnostic) -> Tensor {
    try checkCount(count, shape.count, "\(element) data", shape)
    if count == 0 { return Tensor(zeros: element, shape) }
    let bytes = UnsafeRawBufferPointer(UnsafeBufferPointer(start: start, count: count))
    guard let result = Tensor(element, shape, borrowing: bytes, owner: owner) else {
      throw Diagnostic(id: "onnx.tensor.data", "tensor '\(name)' has the wrong size")
    }
    return result
  }

  private func checkCount(_ count: Int, _ wanted: Int, _ field: String, _ shape: Shape)
    throws(Diagnostic)
  {
    guard count == wanted else {
      throw Diagnostic(
        id: "onnx.tensor.data",
        "tensor '\(name)' of \(dataType)\(shape) needs \(wanted) elements "
          + "in \(field), has \(count)")
    }
  }
}

/// A shape whose extents and count are far from overflow.
///
/// - Throws: `onnx.tensor.shape`.
func soundShape(_ dimensions: [Int], of subject: String) throws(Diagnostic) -> Shape {
  var product = 1
  for extent in dimensions {
    guard extent >= 0 else {
      throw Diagnostic(
        id: "onnx.tensor.shape", "\(subject) has a negative extent in \(dimensions)")
    }
    // Extents of 0 are left out, so that strides cannot overflow either.
    let (next, overflow) = product.multipliedReportingOverflow(by: max(extent, 1))
    guard !overflow, next <= 1 << 40 else {
      throw Diagnostic(
        id: "onnx.tensor.shape", "\(subject) has more than 2^40 elements: \(dimensions)")
    }
    product = next
  }
  guard dimensions.count <= 64, let shape = Shape(checking: dimensions) else {
    throw Diagnostic(
      id: "onnx.tensor.shape", "\(subject) has \(dimensions.count) axes, at most 64 are read")
  }
  return shape
}
