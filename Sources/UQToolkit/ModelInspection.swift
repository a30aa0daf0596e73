import UQNumerics
import UQOnnx
import UQOperators
import UQRelay
import UQSupport

/// `uq inspect`: what a model consists of, and what of it is not supported.
public struct ModelInspection: Sendable {
  private struct Port {
    var name: String
    var type: String
    var shape: [Int]
  }

  private struct Unsupported {
    var node: String
    var operatorName: String
    var reason: String
  }

  private let path: String
  private let format: String
  private let inputs: [Port]
  private let outputs: [Port]
  private let operators: [String: Int]
  private let unsupported: [Unsupported]
  private let parameters: Int
  private let macs: Int?
  /// What was noticed and does not prevent the import.
  public let warnings: [Diagnostic]

  /// Reads the model.
  ///
  /// - Throws: all problems of a malformed or ill-typed model.
  public init(_ workspace: Workspace) throws {
    path = workspace.modelPath
    if workspace.isRelay {
      let relay = try RelayInspection.read(
        path: path, options: workspace.relayOptions, operators: allOperators)
      format = "relay"
      inputs = relay.inputs.map { Port(name: $0.name, type: $0.type, shape: $0.shape) }
      outputs = relay.outputs.map { Port(name: $0.name, type: $0.type, shape: $0.shape) }
      operators = relay.operators
      unsupported = relay.unsupported.map {
        Unsupported(node: $0.node, operatorName: $0.operatorName, reason: $0.reason)
      }
      (parameters, macs, warnings) = (relay.parameters, relay.macs, relay.info.warnings)
      return
    }
    var options = OnnxOptions()
    options.shapes = workspace.configuration.shapes ?? [:]
    let onnx = try OnnxInspection.read(path: path, options: options, operators: allOperators)
    format = "onnx"
    inputs = onnx.inputs.map { Port(name: $0.name, type: $0.type, shape: $0.shape) }
    outputs = onnx.outputs.map { Port(name: $0.name, type: $0.type, shape: $0.shape) }
    operators = onnx.operators
    unsupported = onnx.unsupported.map {
      Unsupported(node: $0.node, operatorName: $0.operatorName, reason: $0.reason)
    }
    (parameters, macs, warnings) = (onnx.parameters, onnx.macs, onnx.info.warnings)
  }

  /// The document of interface `uq inspect --json`.
  public var json: JSONValue {
    [
      "model": .string(path), "format": .string(format), "inputs": .array(inputs.map(port)),
      "outputs": .array(outputs.map(port)),
      "operators": .object(
        operators.sorted { $0.key < $1.key }.map { .init($0.key, .integer($0.value)) }),
      "unsupported": .array(
        unsupported.map {
          [
            "node": .string($0.node), "operator": .string($0.operatorName),
            "reason": .string($0.reason),
          ]
        }),
      "parameters": .integer(parameters), "macs": macs.map { .integer($0) } ?? .null,
    ]
  }

  /// The same for people.
  public var text: String {
    var lines = [path]
    for input in inputs { lines.append("  input   \(describe(input))") }
    for output in outputs { lines.append("  output  \(describe(output))") }
    let operators = operators.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    lines.append("  nodes   \(operators)")
    lines.append("  size    \(parameters) parameters, \(macs.map { "\($0)" } ?? "?") MACs")
    if unsupported.isEmpty {
      lines.append("  every operator is supported")
    } else {
      lines.append("  not supported:")
      for item in unsupported {
        lines.append("    node '\(item.node)' (\(item.operatorName)): \(item.reason)")
      }
    }
    return lines.joined(separator: "\n")
  }

  private func describe(_ port: Port) -> String {
    "\(port.name) \(port.type)[\(port.shape.map { $0 < 0 ? "?" : "\($0)" }.joined(separator: ", "))]"
  }

  private func port(_ port: Port) -> JSONValue {
    [
      "name": .string(port.name),
      "shape": .array(port.shape.map { $0 < 0 ? .null : .integer($0) }),
      "type": .string(port.type),
    ]
  }
}
