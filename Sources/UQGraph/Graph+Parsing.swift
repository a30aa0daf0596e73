import Foundation
import UQNumerics
import UQSupport

extension Graph {
  /// The graph that a `.uqir` text describes; grammar in `Schemas/uqir.ebnf`.
  ///
  /// - Parameters:
  ///   - file: path for messages.
  ///   - operators: the operators that nodes may apply, found by the name of their spec.
  /// - Throws: `uqir.*` with line and column, or `Diagnostics` of ``verify()``.
  public static func parse(
    _ text: String, file: String? = nil, operators: [any Operator.Type]
  ) throws -> Graph {
    var parser = GraphParser(text, file: file, operators: operators)
    let graph = try parser.parsed()
    try graph.verify()
    return graph
  }
}

private struct GraphParser {
  private var scanner: GraphScanner
  private var operators: [String: any Operator.Type] = [:]
  private var graph = Graph(name: "")
  private var ids: [String: ValueID] = [:]

  /// Most elements that a constant of one repeated element may have.
  private static let splatLimit = 1 << 24

  init(_ text: String, file: String?, operators: [any Operator.Type]) {
    scanner = GraphScanner(text, file: file)
    for kind in operators { self.operators[kind.spec.name] = kind }
  }

  mutating func parsed() throws(Diagnostic) -> Graph {
    let start = try scanner.word("'graph'")
    guard start == "graph" else {
      throw scanner.problem("uqir.text.syntax", "expected 'graph', found '\(start)'", at: 0)
    }
    graph.name = try scanner.string()
    try scanner.expect("{")
    while !scanner.take("}") {
      if scanner.sees("%") {
        try node()
        continue
      }
      let offset = scanner.position
      switch try scanner.word("a value, 'input', 'constant', 'output' or '}'") {
      case "input": graph.inputs.append(try declaration())
      case "constant": try constant()
      case "output":
        let name = try scanner.string()
        try scanner.expect("=")
        graph.outputs.append(try reference())
        graph.outputNames.append(name)
      case let word:
        throw scanner.problem(
          "uqir.text.syntax",
          "expected a value, 'input', 'constant', 'output' or '}', found '\(word)'",
          at: offset)
      }
    }
    scanner.skipSpace()
    guard scanner.isAtEnd else {
      throw scanner.problem("uqir.text.syntax", "text after the graph: \(scanner.found)")
    }
    return graph
  }

  private mutating func node() throws(Diagnostic) {
    var results = [try declaration()]
    while scanner.take(",") { results.append(try declaration()) }
    try scanner.expect("=")
    scanner.skipSpace()
    let start = scanner.position
    let name = try scanner.word("an operator")
    guard let kind = operators[name] else {
      throw scanner.problem("uqir.operator.unknown", "there is no operator '\(name)'", at: start)
    }
    try scanner.expect("(")
    var operands: [ValueID?] = []
    while !scanner.take(")") {
      if !operands.isEmpty { try scanner.expect(",") }
      operands.append(scanner.take("_") ? nil : try reference())
    }
    let attributes = scanner.sees("{") ? try scanner.object() : ("{}", start)
    let op = try decodeOperator(kind, attributes.0, at: attributes.1)
    let nodeName = scanner.take("@") ? try scanner.string() : graph[results[0]].name
    graph.nodes.append(Node(name: nodeName, op: op, operands: operands, results: results))
  }

  private mutating func constant() throws(Diagnostic) {
    let id = try declaration()
    try scanner.expect("=")
    graph[id].constant = try content(graph.type(of: id))
  }

  private mutating func declaration() throws(Diagnostic) -> ValueID {
    let start = scanner.position
    let name = try valueName()
    guard ids[name] == nil else {
      throw scanner.problem("uqir.value.twice", "'\(name)' is declared twice", at: start)
    }
    try scanner.expect(":")
    let id = graph.append(Value(name: name, type: try type()))
    ids[name] = id
    return id
  }

  private mutating func reference() throws(Diagnostic) -> ValueID {
    scanner.skipSpace()
    let start = scanner.position
    let name = try valueName()
    guard let id = ids[name] else {
      throw scanner.problem("uqir.value.unknown", "'\(name)' is not declared before", at: start)
    }
    return id
  }

  private mutating func valueName() throws(Diagnostic) -> String {
    try scanner.expect("%")
    return scanner.sees("\"") ? try scanner.string() : try scanner.word("a name")
  }

  private mutating func type() throws(Diagnostic) -> TensorType {
    scanner.skipSpace()
    let start = scanner.position
    let name = try scanner.word("an element type")
    guard let element = ElementType(rawValue: name) else {
      throw scanner.problem("uqir.type.malformed", "there is no element type '\(name)'", at: start)
    }
    try scanner.expect("[")
    var extents: [Int] = []
    while !scanner.take("]") {
      if !extents.isEmpty { try scanner.expect(",") }
      let digits = try scanner.number()
      guard let extent = Int(digits), extents.count < 64 else {
        throw scanner.problem("uqir.type.malformed", "'\(digits)' is no extent", at: start)
      }
      extents.append(extent)
    }
    guard let shape = Shape(checking: extents),
      !shape.count.multipliedReportingOverflow(by: element.byteCount).overflow
    else {
      throw scanner.problem("uqir.type.malformed", "\(extents) is no shape", at: start)
    }
    var type = TensorType(element, shape)
    var ahead = scanner
    if (try? ahead.word("")) == "quantized" {
      scanner = ahead
      let json = try scanner.object()
      let quantization = try decode(Quantization.self, json.text, at: json.start)
      guard !quantization.scales.isEmpty, (1...64).contains(quantization.bits) else {
        throw scanner.problem(
          "uqir.type.malformed", "the quantization has no scale or width", at: json.start)
      }
      type.quantization = quantization
    }
    return type
  }

  private mutating func content(_ type: TensorType) throws(Diagnostic) -> Tensor {
    scanner.skipSpace()
    let start = scanner.position
    if scanner.take("[") {
      var items: [String] = []
      while !scanner.take("]") {
        if !items.isEmpty { try scanner.expect(",") }
        items.append(try scanner.number())
      }
      guard items.count == type.shape.count else {
        throw scanner.problem(
          "uqir.constant.count",
          "\(items.count) elements for \(type), which has \(type.shape.count)",
          at: start)
      }
      return try tensor(items, type.element, type.shape, at: start)
    }
    let form = try scanner.word("'[', 'splat', 'base64' or 'sha256'")
    try scanner.expect("(")
    let result: Tensor
    switch form {
    case "splat":
      let one = try tensor([try scanner.number()], type.element, [], at: start)
      guard type.shape.count <= Self.splatLimit else {
        throw scanner.problem("uqir.constant.count", "\(type) is too large to repeat", at: start)
      }
      result = one.repeated(type.shape)
    case "base64":
      let data = Data(base64Encoded: scanner.base64())
      let read = data?.withUnsafeBytes { Tensor(type.element, type.shape, copying: $0) }
      guard case let tensor?? = read else {
        throw scanner.problem(
          "uqir.constant.payload", "the payload is not base64 of \(type.byteCount) bytes", at: start
        )
      }
      result = tensor
    case "sha256":
      throw scanner.problem(
        "uqir.constant.digest",
        "the constant has a digest in place of its elements; print the graph with payloads",
        at: start)
    default: throw scanner.problem("uqir.text.syntax", "unknown form '\(form)'", at: start)
    }
    try scanner.expect(")")
    return result
  }

  private func tensor(
    _ items: [String], _ element: ElementType, _ shape: Shape, at offset: Int
  ) throws(Diagnostic) -> Tensor {
    switch element {
    case .float64: return Tensor(try numbers(items, Double.init, offset), shape)
    case .float32: return Tensor(try numbers(items, Float.init, offset), shape)
    case .float16, .bfloat16:
      return Tensor(try numbers(items, Float.init, offset), shape).converted(to: element)
    case .uint64: return Tensor(try numbers(items, { UInt64($0) }, offset), shape)
    case .bool: return Tensor(try numbers(items, Bool.init, offset), shape)
    default:
      let values = try numbers(items, { Int64($0) }, offset)
      let result = Tensor(values, shape).converted(to: element)
      guard result.converted(to: .int64).elements(Int64.self) == values else {
        throw scanner.problem(
          "uqir.constant.range", "an element does not fit \(element)", at: offset)
      }
      return result
    }
  }

  private func numbers<T>(
    _ items: [String], _ read: (String) -> T?, _ offset: Int
  ) throws(Diagnostic) -> [T] {
    var result: [T] = []
    for item in items {
      guard let value = read(item) else {
        throw scanner.problem("uqir.constant.element", "'\(item)' is no \(T.self)", at: offset)
      }
      result.append(value)
    }
    return result
  }

  private func decode<T: Decodable>(
    _ type: T.Type, _ json: String, at offset: Int
  ) throws(Diagnostic) -> T {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do { return try decoder.decode(type, from: Data(json.utf8)) } catch {
      throw scanner.problem("uqir.attributes.malformed", Self.explained(error), at: offset)
    }
  }

  private func decodeOperator(
    _ kind: any Operator.Type, _ json: String, at offset: Int
  ) throws(Diagnostic) -> any Operator {
    func open<T: Operator>(_ type: T.Type) throws(Diagnostic) -> any Operator {
      try decode(type, json, at: offset)
    }
    return try open(kind)
  }

  private static func explained(_ error: any Error) -> String {
    switch error as? DecodingError {
    case .keyNotFound(let key, _): "attribute '\(key.stringValue)' is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context),
      .dataCorrupted(let context):
      "attribute '\(context.codingPath.map(\.stringValue).joined(separator: "."))': "
        + context.debugDescription
    default: "\(error)"
    }
  }
}

extension Tensor {
  /// The only element in every place of a shape.
  fileprivate func repeated(_ shape: Shape) -> Tensor {
    var result = Tensor(zeros: element, shape)
    let size = element.byteCount
    withUnsafeBytes { one in
      result.withUnsafeMutableBytes { all in
        for start in stride(from: 0, to: all.count, by: size) {
          UnsafeMutableRawBufferPointer(rebasing: all[start..<start + size]).copyMemory(from: one)
        }
      }
    }
    return result
  }
}
