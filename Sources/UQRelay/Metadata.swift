import UQNumerics
import UQSupport

/// The document behind `#[metadata]`: TVM's object graph, whose arrays stay text until used.
struct Metadata {
  /// An object.
  struct Node {
    var typeKey = ""
    /// Fields as text, by name.
    var attributes: [(name: String, value: Range<Int>)] = []
    var keys: [Range<Int>] = []
    var data: [Int] = []
    var text: Range<Int>?

    /// The text of a field.
    func attribute(_ name: String) -> Range<Int>? {
      attributes.first { $0.name == name }?.value
    }
  }

  let source: SourceText
  private(set) var nodes: [Node] = []
  private(set) var arrays: [Range<Int>] = []
  private var root = 0
  private let start: Int

  /// Reads the document in a range of the text.
  ///
  /// - Throws: `relay.metadata.syntax`, `relay.metadata.root`.
  init(_ source: SourceText, _ range: Range<Int>) throws(Diagnostic) {
    self.source = source
    start = range.lowerBound
    var scanner = JSONScanner(source, range)
    try scanner.object { name, scanner throws(Diagnostic) in
      switch name {
      case "root": root = try scanner.integer()
      case "nodes":
        try scanner.array { scanner throws(Diagnostic) in nodes.append(try Self.node(&scanner)) }
      case "b64ndarrays":
        try scanner.array { scanner throws(Diagnostic) in arrays.append(try scanner.string()) }
      default: try scanner.skipValue()
      }
    }
    try scanner.expectEnd()
    for array in arrays { source.release(array) }
  }

  private static func node(_ scanner: inout JSONScanner) throws(Diagnostic) -> Node {
    var node = Node()
    try scanner.object { name, scanner throws(Diagnostic) in
      switch name {
      case "type_key": node.typeKey = scanner.text(try scanner.string())
      case "repr_str", "repr_b64": node.text = try scanner.string()
      case "attrs":
        try scanner.object { key, scanner throws(Diagnostic) in
          node.attributes.append((key, try scanner.string()))
        }
      case "keys":
        try scanner.array { scanner throws(Diagnostic) in node.keys.append(try scanner.string()) }
      case "data":
        try scanner.array { scanner throws(Diagnostic) in node.data.append(try scanner.integer()) }
      default: try scanner.skipValue()
      }
    }
    return node
  }

  /// The object that `meta[key][index]` names.
  ///
  /// - Throws: `relay.metadata.key`, `relay.metadata.index`, `relay.metadata.root`.
  func object(_ key: String, _ index: Int, at offset: Int) throws(Diagnostic) -> Node {
    guard nodes.indices.contains(root) else {
      throw source.problem(
        "relay.metadata.root", "the metadata's root is object \(root) of \(nodes.count)", at: start)
    }
    let map = nodes[root]
    guard let position = map.keys.firstIndex(where: { source.string($0) == key }),
      position < map.data.count, nodes.indices.contains(map.data[position])
    else {
      throw source.problem(
        "relay.metadata.key", "the metadata holds no objects of type '\(key)'", at: offset)
    }
    let list = nodes[map.data[position]].data
    guard list.indices.contains(index), nodes.indices.contains(list[index]) else {
      throw source.problem(
        "relay.metadata.index",
        "the metadata holds \(list.count) objects of type '\(key)', not \(index + 1)",
        at: offset)
    }
    return nodes[list[index]]
  }

  /// The tensor of `meta[relay.Constant][index]`.
  ///
  /// - Throws: `relay.metadata.*`; `relay.constant.unsupported` for an element type beyond this
  ///   project's.
  func constant(_ index: Int, at offset: Int) throws(Diagnostic) -> Tensor {
    let node = try object("relay.Constant", index, at: offset)
    guard let field = node.attribute("data"), let position = Int(source.string(field)),
      arrays.indices.contains(position)
    else {
      throw source.problem(
        "relay.metadata.array", "meta[relay.Constant][\(index)] has no array in the metadata",
        at: offset)
    }
    let range = arrays[position]
    let text = UnsafeRawBufferPointer(rebasing: source.bytes[range])
    defer { source.release(range) }
    guard let decoded = DecodedBytes(base64: text) else {
      throw source.problem(
        "relay.metadata.base64", "array \(position) is not base64", at: range.lowerBound)
    }
    do throws(StoredArray.Problem) {
      return try StoredArray(decoded.bytes, at: 0, owner: decoded).tensor
    } catch {
      throw source.problem(
        error.isUnsupported ? "relay.constant.unsupported" : "relay.metadata.array",
        "meta[relay.Constant][\(index)] \(error.message)", at: offset)
    }
  }

  /// The attributes of a whole attribute object.
  ///
  /// - Throws: `relay.metadata.*`.
  func attributes(_ key: String, _ index: Int, at offset: Int) throws(Diagnostic)
    -> [(name: String, text: String)]
  {
    try object(key, index, at: offset).attributes.map { ($0.name, source.string($0.value)) }
  }

  /// The numbers of an array of `IntImm`, or the number of a single one.
  func integers(ofObject index: Int) -> [Int]? {
    values(ofObject: index)?.mapped { Int($0) }
  }

  /// The numbers of an array of `FloatImm` and `IntImm`, or the number of a single one.
  func numbers(ofObject index: Int) -> [Float]? {
    values(ofObject: index)?.mapped { Double($0).map(Float.init) }
  }

  /// The texts of the numbers of an array, or of a single one.
  private func values(ofObject index: Int, depth: Int = 0) -> [String]? {
    guard nodes.indices.contains(index), depth < 4 else { return nil }
    let node = nodes[index]
    if node.typeKey == "Array" {
      var result: [String] = []
      for element in node.data {
        guard let inner = values(ofObject: element, depth: depth + 1) else { return nil }
        result += inner
      }
      return result
    }
    return node.attribute("value").map { [source.string($0)] }
  }

  /// The text of a string object.
  func string(ofObject index: Int) -> String? {
    guard nodes.indices.contains(index) else { return nil }
    let node = nodes[index]
    guard node.typeKey.hasSuffix("String") || node.typeKey == "StringImm" else { return nil }
    return node.text.map { source.string($0) } ?? ""
  }

  /// The type key of an object.
  func typeKey(ofObject index: Int) -> String? {
    nodes.indices.contains(index) ? nodes[index].typeKey : nil
  }
}

extension [String] {
  /// Every element mapped; `nil` where one has no value.
  fileprivate func mapped<Number>(_ number: (String) -> Number?) -> [Number]? {
    let numbers = compactMap(number)
    return numbers.count == count ? numbers : nil
  }
}
