import Foundation
import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQRelay

/// Parameter files, metadata and archives.
@Suite struct FileTests {
  /// Bytes of an array in TVM's form.
  static func array(_ values: [Float], _ extents: [Int64]) -> [UInt8] {
    var bytes: [UInt8] = []
    func add<T: FixedWidthInteger>(_ value: T) {
      withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
    add(StoredArray.magic)
    add(UInt64(0))
    add(Int32(1))
    add(Int32(0))
    add(Int32(extents.count))
    bytes += [2, 32, 1, 0]
    for extent in extents { add(extent) }
    add(Int64(values.count * 4))
    for value in values { add(value.bitPattern) }
    return bytes
  }

  static func parameters(_ entries: [(String, [UInt8])]) -> [UInt8] {
    var bytes: [UInt8] = []
    func add(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
    add(ParameterFile.magic)
    add(0)
    add(UInt64(entries.count))
    for (name, _) in entries {
      add(UInt64(name.utf8.count))
      bytes += Array(name.utf8)
    }
    add(UInt64(entries.count))
    for (_, array) in entries { bytes += array }
    return bytes
  }

  static func tar(_ entries: [(String, [UInt8])]) -> [UInt8] {
    var result: [UInt8] = []
    for (name, data) in entries {
      var header = [UInt8](repeating: 0, count: 512)
      func put(_ text: String, _ at: Int) {
        header.replaceSubrange(at..<at + text.utf8.count, with: text.utf8)
      }
      put(name, 0)
      let size = String(data.count, radix: 8)
      put(String(repeating: "0", count: 11 - size.count) + size, 124)
      put("        ", 148)
      put("0", 156)
      put("ustar", 257)
      let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
      put(String(repeating: "0", count: 6 - sum.count) + sum, 148)
      header[154] = 0
      result += header + data + [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
    }
    return result + [UInt8](repeating: 0, count: 1024)
  }

  static func inFolder(_ files: [String: [UInt8]], _ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "uq-relay-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, bytes) in files { try Data(bytes).write(to: folder.appendingPathComponent(name)) }
    try body(folder.path)
  }

  static let text = Array(
    program("def @main(%x: Tensor[(2), float32], %w: Tensor[(2), float32]) { add(%x, %w) }").utf8)

  @Test func parametersBesideTheModelBecomeConstants() throws {
    let stored = Self.parameters([("w", Self.array([1, 2], [2]))])
    try Self.inFolder(["m.relay": Self.text, "m.params": stored]) { folder in
      let (graph, info) = try RelayImporter.load(
        path: folder + "/m.relay", operators: allOperators)
      #expect(graph.inputs.map { graph[$0].name } == ["x"])
      #expect(graph.values.first { $0.name == "w" }?.constant?.floats == [1, 2])
      #expect(info.parameterFile == folder + "/m.params")
    }
  }

  @Test func archivesAreRead() throws {
    let archive = Self.tar([
      ("./metadata.json", Array("{}".utf8)), ("./src/relay.txt", Self.text),
      ("./parameters/m.params", Self.parameters([("w", Self.array([3, 4], [2]))])),
    ])
    try Self.inFolder(["m.tar": archive]) { folder in
      let (graph, _) = try RelayImporter.load(path: folder + "/m.tar", operators: allOperators)
      #expect(graph.values.first { $0.name == "w" }?.constant?.floats == [3, 4])
    }
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<300 {
      var damaged = archive
      let at = Int.random(in: 0..<damaged.count, using: &generator)
      damaged[at] = UInt8.random(in: 0...255, using: &generator)
      if Bool.random(using: &generator) { damaged.removeLast(at / 2) }
      damaged.withUnsafeBytes { _ = try? TarArchive($0, path: "m.tar") }
    }
  }

  @Test func wrongParametersAreRefused() throws {
    let stored = Self.parameters([("w", Self.array([1, 2, 3], [3]))])
    try Self.inFolder(["m.relay": Self.text, "params.bin": stored]) { folder in
      #expect(throws: Diagnostics.self) {
        try RelayImporter.load(path: folder + "/m.relay", operators: allOperators)
      }
    }
  }

  @Test func damagedParametersNeverTrap() {
    let sound = Self.parameters([("w", Self.array([1, 2], [2])), ("b", Self.array([1], [1]))])
    var generator = SeededGenerator(seed: 5)
    var refused = 0
    for round in 0..<3000 {
      var bytes = sound
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] =
          UInt8.random(in: 0...255, using: &generator)
      }
      if round % 3 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
      bytes.withUnsafeBytes { memory in
        do { _ = try ParameterFile.read(memory, owner: Owner(), path: "p") } catch { refused += 1 }
      }
    }
    #expect(refused > 1000)
  }

  private final class Owner {}

  @Test func metadataHoldsConstants() throws {
    let base64 = Data(Self.array([5, 6], [2])).base64EncodedString()
    let metadata = """
      #[metadata]
      {"root": 1, "nodes": [{"type_key": ""}, {"type_key": "Map", "keys": ["relay.Constant"], "data": [2]},
       {"type_key": "Array", "data": [3]}, {"type_key": "relay.Constant", "attrs": {"data": "0", "span": "0"}}],
       "b64ndarrays": ["\(base64)"], "attrs": {"tvm_version": "0.14.0"}}
      """
    let made = try graph("def @main() { meta[relay.Constant][0] }\n\n" + metadata)
    #expect(made.constant(made.outputs.first)?.floats == [5, 6])
    let beyond = problems(program("def @main() { meta[relay.Constant][1] }\n\n" + metadata))
    #expect(beyond.first?.id == "relay.metadata.index")
    let other = problems(program("def @main() { meta[X][0] }\n\n" + metadata))
    #expect(!other.isEmpty)
  }
}
