import UQGraph
import UQOnnx
import UQOperators
import UQRelay
import UQSupport

/// `uq convert`: a model in another format.
public struct ConvertTask: Sendable {
  private let graph: Graph
  private let path: String

  /// Reads the model as it is imported.
  ///
  /// - Throws: all problems of the model at once.
  public init(workspace: Workspace) throws {
    path = workspace.modelPath
    graph = try LoadedModel.imported(workspace)
  }

  /// The network as Relay text, version 0.0.5, with the metadata.
  ///
  /// - Throws: `relay.print.operator` for every node that has no counterpart.
  public func relay() throws(Diagnostics) -> String {
    do throws(Diagnostics) { return try RelayPrinter.print(graph) } catch {
      throw Diagnostics(error.all.map { $0.located(in: SourcePlace(file: path)) })
    }
  }

  /// The graph as `.uqir` text with its constants.
  public func uqir() -> String { graph.text(constants: .payload) }
}
