import UQGraph
import UQNumerics
import UQSupport

/// What a user may say about the import.
public struct OnnxOptions: Sendable {
  /// Shapes of inputs by name, where the model leaves them open (`--shape input=1,3,48,192`).
  public var shapes: [String: [Int]]

  /// Creates options.
  public init(shapes: [String: [Int]] = [:]) { self.shapes = shapes }
}

/// An input or output of a model.
public struct OnnxPort: Sendable, Hashable {
  /// Name.
  public var name: String
  /// Element type by name: `float32`; for what is no tensor its kind.
  public var type: String
  /// Extents; -1 where unknown.
  public var shape: [Int]

  /// Creates a port.
  public init(name: String, type: String, shape: [Int]) {
    self.name = name
    self.type = type
    self.shape = shape
  }
}

/// What a model file says besides the network.
public struct OnnxInfo: Sendable {
  /// SHA-256 of the file.
  public var digest: Digest
  /// Version of the format.
  public var irVersion: Int
  /// The program that wrote the file, with its version.
  public var producer: String
  /// Versions of the operator sets by domain; the standard one is the empty domain.
  public var opsets: [String: Int]
  /// Free pairs of texts.
  public var metadata: [String: String]
  /// Inputs that callers may override and that are taken as constants here.
  public var overridable: [String]
  /// Files beside the model that hold weights.
  public var externalFiles: [String]
  /// What was noticed and does not prevent the import.
  public var warnings: [Diagnostic]
}

/// Reads ONNX models into graphs.
///
/// The importer knows the format and no operator: nodes are handed to the import rules of the
/// operators it is given. Functions are inlined, `If` with a constant condition becomes its branch.
public enum OnnxImporter {
  /// Imports the model at `path`.
  ///
  /// - Parameters:
  ///   - operators: what nodes are imported by.
  /// - Throws: `Diagnostics` with every problem: `onnx.*`, and what the rules throw. Nodes behind
  ///   a problem are not reported again, unsupported operators all are.
  public static func load(
    path: String, options: OnnxOptions = OnnxOptions(), operators: [any ForeignOperator.Type]
  ) throws -> (graph: Graph, info: OnnxInfo) {
    let model = try OnnxModelReader.read(path)
    var work = GraphImport(model, options: options, operators: operators)
    work.run()
    guard work.problems.isEmpty else { throw Diagnostics(work.problems.map(\.diagnostic)) }
    return (work.builder.graph, work.info)
  }
}
