import UQGraph
import UQNumerics
import UQSupport

/// What `uq inspect` shows of a program, also of one that is not wholly supported.
public struct RelayInspection: Sendable {
  /// An input or output.
  public struct Port: Sendable, Hashable {
    /// Name.
    public var name: String
    /// Element type by name; empty where unknown.
    public var type: String
    /// Extents; -1 where unknown.
    public var shape: [Int]
  }

  /// Something that is sound and not supported.
  public struct Unsupported: Sendable, Hashable {
    /// Name of the node; empty where the problem is with no node.
    public var node: String
    /// Operator; `Input` for an input, empty for the language.
    public var operatorName: String
    /// Why, with line and column.
    public var reason: String
  }

  /// Inputs, without those that have a stored value.
  public var inputs: [Port]
  /// Outputs.
  public var outputs: [Port]
  /// Number of calls by operator in the text.
  public var operators: [String: Int]
  /// What is not supported; empty where the program can be imported.
  public var unsupported: [Unsupported]
  /// Elements of the floating-point constants.
  public var parameters: Int
  /// Multiply-accumulates of one inference; `nil` where the graph is incomplete.
  public var macs: Int?
  /// What the files say besides.
  public var info: RelayInfo

  /// Inspects the program at `path`.
  ///
  /// - Throws: `Diagnostics` where the program is malformed or ill-typed.
  public static func read(
    path: String, options: RelayOptions = RelayOptions(), operators: [any ForeignOperator.Type]
  ) throws -> RelayInspection {
    let rules = RelayImporter.ruleTable(operators)
    let program = try RelayProgram.read(
      path: path, params: options.params, known: Set(rules.keys))
    let work = RelayImporter.elaborate(program, options, rules)
    let malformed = work.problems.filter { !$0.isUnsupported }
    guard malformed.isEmpty else { throw Diagnostics(malformed.map(\.diagnostic)) }
    return RelayInspection(program, work)
  }

  private init(_ program: RelayProgram, _ work: Elaborator) {
    let graph = work.builder.graph
    inputs = graph.inputs.map { Self.port(graph[$0].name, graph.type(of: $0)) }
    outputs = work.outputs.map { name, value, type in
      if let value { return Self.port(name, graph.type(of: value)) }
      guard case .tensor(let extents, let element)? = type?.kind else {
        return Port(name: name, type: "", shape: [])
      }
      return Port(name: name, type: element, shape: extents.map { $0 ?? -1 })
    }
    var counts: [String: Int] = [:]
    let bodies =
      program.module.functions.map(\.function.body) + [program.module.expression].compactMap { $0 }
    DeepStack.run {
      for body in bodies {
        body.walk { part in
          guard case .call(let callee, _, _) = part.kind, case .name(let name) = callee.kind,
            work.constructors[name] == nil
          else { return }
          counts[name, default: 0] += 1
        }
      }
    }
    operators = counts
    unsupported = work.problems.map { problem in
      let place = problem.diagnostic.place
      let input = problem.diagnostic.id.hasPrefix("relay.input.")
      let line = place.line.map { " (line \($0), column \(place.column ?? 1))" } ?? ""
      return Unsupported(
        node: place.node ?? "", operatorName: place.operatorName ?? (input ? "Input" : ""),
        reason: problem.diagnostic.message + line)
    }
    parameters = work.parameterCount
    macs = work.problems.isEmpty ? graph.macs : nil
    info = RelayImporter.info(program, work)
  }

  private static func port(_ name: String, _ type: TensorType) -> Port {
    Port(name: name, type: type.element.name, shape: type.shape.dimensions)
  }
}
