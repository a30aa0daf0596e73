import Foundation
import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQOnnx

@Suite struct HostileFileTests {
  private func id(_ bytes: [UInt8]) -> String? {
    do {
      _ = try load(bytes)
      return nil
    } catch { return diagnostics(of: error).first?.id }
  }

  /// The message of `depth` nested fields, each `prefix` and then the next; made from the inside.
  private func nested(_ depth: Int, _ fields: [Int]) -> [UInt8] {
    var lengths = [0]
    var heads: [[UInt8]] = []
    for level in 0..<depth {
      var head = Proto()
      head.tag(fields[(depth - 1 - level) % fields.count], 2)
      head.varint(UInt64(lengths[level]))
      heads.append(head.bytes)
      lengths.append(lengths[level] + head.bytes.count)
    }
    return Array(heads.reversed().joined())
  }

  @Test(.timeLimit(.minutes(1))) func nestedBombsAreRefused() {
    // Model.graph, then Graph.node, Node.attribute, Attribute.g again and again.
    var bytes: [UInt8] = [8, 9]
    var graph = Proto()
    let inner = nested(100_000, [1, 5, 6])
    graph.data(7, inner)
    bytes += graph.bytes
    #expect(id(bytes) == "onnx.file.depth")
    // Sequences of sequences: Graph.input.type, then Sequence.elem_type.
    var type = Proto()
    type.data(7, Proto { $0.data(11, Proto { $0.data(2, nested(100_000, [4, 1])) }.bytes) }.bytes)
    #expect(id([8, 9] + type.bytes) == "onnx.file.depth")
  }

  @Test func messageBombsAreRefused() {
    // Two bytes in the file, a structure of hundreds in memory.
    let nodes = [UInt8](repeating: 0, count: 3_000_000).indices.map { UInt8($0 % 2 == 0 ? 10 : 0) }
    #expect(id([8, 9] + Proto { $0.data(7, nodes) }.bytes) == "onnx.file.messages")
  }

  @Test func repeatedSingularMessagesAreRefused() {
    var model = Proto { $0.int(1, 9) }
    for _ in 0..<2 { model.message(7, Onnx.graph(nodes: [], outputs: [])) }
    #expect(id(model.bytes) == "onnx.file.malformed")
  }

  @Test func otherFilesAreRecognised() {
    let tail = [UInt8](repeating: 1, count: 64)
    for start in [
      Array("PK\u{3}\u{4}".utf8), [0x1C, 0, 0, 0] + Array("TFL3".utf8),
      [0x89] + Array("HDF\r\n".utf8) + [0x1A, 0x0A], [0x93] + Array("NUMPY".utf8), [0x1F, 0x8B],
      [0x80, 2], Array("GGUF".utf8), Array("#[version = \"0.0.5\"]".utf8),
    ] { #expect(id(start + tail) == "onnx.file.kind", "\(start)") }
    #expect(id(Array("{\"json\": true}\n".utf8)) == "onnx.file.kind")
    #expect(id(Array("version https://git-lfs.github.com/spec/v1\n".utf8)) == "onnx.file.kind")
    #expect(id([]) == "onnx.file.empty")
  }

  @Test func unreadableFiles() throws {
    let scratch = try Scratch()
    for (path, expected) in [
      (scratch.path, "onnx.file.read"), (scratch.path + "/none", "onnx.file.read"),
      ("/dev/zero", "onnx.file.read"),
    ] {
      do {
        _ = try OnnxImporter.load(path: path, operators: stubs)
        Issue.record("\(path) was read")
      } catch { #expect(diagnostics(of: error).map(\.id) == [expected]) }
    }
    let fifo = scratch.path + "/fifo"
    #expect(mkfifo(fifo, 0o600) == 0)
    #expect(throws: Diagnostic.self) { try OnnxImporter.load(path: fifo, operators: stubs) }
  }

  @Test func wireErrors() {
    #expect(id([8]) == "onnx.file.truncated")
    #expect(id([0x3A, 5, 1]) == "onnx.file.truncated")
    #expect(id([0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]) == "onnx.file.truncated")
    #expect(id([0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]) == "onnx.file.malformed")
    #expect(id([8] + [UInt8](repeating: 0xFF, count: 11)) == "onnx.file.malformed")
    #expect(id([0, 0]) == "onnx.file.malformed")
    #expect(id([0x0B, 0x0C]) == "onnx.file.malformed")
    #expect(id([0x38, 1]) == "onnx.file.malformed")
    // A node whose length reaches beyond its graph, but not beyond the file.
    #expect(id([0x3A, 2, 0x0A, 4, 0x42, 2, 0x10, 1]) == "onnx.file.malformed")
    #expect(id(Proto { $0.data(2, [65, 0, 66]) }.bytes) == "onnx.file.malformed")
    // An unknown field of any sound encoding is skipped.
    var extended = unaryModel()
    extended.string(999, "later")
    extended.int(998, 1)
    #expect(id(extended.bytes) == nil)
  }

  @Test func everyTruncationEndsInADiagnostic() {
    let model = RecordedModels.small
    for length in 0..<model.count {
      do {
        // A cut between two fields leaves a shorter model that may be sound.
        _ = try load(Array(model[..<length]))
      } catch {
        #expect(diagnostics(of: error).allSatisfy { $0.id != "internal.error.unexpected" })
      }
    }
    #expect(id(model) == nil)
    #expect(id(Array(model.dropLast())) != nil)
  }

  @Test(.timeLimit(.minutes(2))) func mutationsEndInADiagnostic() throws {
    var generator = SeededGenerator(seed: 2026)
    var refused = 0
    let scratch = try Scratch()
    for (model, count, operators) in [
      (RecordedModels.small, 2500, stubs), (RecordedModels.allTypes, 1000, stubs),
      (RecordedModels.wide, 2500, allOperators),
    ] {
      for _ in 0..<count {
        let path = try scratch.write(Self.mutated(model, &generator))
        do {
          _ = try OnnxImporter.load(path: path, operators: operators)
        } catch {
          refused += 1
          #expect(diagnostics(of: error).allSatisfy { $0.id != "internal.error.unexpected" })
        }
        _ = try? OnnxInspection.read(path: path, operators: operators)
      }
    }
    #expect(refused > 1000)
  }

  @Test func hugeExtentsAreRefused() throws {
    // Two inputs of 2^31 elements each, whose product would have 2^62.
    let product = Onnx.model(
      graph: Onnx.graph(
        nodes: [Onnx.node("MatMul", ["x", "y"], ["out"])],
        inputs: [Onnx.value("x", [1 << 31, 1]), Onnx.value("y", [1, 1 << 31])],
        outputs: [Onnx.value("out", nil)]))
    let scratch = try Scratch()
    let path = try scratch.write(product.bytes)
    #expect(throws: Diagnostics.self) {
      try OnnxImporter.load(path: path, operators: allOperators)
    }
    #expect(
      try OnnxInspection.read(path: path, operators: allOperators).unsupported.map(\.node)
        == ["out"])
  }

  @Test(.timeLimit(.minutes(1))) func expensiveConstantsAreNotFolded() throws {
    // 100 bytes of file ask for a product of two matrices of 2^24 elements: 2^36 steps.
    let fill = Onnx.attribute("value", type: 4) { $0.message(5, Onnx.floats("", [1], [1])) }
    let model = Onnx.model(
      graph: Onnx.graph(
        nodes: [
          Onnx.node("ConstantOfShape", ["s"], ["c"], attributes: [fill]),
          Onnx.node("MatMul", ["c", "c"], ["out"]),
        ], initializers: [Onnx.int64s("s", [2], [4096, 4096])],
        outputs: [Onnx.value("out", nil)]))
    let scratch = try Scratch()
    _ = try? OnnxImporter.load(
      path: try scratch.write(model.bytes), operators: allOperators)
  }

  private static func mutated(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
    var result = bytes
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let position = Int.random(in: 0..<result.count, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: result[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: result[position] = UInt8.random(in: 0...255, using: &generator)
      case 2: result.remove(at: position)
      case 3: result.insert(UInt8.random(in: 0...255, using: &generator), at: position)
      case 4: result[position] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
      default:
        let end = min(position + Int.random(in: 1...24, using: &generator), result.count)
        let target = Int.random(in: 0...result.count, using: &generator)
        result.insert(contentsOf: Array(result[position..<end]), at: target)
      }
      if result.isEmpty { return [0] }
    }
    return result
  }
}
