/// Where a problem was found: a file, a place in it, and the node of the model it concerns.
public struct SourcePlace: Hashable, Sendable {
  /// Path as the user gave it.
  public var file: String?
  /// Line, from 1.
  public var line: Int?
  /// Column in characters, from 1.
  public var column: Int?
  /// Name of the model's node.
  public var node: String?
  /// Operator of the node, as the model's own format calls it.
  public var operatorName: String?

  /// Creates a place; what is unknown is `nil`.
  public init(
    file: String? = nil, line: Int? = nil, column: Int? = nil, node: String? = nil,
    operatorName: String? = nil
  ) {
    self.file = file
    self.line = line
    self.column = column
    self.node = node
    self.operatorName = operatorName
  }

  /// This place with the gaps filled from `outer`.
  public func within(_ outer: SourcePlace) -> SourcePlace {
    SourcePlace(
      file: file ?? outer.file, line: line ?? outer.line, column: column ?? outer.column,
      node: node ?? outer.node, operatorName: operatorName ?? outer.operatorName)
  }
}

/// One problem: a severity, a stable id, a message that names the values involved, and a place.
///
/// Printed as `FILE[:LINE:COL][: node 'NAME' (Op)]: error: MESSAGE [stable.id]`, the excerpt on the
/// lines below.
public struct Diagnostic: Error, Hashable, Sendable, CustomStringConvertible {
  /// How bad it is.
  public enum Severity: String, Hashable, Sendable {
    case error
    case warning
    case note
  }

  /// How bad it is.
  public var severity: Severity
  /// `area.subject.problem`; never changes once released.
  public var id: String
  /// What is wrong, both values, and the way out where there is one.
  public var message: String
  /// Where it is wrong.
  public var place: SourcePlace
  /// The line of the source with a caret below the place, where the source is a text.
  public var excerpt: String?

  /// Creates a problem.
  public init(
    _ severity: Severity = .error, id: String, _ message: String,
    at place: SourcePlace = SourcePlace(), excerpt: String? = nil
  ) {
    self.severity = severity
    self.id = id
    self.message = message
    self.place = place
    self.excerpt = excerpt
  }

  /// The line for people.
  public var description: String {
    "\(location)\(severity.rawValue): \(explanation)" + (excerpt.map { "\n\($0)" } ?? "")
  }

  /// The same within another message: neither severity nor excerpt.
  public var clause: String { location + explanation }

  private var explanation: String { "\(message) [\(id)]" }

  private var location: String {
    var text = ""
    if let file = place.file {
      text += file
      if let line = place.line { text += ":\(line)" + (place.column.map { ":\($0)" } ?? "") }
      text += ": "
    }
    if let node = place.node {
      text += "node '\(node)'" + (place.operatorName.map { " (\($0))" } ?? "") + ": "
    }
    return text
  }

  /// The same problem, its place completed from `outer`.
  public func located(in outer: SourcePlace) -> Diagnostic {
    var copy = self
    copy.place = place.within(outer)
    return copy
  }
}

/// All problems of a piece of work, thrown together; never empty.
public struct Diagnostics: Error, Sendable, CustomStringConvertible {
  /// The problems, in the order found.
  public var all: [Diagnostic]

  /// Creates the collection.
  public init(_ all: [Diagnostic]) { self.all = all }

  /// A line for each problem.
  public var description: String { all.map(\.description).joined(separator: "\n") }
}

/// The problems behind any error: `Diagnostics` and `Diagnostic` as they are, others wrapped.
public func diagnostics(of error: any Error) -> [Diagnostic] {
  switch error {
  case let many as Diagnostics: many.all
  case let one as Diagnostic: [one]
  default: [Diagnostic(id: "internal.error.unexpected", "\(error)")]
  }
}
