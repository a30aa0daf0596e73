import Foundation
import UQGraph
import UQNumerics
import UQOnnx
import UQOperators
import UQPasses
import UQRelay
import UQSupport

/// A model as imported and as optimised without loss.
public struct LoadedModel: Sendable {
  /// Path of the file.
  public var path: String
  /// SHA-256 of the file.
  public var digest: Digest
  /// The graph as imported.
  public var imported: Graph
  /// The graph after the lossless passes: what is calibrated, quantized and generated.
  public var optimized: Graph
  /// The integers of the model's inputs that ``optimized`` takes as real numbers.
  private let integerInputs: [ValueID: Quantization]

  /// Reads and optimises a model.
  ///
  /// - Parameter keepsIntegers: whether ports have the model's integers where these stand for real numbers.
  /// - Throws: all problems of the model at once.
  public init(
    _ workspace: Workspace, disabledPasses: Set<String> = [], layouts: PortLayouts = PortLayouts(),
    keepsIntegers: Bool = false
  ) throws {
    path = workspace.modelPath
    let known = Set(LosslessPasses.names)
    for name in disabledPasses.sorted() where !known.contains(name) {
      throw Diagnostic(
        id: "passes.name.unknown",
        "there is no pass '\(name)'; known are \(LosslessPasses.names.joined(separator: ", "))")
    }
    digest = try LoadedModel.digest(of: path)
    imported = try Self.imported(workspace)
    optimized = imported
    integerInputs = keepsIntegers ? [:] : RealPorts.apply(to: &optimized)
    try layouts.apply(to: &optimized)
    try LosslessPasses.pipeline.run(on: &optimized, skipping: disabledPasses)
  }

  /// Reads a model without optimising it.
  ///
  /// - Throws: all problems of the model at once.
  static func imported(_ workspace: Workspace) throws -> Graph {
    let path = workspace.modelPath
    if workspace.isRelay {
      return try RelayImporter.load(
        path: path, options: workspace.relayOptions, operators: allOperators
      ).graph
    }
    var options = OnnxOptions()
    options.shapes = workspace.configuration.shapes ?? [:]
    return try OnnxImporter.load(path: path, options: options, operators: allOperators).graph
  }

  /// Names and types of the inputs, with a quantization where the model takes integers.
  public var inputs: [(name: String, type: TensorType)] {
    zip(optimized.inputs, imported.inputs).map { id, original in
      var type = optimized[id].type
      type.quantization = integerInputs[original]
      return (optimized[id].name, type)
    }
  }

  private static func digest(of path: String) throws(Diagnostic) -> Digest {
    let data: Data
    do { data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) } catch {
      throw Diagnostic(
        id: "workspace.model.unreadable", "cannot be read: \(error.localizedDescription)",
        at: SourcePlace(file: path))
    }
    var stream = DigestStream()
    data.withUnsafeBytes { stream.update($0) }
    return stream.finish()
  }
}
