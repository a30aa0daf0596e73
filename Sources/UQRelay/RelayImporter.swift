import UQGraph
import UQNumerics
import UQSupport

/// What a user may say about the import.
public struct RelayOptions: Sendable {
  /// Shapes of inputs by name, where the program leaves them open.
  public var shapes: [String: [Int]]
  /// Path of the parameters; `nil` for `<model>.params` or `params.bin` beside the program.
  public var params: String?

  /// Creates options.
  public init(shapes: [String: [Int]] = [:], params: String? = nil) {
    self.shapes = shapes
    self.params = params
  }
}

/// What a program's files say besides the network.
public struct RelayInfo: Sendable {
  /// SHA-256 of the program's file.
  public var digest: Digest
  /// Version of the text format: `0.0.4` or `0.0.5`.
  public var version: String
  /// Path of the file that the parameters were read from.
  public var parameterFile: String?
  /// Names that the frontend gave the outputs; empty where the text has none.
  public var outputLabels: [String]
  /// What was noticed and does not prevent the import.
  public var warnings: [Diagnostic]
}

/// Reads Relay programs into graphs.
///
/// The importer knows the language and no operator: calls are handed to the import rules of the
/// operators it is given. Their operands are flat: a tuple stands for its fields in order, so that
/// `concatenate((%a, %b))` has two operands and `qnn.concatenate` of n tensors has 3n + 2. Rules of
/// operators that make tuples (`split`, `nn.batch_norm`, `nn.dropout`, `topk`) return a value for
/// each field in order, or for the first ones; what they leave out must not be used. Attributes
/// come as printed: those left out and those that are `None` are absent, booleans are 0 and 1,
/// element types are strings, lists inside lists are joined.
///
/// Parameters of `@main` that have a stored value become constants, the others inputs; a tuple `%t`
/// becomes the inputs `t.0`, `t.1`, ... . The flattened outputs are `o0`, `o1`, ... .
public enum RelayImporter {
  /// Imports the program at `path`: Relay text, or a Model Library Format archive.
  ///
  /// - Parameters:
  ///   - operators: what calls are imported by.
  /// - Throws: `Diagnostics` with every problem: `relay.*`, and what the rules throw.
  public static func load(
    path: String, options: RelayOptions = RelayOptions(), operators: [any ForeignOperator.Type]
  ) throws -> (graph: Graph, info: RelayInfo) {
    let rules = ruleTable(operators)
    let program = try RelayProgram.read(
      path: path, params: options.params, known: Set(rules.keys))
    let work = elaborate(program, options, rules)
    guard work.problems.isEmpty else { throw Diagnostics(work.problems.map(\.diagnostic)) }
    return (work.builder.graph, info(program, work))
  }

  /// Imports a text in memory.
  ///
  /// - Throws: `Diagnostics` with every problem.
  public static func load(
    text: String, options: RelayOptions = RelayOptions(), operators: [any ForeignOperator.Type]
  ) throws -> Graph {
    let rules = ruleTable(operators)
    let source = SourceText(text.utf8)
    var digest = DigestStream()
    digest.update(source.bytes)
    let program = try RelayProgram(
      source, [:], parameterFile: nil, digest: digest.finish(), known: Set(rules.keys))
    let work = elaborate(program, options, rules)
    guard work.problems.isEmpty else { throw Diagnostics(work.problems.map(\.diagnostic)) }
    return work.builder.graph
  }

  static func ruleTable(_ operators: [any ForeignOperator.Type]) -> [String: ImportRule] {
    var table: [String: ImportRule] = [:]
    for type in operators {
      for rule in type.imports where rule.dialect == .relay && table[rule.operatorName] == nil {
        table[rule.operatorName] = rule
      }
    }
    return table
  }

  static func elaborate(
    _ program: RelayProgram, _ options: RelayOptions, _ rules: [String: ImportRule]
  ) -> Elaborator {
    DeepStack.run {
      var work = Elaborator(
        program.module, program.source, program.metadata, parameters: program.parameters,
        options: options, rules: rules)
      work.run()
      return work
    }
  }

  static func info(_ program: RelayProgram, _ work: Elaborator) -> RelayInfo {
    RelayInfo(
      digest: program.digest, version: program.module.version == .v004 ? "0.0.4" : "0.0.5",
      parameterFile: program.parameterFile, outputLabels: work.outputLabels,
      warnings: program.warnings + work.warnings)
  }
}
