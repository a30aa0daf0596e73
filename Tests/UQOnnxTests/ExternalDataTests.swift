import Foundation
import Testing
import UQGraph
import UQNumerics
import UQSupport

@testable import UQOnnx

@Suite struct ExternalDataTests {
  private func model(_ entries: [(String, String)], dims: [Int] = [2]) -> Proto {
    Onnx.model(
      graph: Onnx.graph(
        nodes: [Onnx.node("Identity", ["w"], ["out"])],
        initializers: [Onnx.external("w", dims, entries)], outputs: [Onnx.value("out", nil)]))
  }

  private func load(_ entries: [(String, String)], in scratch: Scratch) throws -> [Float]? {
    let path = try scratch.write(model(entries).bytes, "models/m.onnx")
    let result = try OnnxImporter.load(path: path, operators: stubs)
    #expect(result.info.externalFiles.count == 1)
    return result.graph.constant(result.graph.outputs[0])?.floats
  }

  private func id(_ entries: [(String, String)], in scratch: Scratch) -> String? {
    do {
      _ = try load(entries, in: scratch)
      return nil
    } catch { return diagnostics(of: error).first?.id }
  }

  private func folder() throws -> Scratch {
    let scratch = try Scratch()
    try FileManager.default.createDirectory(
      atPath: scratch.path + "/models/weights", withIntermediateDirectories: true)
    let bytes = Onnx.raw([Float(1), 2, 3, 4])
    try scratch.write(bytes, "models/w.bin")
    try scratch.write([0] + bytes, "models/weights/odd.bin")
    try scratch.write(bytes, "secret.bin")
    return scratch
  }

  @Test func dataIsRead() throws {
    let scratch = try folder()
    #expect(try load([("location", "w.bin"), ("length", "8")], in: scratch) == [1, 2])
    #expect(try load([("location", "w.bin"), ("offset", "8")], in: scratch) == [3, 4])
    #expect(try load([("location", "./w.bin"), ("offset", "4")], in: scratch) == [2, 3])
    let odd = [("location", "weights/odd.bin"), ("offset", "1"), ("checksum", "x")]
    #expect(try load(odd, in: scratch) == [1, 2])
  }

  @Test func rangesAreChecked() throws {
    let scratch = try folder()
    for (offset, length) in [
      ("12", "8"), ("0", "4"), ("-4", "8"), ("x", "8"), ("9223372036854775807", "8"), ("0", "-8"),
      ("99999999999999999999", "8"),
    ] {
      let entries = [("location", "w.bin"), ("offset", offset), ("length", length)]
      #expect(id(entries, in: scratch) == "onnx.external.range", "\(offset) \(length)")
    }
    #expect(id([("location", "none.bin")], in: scratch) == "onnx.external.location")
    #expect(id([("location", "")], in: scratch) == "onnx.external.location")
    #expect(id([], in: scratch) == "onnx.external.location")
    #expect(id([("location", "weights")], in: scratch) == "onnx.file.read")
  }

  @Test func escapesAreRefused() throws {
    let scratch = try folder()
    let manager = FileManager.default
    try manager.createSymbolicLink(
      atPath: scratch.path + "/models/link.bin", withDestinationPath: "../secret.bin")
    try manager.createSymbolicLink(
      atPath: scratch.path + "/models/up", withDestinationPath: scratch.path)
    try manager.createSymbolicLink(
      atPath: scratch.path + "/models/inner.bin", withDestinationPath: "w.bin")
    try manager.createDirectory(
      atPath: scratch.path + "/models-other", withIntermediateDirectories: true)
    try scratch.write(Onnx.raw([Float(1), 2]), "models-other/w.bin")
    try manager.createSymbolicLink(
      atPath: scratch.path + "/models/sibling", withDestinationPath: "../models-other")
    for location in [
      "../secret.bin", scratch.path + "/secret.bin", "/etc/passwd", "weights/../../secret.bin",
      "link.bin", "up/secret.bin", "..\\secret.bin", "sibling/w.bin", "..",
    ] {
      #expect(id([("location", location)], in: scratch) == "onnx.external.escape", "\(location)")
    }
    #expect(try load([("location", "inner.bin")], in: scratch) == [1, 2])
  }
}
