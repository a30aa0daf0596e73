import Foundation
import Testing
import UQGraph
import UQSupport

@testable import UQOnnx

/// A folder that goes away with the object.
final class Scratch {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "uq-onnx-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ bytes: [UInt8], _ name: String = "model.onnx") throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
    return path + "/" + name
  }
}

/// Imports a model from bytes.
func load(_ model: Proto, shapes: [String: [Int]] = [:]) throws -> (graph: Graph, info: OnnxInfo) {
  try load(model.bytes, shapes: shapes)
}

func load(_ bytes: [UInt8], shapes: [String: [Int]] = [:]) throws
  -> (graph: Graph, info: OnnxInfo)
{
  let scratch = try Scratch()
  return try OnnxImporter.load(
    path: try scratch.write(bytes), options: OnnxOptions(shapes: shapes), operators: stubs)
}

func inspect(_ model: Proto) throws -> OnnxInspection {
  let scratch = try Scratch()
  return try OnnxInspection.read(path: try scratch.write(model.bytes), operators: stubs)
}

/// The problems that the import of a model ends with; empty where it succeeds.
func problems(_ model: Proto, shapes: [String: [Int]] = [:]) -> [Diagnostic] {
  do {
    _ = try load(model, shapes: shapes)
    return []
  } catch { return diagnostics(of: error) }
}

func ids(_ model: Proto, shapes: [String: [Int]] = [:]) -> [String] {
  problems(model, shapes: shapes).map(\.id)
}

/// `out = op(x)` for an input x [1, 4].
func unaryModel(_ op: String = "Relu", ir: Int = 9, opsets: [(String, Int)] = [("", 17)]) -> Proto {
  Onnx.model(
    ir: ir, opsets: opsets,
    graph: Onnx.graph(
      nodes: [Onnx.node(op, ["x"], ["out"], name: "n")], inputs: [Onnx.value("x", [1, 4])],
      outputs: [Onnx.value("out", [1, 4])]))
}

/// The folder of shared models, where the checkout has one.
let sharedModels = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .appendingPathComponent("../../../shared/models").standardizedFileURL
let hasSharedModels = FileManager.default.fileExists(atPath: sharedModels.path)
