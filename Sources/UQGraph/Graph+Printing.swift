import Foundation
import UQNumerics
import UQSupport

/// What the text form holds of constants of more than 16 unequal elements.
public enum ConstantText: Sendable {
  /// A SHA-256 digest: short, to be read by people and compared.
  case digest
  /// The bytes in base64: the text can be parsed again.
  case payload
}

extension Graph {
  /// The graph in the `.uqir` text form; grammar in `Schemas/uqir.ebnf`.
  ///
  /// Inputs come first, each constant in front of the first node that uses it. Values that nothing refers
  /// to are left out. The same graph gives the same bytes.
  public func text(constants: ConstantText = .digest) -> String {
    var printer = GraphPrinter(graph: self, constants: constants)
    return printer.text()
  }
}

private struct GraphPrinter {
  let graph: Graph
  let constants: ConstantText
  private var lines: [String] = []
  private var printed: Set<ValueID> = []

  init(graph: Graph, constants: ConstantText) {
    self.graph = graph
    self.constants = constants
  }

  mutating func text() -> String {
    lines.append("graph \(quoted(graph.name)) {")
    for id in graph.inputs { lines.append("  input \(declaration(id))") }
    for node in graph.nodes {
      for case let id? in node.operands { printConstant(id) }
      lines.append("  " + line(node))
    }
    for (index, id) in graph.outputs.enumerated() {
      printConstant(id)
      let name = index < graph.outputNames.count ? graph.outputNames[index] : ""
      lines.append("  output \(quoted(name)) = \(reference(id))")
    }
    lines.append("}")
    return lines.joined(separator: "\n") + "\n"
  }

  private mutating func printConstant(_ id: ValueID) {
    guard let tensor = graph.constant(id), printed.insert(id).inserted else { return }
    lines.append("  constant \(declaration(id)) = \(content(tensor))")
  }

  private func line(_ node: Node) -> String {
    var text = node.results.map { declaration($0) }.joined(separator: ", ")
    text += " = \(node.spec.name)("
    text += node.operands.map { $0.map(reference) ?? "_" }.joined(separator: ", ") + ")"
    let attributes = attributes(node.op)
    if attributes != "{}" { text += " " + attributes }
    if node.name != graph[node.result].name { text += " @\(quoted(node.name))" }
    return text
  }

  private func declaration(_ id: ValueID) -> String {
    let type = graph.type(of: id)
    var text = "\(reference(id)): \(type)"
    if let quantization = type.quantization { text += " quantized \(json(quantization))" }
    return text
  }

  private func reference(_ id: ValueID) -> String {
    let name = graph[id].name
    // Two slashes would start a comment.
    let isPlain = !name.isEmpty && name.utf8.allSatisfy(isNameByte) && !name.hasPrefix("//")
    return isPlain ? "%\(name)" : "%\(quoted(name))"
  }

  private func attributes(_ op: some Operator) -> String { json(op) }

  private func json(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let data = try? encoder.encode(value) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }

  private func content(_ tensor: Tensor) -> String {
    let size = tensor.element.byteCount
    let isSplat =
      tensor.count > 1
      && tensor.withUnsafeBytes { bytes in
        bytes.dropFirst(size).elementsEqual(bytes.dropLast(size))
      }
    if isSplat, let first = elements(tensor, 1).first { return "splat(\(first))" }
    if tensor.count <= 16 {
      return "[" + elements(tensor, tensor.count).joined(separator: ", ") + "]"
    }
    switch constants {
    case .digest:
      var stream = DigestStream()
      tensor.withUnsafeBytes { stream.update($0) }
      return "sha256(\(stream.finish()))"
    case .payload:
      return "base64(\(tensor.withUnsafeBytes { Data($0).base64EncodedString() }))"
    }
  }

  /// The first elements, each so that it is read back exactly.
  private func elements(_ tensor: Tensor, _ count: Int) -> [String] {
    func first<T: TensorElement & CustomStringConvertible>(_: T.Type, _ tensor: Tensor) -> [String]
    {
      tensor.withElements(T.self) { $0.prefix(count).map(\.description) }
    }
    switch tensor.element {
    case .float64: return first(Double.self, tensor)
    case .float32: return first(Float.self, tensor)
    case .float16, .bfloat16: return first(Float.self, tensor.converted(to: .float32))
    case .uint64: return first(UInt64.self, tensor)
    case .bool:
      return first(Int64.self, tensor.converted(to: .int64)).map { $0 == "0" ? "false" : "true" }
    default: return first(Int64.self, tensor.converted(to: .int64))
    }
  }
}

/// Whether a byte may stand in a name without quotes.
func isNameByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
    UInt8(ascii: "/"), UInt8(ascii: "-"):
    true
  default: false
  }
}

/// A string in double quotes; quotes, backslashes and control characters are escaped.
private func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"", "\\": result += "\\" + String(scalar)
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case _ where scalar.value < 32 || scalar.value == 127:
      result += "\\u{" + String(scalar.value, radix: 16) + "}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
