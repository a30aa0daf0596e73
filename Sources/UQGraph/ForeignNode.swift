import UQNumerics
import UQSupport

/// A format that networks are read from.
public enum Dialect: String, Sendable, Hashable, Codable {
  case onnx
  case relay
}

/// An attribute of a node as its format gives it.
public enum ForeignAttribute: Sendable, Equatable {
  case int(Int)
  case float(Float)
  case string(String)
  case tensor(Tensor)
  case ints([Int])
  case floats([Float])
  case strings([String])
}

/// A node as its format gives it, its operands already in the graph being built.
public struct ForeignNode: Sendable {
  /// The format.
  public var dialect: Dialect
  /// Operator domain; empty for the standard one.
  public var domain: String
  /// Operator name: `Conv`, `nn.conv2d`.
  public var operatorName: String
  /// Version of the operator set; 0 where the format has none.
  public var version: Int
  /// Name of the node, unique in the graph.
  public var name: String
  /// Attributes.
  public var attributes: [String: ForeignAttribute]
  /// Operands; `nil` where an optional one is absent.
  public var operands: [ValueID?]
  /// Names of the results; empty where an optional one is not asked for.
  public var results: [String]
  /// Where it stands.
  public var place: SourcePlace

  /// Creates a node.
  public init(
    dialect: Dialect, domain: String = "", operatorName: String, version: Int, name: String,
    attributes: [String: ForeignAttribute] = [:], operands: [ValueID?], results: [String],
    place: SourcePlace
  ) {
    self.dialect = dialect
    self.domain = domain
    self.operatorName = operatorName
    self.version = version
    self.name = name
    self.attributes = attributes
    self.operands = operands
    self.results = results
    self.place = place
  }

  /// An integer attribute.
  ///
  /// - Throws: `import.attribute.type` or, without a default, `import.attribute.missing`.
  public func int(_ key: String, default fallback: Int? = nil) throws(Diagnostic) -> Int {
    switch attributes[key] {
    case .int(let value): return value
    case nil:
      guard let fallback else { throw missing(key) }
      return fallback
    default: throw wrongType(key, "an integer")
    }
  }

  /// A float attribute (an integer is taken as one).
  ///
  /// - Throws: `import.attribute.type` or, without a default, `import.attribute.missing`.
  public func float(_ key: String, default fallback: Float? = nil) throws(Diagnostic) -> Float {
    switch attributes[key] {
    case .float(let value): return value
    case .int(let value): return Float(value)
    case nil:
      guard let fallback else { throw missing(key) }
      return fallback
    default: throw wrongType(key, "a number")
    }
  }

  /// A string attribute.
  ///
  /// - Throws: `import.attribute.type` or, without a default, `import.attribute.missing`.
  public func string(_ key: String, default fallback: String? = nil) throws(Diagnostic) -> String {
    switch attributes[key] {
    case .string(let value): return value
    case nil:
      guard let fallback else { throw missing(key) }
      return fallback
    default: throw wrongType(key, "a string")
    }
  }

  /// A list of integers (a single integer is a list of one); `nil` where absent.
  ///
  /// - Throws: `import.attribute.type`.
  public func ints(_ key: String) throws(Diagnostic) -> [Int]? {
    switch attributes[key] {
    case .ints(let value): return value
    case .int(let value): return [value]
    case .floats(let value) where value.isEmpty: return []
    case nil: return nil
    default: throw wrongType(key, "a list of integers")
    }
  }

  /// The operand at `index`.
  ///
  /// - Throws: `import.operand.missing`.
  public func operand(_ index: Int, _ role: String) throws(Diagnostic) -> ValueID {
    guard index < operands.count, let value = operands[index] else {
      throw Diagnostic(
        id: "import.operand.missing", "operand \(index) (\(role)) is missing", at: place)
    }
    return value
  }

  /// The operand at `index`, or `nil` where absent.
  public func optionalOperand(_ index: Int) -> ValueID? {
    index < operands.count ? operands[index] : nil
  }

  private func missing(_ key: String) -> Diagnostic {
    Diagnostic(id: "import.attribute.missing", "attribute '\(key)' is missing", at: place)
  }

  private func wrongType(_ key: String, _ expected: String) -> Diagnostic {
    Diagnostic(
      id: "import.attribute.type", "attribute '\(key)' is not \(expected)", at: place)
  }
}

/// How a node of a format becomes nodes of the graph.
public struct ImportRule: Sendable {
  /// The format.
  public var dialect: Dialect
  /// Operator domain; empty for the standard one.
  public var domain: String
  /// Operator name in the format.
  public var operatorName: String
  /// Operator-set versions that the rule reads.
  public var versions: ClosedRange<Int>
  /// Adds the nodes and returns a value for each result of the foreign node.
  public var build: @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID]

  /// A rule for an ONNX operator.
  public static func onnx(
    _ name: String, _ versions: ClosedRange<Int> = 1...1000, domain: String = "",
    _ build:
      @escaping @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID]
  ) -> ImportRule {
    ImportRule(
      dialect: .onnx, domain: domain, operatorName: name, versions: versions, build: build)
  }

  /// A rule for a Relay operator.
  public static func relay(
    _ name: String,
    _ build:
      @escaping @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID]
  ) -> ImportRule {
    ImportRule(
      dialect: .relay, domain: "", operatorName: name, versions: 0...0, build: build)
  }
}

/// Something that foreign nodes are imported by: an operator, or a composition of operators.
public protocol ForeignOperator: Sendable {
  /// The rules, one for each name and range of versions.
  static var imports: [ImportRule] { get }
}
