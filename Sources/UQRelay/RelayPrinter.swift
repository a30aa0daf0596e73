import Foundation
import UQGraph
import UQNumerics
import UQSupport

/// Writes graphs as Relay text, version 0.0.5, with the metadata.
///
/// Constants of rank 0 whose type has a literal stand in the text, exactly; all others are in the
/// metadata. Names of inputs are changed where Relay's grammar does not have them; the model's names
/// of outputs become the attribute `output_tensor_names`, as TFLite imports of TVM have it.
public struct RelayPrinter {
  private let graph: Graph
  private var names: [ValueID: String] = [:]
  private var lines: [String] = []
  private var arrays: [Tensor] = []
  private var stored: [ValueID: Int] = [:]
  private var taken: Set<String> = []
  private var number = 0
  private var problems: [Diagnostic] = []

  /// The text of a graph.
  ///
  /// - Throws: `Diagnostics` with a `relay.print.operator` for every node that Relay has no call for.
  public static func print(_ graph: Graph) throws(Diagnostics) -> String {
    var printer = RelayPrinter(graph)
    return try printer.text()
  }

  private init(_ graph: Graph) { self.graph = graph }

  private mutating func text() throws(Diagnostics) -> String {
    let parameters = graph.inputs.map { id in
      "%\(declare(id)): \(typeText(graph.type(of: id)))"
    }
    for node in graph.nodes { write(node) }
    guard problems.isEmpty else { throw Diagnostics(problems) }
    let results = graph.outputs.map { reference($0) }
    let types = graph.outputs.map { typeText(graph.type(of: $0)) }
    var heading = parameters
    let labels = graph.outputNames
    if labels != labels.indices.map({ "o\($0)" }), !labels.contains(where: { $0.contains("\"") }) {
      heading.append("output_tensor_names=[\(labels.map { "\"\($0)\"" }.joined(separator: ", "))]")
    }
    let single = results.count == 1
    var text = "#[version = \"0.0.5\"]\ndef @main(\(heading.joined(separator: ", "))) -> "
    text += (single ? types[0] : tuple(types)) + " {\n"
    text += lines.map { "  \($0)\n" }.joined()
    text += "  " + (single ? results[0] : tuple(results)) + "\n}\n"
    if !arrays.isEmpty { text += "\n" + metadata }
    return text
  }

  private func tuple(_ parts: [String]) -> String {
    parts.count == 1 ? "(\(parts[0]),)" : "(\(parts.joined(separator: ", ")))"
  }

  private func typeText(_ type: TensorType) -> String {
    let extents = type.shape.dimensions.map(String.init).joined(separator: ", ")
    return "Tensor[(\(extents)), \(type.element.name)]"
  }

  // MARK: Names

  private mutating func declare(_ id: ValueID) -> String {
    var base = String(
      graph[id].name.unicodeScalars.map { scalar in
        scalar.isASCII && UInt8(scalar.value).isNamePart ? Character(scalar) : "_"
      })
    let isReserved = Token.Keyword(rawValue: base) != nil || base.hasPrefix("inff")
    let startsWithLetter = base.utf8.first.map { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A } ?? false
    if isReserved || !startsWithLetter { base = "v" + base }
    var name = base
    var suffix = 1
    while !taken.insert(name).inserted {
      name = "\(base)_\(suffix)"
      suffix += 1
    }
    names[id] = name
    return name
  }

  private mutating func reference(_ id: ValueID) -> String {
    if let name = names[id] { return "%\(name)" }
    guard let tensor = graph[id].constant else { return "()" }
    if let literal = literal(tensor) { return literal }
    if let index = stored[id] { return "meta[relay.Constant][\(index)]" }
    stored[id] = arrays.count
    arrays.append(tensor)
    return "meta[relay.Constant][\(arrays.count - 1)]"
  }

  // MARK: Nodes

  private mutating func write(_ node: Node) {
    guard let op = node.op as? any RelayPrintable, node.results.count == 1,
      let call = op.relayCall(graph.types(of: node.operands), graph.type(of: node.result))
    else {
      problems.append(
        Diagnostic(
          id: "relay.print.operator",
          "operator '\(node.spec.name)' of these types has no counterpart in Relay",
          at: SourcePlace(node: node.name, operatorName: node.spec.name)))
      return
    }
    let text = bind(call, node)
    names[node.result] = String(text.dropFirst())
  }

  private mutating func bind(_ call: RelayCall, _ node: Node) -> String {
    var parts: [String] = []
    for operand in call.operands { parts.append(text(operand, node)) }
    parts += call.attributes.map { "\($0.name)=\(attribute($0.value))" }
    lines.append("%\(number) = \(call.name)(\(parts.joined(separator: ", ")));")
    number += 1
    return "%\(number - 1)"
  }

  private mutating func text(_ operand: RelayCall.Operand, _ node: Node) -> String {
    switch operand {
    case .operand(let index):
      guard index < node.operands.count, let id = node.operands[index] else { return "()" }
      return reference(id)
    case .constant(let tensor):
      if let literal = literal(tensor) { return literal }
      arrays.append(tensor)
      return "meta[relay.Constant][\(arrays.count - 1)]"
    case .call(let call): return bind(call, node)
    case .tuple(let parts):
      var texts: [String] = []
      for part in parts { texts.append(text(part, node)) }
      return tuple(texts)
    }
  }

  private func attribute(_ value: RelayCall.Attribute) -> String {
    switch value {
    case .int(let value): "\(value)"
    case .float(let value): value.isInfinite ? (value < 0 ? "-inff" : "inff") : "\(value)f"
    case .bool(let value): value ? "True" : "False"
    case .string(let value): "\"\(value)\""
    case .list(let values): "[\(values.map(attribute).joined(separator: ", "))]"
    }
  }

  /// A scalar as the text has it; `nil` where only the metadata holds it exactly.
  private func literal(_ tensor: Tensor) -> String? {
    guard tensor.shape.rank == 0 else { return nil }
    switch tensor.element {
    case .bool: return tensor.integers.first.map { $0 == 0 ? "False" : "True" }
    case .int16: return tensor.integers.first.map { "\($0)i16" }
    case .int32: return tensor.integers.first.map { "\($0)" }
    case .int64:
      return tensor.integers.first.flatMap { $0 == .min ? nil : "\($0)i64" }
    case .float32, .float16:
      let suffix = tensor.element == .float32 ? "f" : "f16"
      return tensor.floats.first.flatMap { $0.isFinite ? "\($0)\(suffix)" : nil }
    case .float64:
      return tensor.elements(Double.self).first.flatMap { $0.isFinite ? "\($0)f64" : nil }
    default: return nil
    }
  }

  // MARK: Metadata

  private var metadata: String {
    let first = 5
    var nodes = [
      "{\"type_key\": \"\"}",
      "{\"type_key\": \"Map\", \"keys\": [\"relay.Constant\"], \"data\": [2]}",
      "{\"type_key\": \"Array\", \"data\": ["
        + arrays.indices.map { "\($0 + first)" }.joined(separator: ", ") + "]}",
      "{\"type_key\": \"VirtualDevice\", \"attrs\": {\"device_type_int\": \"-1\", "
        + "\"memory_scope\": \"4\", \"target\": \"0\", \"virtual_device_id\": \"-1\"}}",
      "{\"type_key\": \"runtime.String\"}",
    ]
    for index in arrays.indices {
      nodes.append(
        "{\"type_key\": \"relay.Constant\", \"attrs\": {\"_checked_type_\": \"0\", "
          + "\"data\": \"\(index)\", \"span\": \"0\", \"virtual_device_\": \"3\"}}")
    }
    let blobs = arrays.map { "\"\(Data(StoredArray.bytes(of: $0)).base64EncodedString())\"" }
    return "#[metadata]\n{\n  \"root\": 1,\n  \"nodes\": [\n    "
      + nodes.joined(separator: ",\n    ") + "\n  ],\n  \"b64ndarrays\": [\n    "
      + blobs.joined(separator: ",\n    ")
      + "\n  ],\n  \"attrs\": {\"tvm_version\": \"0.14.0\"}\n}\n"
  }
}

extension StoredArray {
  /// An array in TVM's binary form.
  static func bytes(of tensor: Tensor) -> [UInt8] {
    var bytes: [UInt8] = []
    func add<T: FixedWidthInteger>(_ value: T) {
      withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
    add(magic)
    add(UInt64(0))
    add(Int32(1))
    add(Int32(0))
    add(Int32(tensor.shape.rank))
    let (code, bits): (UInt8, Int) =
      switch tensor.element {
      case .bool: (1, 1)
      case .bfloat16: (4, 16)
      case _ where tensor.element.isFloat: (2, tensor.element.byteCount * 8)
      case .uint8, .uint16, .uint32, .uint64: (1, tensor.element.byteCount * 8)
      default: (0, tensor.element.byteCount * 8)
      }
    add(code)
    add(UInt8(bits))
    add(UInt16(1))
    for extent in tensor.shape.dimensions { add(Int64(extent)) }
    add(Int64(tensor.byteCount))
    tensor.withUnsafeBytes { bytes += $0 }
    return bytes
  }
}
