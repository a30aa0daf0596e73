import UQNumerics
import UQOnnx
import UQOperators
import UQSupport

/// `uq inspect`: what a model consists of, and what of it is not supported.
public struct ModelInspection: Sendable {
  private let path: String
  private let onnx: OnnxInspection

  /// Reads the model.
  ///
  /// - Throws: all problems of a malformed or ill-typed model.
  public init(_ workspace: Workspace) throws {
    path = workspace.modelPath
    guard !path.hasSuffix(".relay") else {
      throw Diagnostic(
        id: "import.relay.unavailable", "Relay text cannot be read yet; export the network to ONNX",
        at: SourcePlace(file: path))
    }
    var options = OnnxOptions()
    options.shapes = workspace.configuration.shapes ?? [:]
    onnx = try OnnxInspection.read(path: path, options: options, operators: allOperators)
  }

  /// The document of interface `uq inspect --json`.
  public var json: JSONValue {
    [
      "model": .string(path), "format": "onnx", "inputs": .array(onnx.inputs.map(port)),
      "outputs": .array(onnx.outputs.map(port)),
      "operators": .object(
        onnx.operators.sorted { $0.key < $1.key }.map { .init($0.key, .integer($0.value)) }),
      "unsupported": .array(
        onnx.unsupported.map {
          [
            "node": .string($0.node), "operator": .string($0.operatorName),
            "reason": .string($0.reason),
          ]
        }),
      "parameters": .integer(onnx.parameters), "macs": onnx.macs.map { .integer($0) } ?? .null,
    ]
  }

  /// The same for people.
  public var text: String {
    var lines = [path]
    for input in onnx.inputs { lines.append("  input   \(describe(input))") }
    for output in onnx.outputs { lines.append("  output  \(describe(output))") }
    let operators = onnx.operators.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    lines.append("  nodes   \(operators)")
    lines.append(
      "  size    \(onnx.parameters) parameters, \(onnx.macs.map { "\($0)" } ?? "?") MACs")
    if onnx.unsupported.isEmpty {
      lines.append("  every operator is supported")
    } else {
      lines.append("  not supported:")
      for item in onnx.unsupported {
        lines.append("    node '\(item.node)' (\(item.operatorName)): \(item.reason)")
      }
    }
    return lines.joined(separator: "\n")
  }

  private func describe(_ port: OnnxPort) -> String {
    "\(port.name) \(port.type)[\(port.shape.map { $0 < 0 ? "?" : "\($0)" }.joined(separator: ", "))]"
  }

  private func port(_ port: OnnxPort) -> JSONValue {
    [
      "name": .string(port.name),
      "shape": .array(port.shape.map { $0 < 0 ? .null : .integer($0) }),
      "type": .string(port.type),
    ]
  }
}
