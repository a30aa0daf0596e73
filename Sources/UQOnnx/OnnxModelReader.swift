import COnnx
import CProtobufC
import UQSupport

/// Turns the unpacked messages into values.
///
/// The nesting was bounded by ``WireScanner``, so subgraphs are read recursively.
struct OnnxModelReader {
  /// Versions of the format that are read.
  static let irVersions = 1...14

  private let place: SourcePlace
  private let owner: AnyObject
  private let external: ExternalData
  private var nodeCount = 0
  private var problems: [Diagnostic] = []

  private init(place: SourcePlace, owner: AnyObject, external: ExternalData) {
    self.place = place
    self.owner = owner
    self.external = external
  }

  /// Reads the file at `path`.
  ///
  /// - Throws: `Diagnostics` with `onnx.file.*`, `onnx.model.*`, `onnx.opset.duplicate`,
  ///   `onnx.function.duplicate`.
  static func read(_ path: String) throws -> OnnxModel {
    let file = try MappedFile(path: path)
    let message = try UnpackedMessage<Onnx__ModelProto>(model: file)
    var stream = DigestStream()
    stream.update(file.bytes)
    var reader = OnnxModelReader(
      place: SourcePlace(file: path), owner: message, external: ExternalData(besides: path))
    let model = reader.model(
      message.pointer.pointee, path: path, digest: stream.finish(), byteCount: file.bytes.count)
    guard let model, reader.problems.isEmpty else { throw Diagnostics(reader.problems) }
    return model
  }

  private mutating func model(
    _ proto: Onnx__ModelProto, path: String, digest: Digest, byteCount: Int
  ) -> OnnxModel? {
    guard let graphProto = proto.graph else {
      report(
        proto.has_ir_version == 0 ? "onnx.file.kind" : "onnx.model.graph",
        proto.has_ir_version == 0
          ? "is not an ONNX model: it has neither a version nor a graph" : "has no graph")
      return nil
    }
    guard proto.has_ir_version != 0, proto.ir_version >= 1 else {
      report("onnx.model.version", "has no version of the format (ir_version)")
      return nil
    }
    let version = Int(proto.ir_version)
    if !Self.irVersions.contains(version) {
      report(
        "onnx.model.version",
        "is of IR version \(version), versions 1 to "
          + "\(Self.irVersions.upperBound) are read; export it with an older onnx package")
    }
    var functions: [OnnxFunction.Key: OnnxFunction] = [:]
    for item in messages(proto.functions, proto.n_functions) {
      let function = function(item.pointee)
      if functions.updateValue(function, forKey: function.key) != nil {
        report("onnx.function.duplicate", "defines function '\(function.key.name)' twice")
      }
    }
    var opsets = opsets(proto.opset_import, proto.n_opset_import)
    if version < 3, opsets.isEmpty { opsets[""] = 1 }
    var metadata: [String: String] = [:]
    for entry in messages(proto.metadata_props, proto.n_metadata_props) {
      metadata[text(entry.pointee.key)] = text(entry.pointee.value)
    }
    let graph = graph(graphProto.pointee)
    return OnnxModel(
      path: path, digest: digest, irVersion: version, producer: text(proto.producer_name),
      producerVersion: text(proto.producer_version), metadata: metadata, opsets: opsets,
      graph: graph, functions: functions, external: external, nodeCount: nodeCount,
      byteCount: byteCount)
  }

  private mutating func opsets(
    _ start: UnsafeMutablePointer<UnsafeMutablePointer<Onnx__OperatorSetIdProto>?>?, _ count: Int
  ) -> [String: Int] {
    var result: [String: Int] = [:]
    for item in messages(start, count) {
      let domain = normalizedDomain(text(item.pointee.domain))
      let version = Int(item.pointee.version)
      if let other = result.updateValue(version, forKey: domain), other != version {
        report(
          "onnx.opset.duplicate",
          "imports operator set '\(domain)' as version \(other) and as "
            + "version \(version)")
      }
    }
    return result
  }

  private mutating func function(_ proto: Onnx__FunctionProto) -> OnnxFunction {
    var attributes: [String: OnnxAttribute?] = [:]
    for name in texts(proto.attribute, proto.n_attribute) {
      attributes.updateValue(nil, forKey: name)
    }
    for item in messages(proto.attribute_proto, proto.n_attribute_proto) {
      attributes.updateValue(attribute(item.pointee), forKey: text(item.pointee.name))
    }
    return OnnxFunction(
      key: OnnxFunction.Key(
        domain: normalizedDomain(text(proto.domain)), name: text(proto.name),
        overload: text(proto.overload)),
      inputs: texts(proto.input, proto.n_input), outputs: texts(proto.output, proto.n_output),
      attributes: attributes, nodes: nodes(proto.node, proto.n_node),
      opsets: opsets(proto.opset_import, proto.n_opset_import))
  }

  private mutating func graph(_ proto: Onnx__GraphProto) -> OnnxGraph {
    OnnxGraph(
      name: text(proto.name), nodes: nodes(proto.node, proto.n_node),
      initializers: messages(proto.initializer, proto.n_initializer).map { stored($0) },
      sparseInitializers: messages(proto.sparse_initializer, proto.n_sparse_initializer).map {
        StoredSparseTensor(proto: $0, owner: owner, external: external)
      },
      inputs: messages(proto.input, proto.n_input).map { valueInfo($0.pointee) },
      outputs: messages(proto.output, proto.n_output).map { valueInfo($0.pointee) })
  }

  private mutating func nodes(
    _ start: UnsafeMutablePointer<UnsafeMutablePointer<Onnx__NodeProto>?>?, _ count: Int
  ) -> [OnnxNode] {
    var result: [OnnxNode] = []
    for item in messages(start, count) {
      let proto = item.pointee
      nodeCount += 1
      var attributes: [String: OnnxAttribute] = [:]
      var repeated: [String] = []
      for item in messages(proto.attribute, proto.n_attribute) {
        let name = text(item.pointee.name)
        if attributes.updateValue(attribute(item.pointee), forKey: name) != nil {
          repeated.append(name)
        }
      }
      result.append(
        OnnxNode(
          name: text(proto.name), operatorName: text(proto.op_type),
          domain: normalizedDomain(text(proto.domain)), overload: text(proto.overload),
          inputs: texts(proto.input, proto.n_input), outputs: texts(proto.output, proto.n_output),
          attributes: attributes, repeatedAttributes: repeated))
    }
    return result
  }

  private mutating func attribute(_ proto: Onnx__AttributeProto) -> OnnxAttribute {
    if proto.ref_attr_name != nil, !text(proto.ref_attr_name).isEmpty {
      return .reference(text(proto.ref_attr_name))
    }
    var type = proto.has_type == 0 ? 0 : proto.type.rawValue
    if type == 0 { type = impliedType(proto) }
    switch type {
    case 1: return .float(proto.f)
    case 2: return .int(Int(proto.i))
    case 3: return .string(text(proto.s))
    case 4: return proto.t.map { .tensor(stored($0)) } ?? .other("a tensor that is missing")
    case 5: return proto.g.map { .graph(graph($0.pointee)) } ?? .other("a graph that is missing")
    case 6: return .floats(Array(UnsafeBufferPointer(start: proto.floats, count: proto.n_floats)))
    case 7:
      return .ints(UnsafeBufferPointer(start: proto.ints, count: proto.n_ints).map { Int($0) })
    case 8:
      return .strings(
        UnsafeBufferPointer(start: proto.strings, count: proto.n_strings).map { text($0) })
    case 9: return .other("a list of tensors")
    case 10: return .other("a list of graphs")
    case 11:
      return proto.sparse_tensor.map {
        .sparseTensor(
          StoredSparseTensor(proto: UnsafePointer($0), owner: owner, external: external))
      } ?? .other("a sparse tensor that is missing")
    case 12: return .other("a list of sparse tensors")
    case 13, 14: return .other("a type")
    default: return .other("an attribute of kind \(type)")
    }
  }

  /// The type that the only filled field tells, for files before `type` was written.
  private func impliedType(_ proto: Onnx__AttributeProto) -> UInt32 {
    if proto.has_f != 0 { return 1 }
    if proto.has_i != 0 { return 2 }
    if proto.has_s != 0 { return 3 }
    if proto.t != nil { return 4 }
    if proto.g != nil { return 5 }
    if proto.n_ints > 0 { return 7 }
    if proto.n_strings > 0 { return 8 }
    if proto.n_tensors > 0 { return 9 }
    if proto.n_graphs > 0 { return 10 }
    if proto.sparse_tensor != nil { return 11 }
    if proto.n_sparse_tensors > 0 { return 12 }
    if proto.tp != nil { return 13 }
    // An empty list says nothing of its kind; empty floats are taken for empty integers too.
    return 6
  }

  private func valueInfo(_ proto: Onnx__ValueInfoProto) -> OnnxValueInfo {
    var info = OnnxValueInfo(
      name: text(proto.name), element: nil, dimensions: nil, kind: "a value without a type")
    guard let type = proto.type?.pointee else { return info }
    if let tensor = type.tensor_type?.pointee {
      info.kind = "a tensor"
      info.element = OnnxElementType(rawValue: Int(tensor.elem_type))
      if let shape = tensor.shape?.pointee {
        info.dimensions = messages(shape.dim, shape.n_dim).map { dimension($0.pointee) }
      }
    } else if type.sequence_type != nil {
      info.kind = "a sequence"
    } else if type.map_type != nil {
      info.kind = "a map"
    } else if type.optional_type != nil {
      info.kind = "an optional value"
    } else if type.sparse_tensor_type != nil {
      info.kind = "a sparse tensor"
    } else if type.opaque_type != nil {
      info.kind = "an opaque value"
    }
    return info
  }

  private func dimension(_ proto: Onnx__TensorShapeProto__Dimension) -> OnnxDimension {
    if proto.has_dim_value != 0 { return .fixed(Int(proto.dim_value)) }
    let symbol = text(proto.dim_param)
    return symbol.isEmpty ? .unknown : .symbol(symbol)
  }

  private func stored(_ proto: UnsafePointer<Onnx__TensorProto>) -> StoredTensor {
    StoredTensor(proto: proto, owner: owner, external: external)
  }

  private func stored(_ proto: UnsafeMutablePointer<Onnx__TensorProto>) -> StoredTensor {
    stored(UnsafePointer(proto))
  }

  private mutating func report(_ id: String, _ message: String) {
    problems.append(Diagnostic(id: id, message, at: place))
  }
}
