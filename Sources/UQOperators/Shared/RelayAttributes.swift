import UQGraph
import UQNumerics
import UQSupport

extension ForeignNode {
  /// A list of integers; `nil` where the attribute is absent or `None`.
  ///
  /// - Throws: `import.attribute.type`.
  func listed(_ key: String) throws(Diagnostic) -> [Int]? {
    if isNone(key) { return nil }
    if case .floats(let values) = attributes[key] {
      // A list such as `scale=[2f, 2f]` may be meant as integers.
      let integers = values.compactMap { Int(exactly: $0) }
      if integers.count == values.count { return integers }
    }
    return try ints(key)
  }

  /// An integer; `nil` where the attribute is absent or `None`.
  ///
  /// - Throws: `import.attribute.type`.
  func optionalInt(_ key: String) throws(Diagnostic) -> Int? {
    if isNone(key) { return nil }
    if case .ints(let values) = attributes[key], values.count == 1 { return values[0] }
    return try int(key)
  }

  /// A truth value.
  ///
  /// - Throws: `import.attribute.type`.
  func flag(_ key: String, default fallback: Bool = false) throws(Diagnostic) -> Bool {
    if isNone(key) { return fallback }
    return try int(key) != 0
  }

  /// A string; the fallback where the attribute is absent or empty.
  ///
  /// - Throws: `import.attribute.type`.
  func text(_ key: String, default fallback: String) throws(Diagnostic) -> String {
    if isNone(key) { return fallback }
    let value = try string(key)
    return value.isEmpty ? fallback : value
  }

  /// Pairs of integers, which arrive flattened or as one string for each pair.
  ///
  /// - Throws: `import.attribute.type`.
  func pairs(_ key: String) throws(Diagnostic) -> [(Int, Int)] {
    var flat: [Int] = []
    if case .strings(let rows) = attributes[key] {
      flat = rows.flatMap { $0.split { !"-0123456789".contains($0) }.compactMap { Int($0) } }
    } else {
      flat = try ints(key) ?? []
    }
    guard flat.count.isMultiple(of: 2) else {
      throw Diagnostic(
        id: "import.attribute.type", "attribute '\(key)' is \(flat), not pairs of integers",
        at: place)
    }
    return stride(from: 0, to: flat.count, by: 2).map { (flat[$0], flat[$0 + 1]) }
  }

  /// An element type; `nil` where the attribute is absent or unset.
  ///
  /// - Throws: `import.attribute.type` for a name that is none.
  func elementType(_ key: String) throws(Diagnostic) -> ElementType? {
    let name = try text(key, default: "")
    if name.isEmpty || name == "void" { return nil }
    guard let element = ElementType(rawValue: name) else {
      throw Diagnostic(
        id: "import.attribute.type", "attribute '\(key)' is '\(name)', not a supported type",
        at: place)
    }
    return element
  }

  private func isNone(_ key: String) -> Bool {
    guard let value = attributes[key] else { return true }
    return value == .string("None") || value == .string("nullptr")
  }

  /// Refuses integer operands of an operator that is exact only on floating-point numbers.
  ///
  /// - Throws: `import.relay.integer`.
  func requireFloat(_ type: TensorType) throws(Diagnostic) {
    guard type.element.isFloat else {
      throw Diagnostic(
        id: "import.relay.integer",
        "\(operatorName) of \(type) is not supported; floating-point numbers are", at: place)
    }
  }
}
