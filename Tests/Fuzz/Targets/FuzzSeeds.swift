import Foundation
import UQCalibration
import UQEngine
import UQGraph
import UQNumerics
import UQOnnx
import UQOperators
import UQRelay
import UQSupport

/// Sound inputs that the fuzzer starts from.
public enum FuzzSeeds {
  /// Shapes that calibration files are read for.
  static let calibratedInputs: [Shape] = [[1, 8]]

  private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Largest file outside the repository that becomes a seed.
  private static let largest = 4096

  /// The seeds of a target: made here, of the repository, and of the folder `shared` beside it.
  public static func seeds(for target: FuzzTarget) throws -> [[UInt8]] {
    switch target {
    case .relay: try programs() + archives()
    case .params:
      try sharedFiles("relay/corpus", ending: ".params") + [parameters(1), parameters(3)]
    case .onnx: OnnxSeeds.models
    case .calibration: [try calibration()]
    case .recipe: try files(in: "Calibration/recipes")
    case .samples: try sampleFiles()
    }
  }

  /// Words of the target's language, in libFuzzer's form, one a line.
  public static func dictionary(for target: FuzzTarget) -> String {
    switch target {
    case .relay: break
    case .onnx:
      let rules = allOperators.flatMap { $0.imports }.filter { $0.dialect == .onnx }
      return words(rules.map(\.operatorName))
    default: return ""
    }
    let operators = allOperators.flatMap { $0.imports }.filter { $0.dialect == .relay }
    let language = [
      "def @main(", "%x: ", "Tensor[(", "), float32]", "int8", "uint8", "int32", "bool",
      "let %y = ",
      "if (", ") { ", "} else {", "fn (", "match (", "match? (", "type ", "extern type ", " => ",
      " -> ", "ref(", "ref_read(", "ref_write(", "meta[relay.Constant][0]", "free_var ",
      "#[version",
      "= \\\"0.0.5\\\"]", "#[metadata]", "Primitive=1", "axis=", "axes=[", "None", "True", "1f",
      "1i8", "-1", "%0 = ", "/*", "*/", "virtual_device", "b64ndarrays", "?,", "v0.0.4",
    ]
    return words(language + operators.map { "\($0.operatorName)(" })
  }

  private static func words(_ list: [String]) -> String {
    Set(list).sorted().map { "\"\($0)\"\n" }.joined()
  }

  private static func bytes(of url: URL) throws -> [UInt8] { Array(try Data(contentsOf: url)) }

  private static func files(in folder: String) throws -> [[UInt8]] {
    let url = repository.appendingPathComponent(folder)
    return try FileManager.default.contentsOfDirectory(atPath: url.path).sorted().map {
      try bytes(of: url.appendingPathComponent($0))
    }
  }

  private static func sharedFiles(_ folder: String, ending: String) throws -> [[UInt8]] {
    let url = repository.appendingPathComponent("../shared").appendingPathComponent(folder)
    let names = FileManager.default.enumerator(atPath: url.path)?.compactMap { $0 as? String } ?? []
    return try names.filter { $0.hasSuffix(ending) }.sorted().compactMap { name in
      let content = try bytes(of: url.appendingPathComponent(name))
      return content.count <= largest ? content : nil
    }
  }

  // MARK: Relay

  private static func programs() throws -> [[UInt8]] {
    let operators = allOperators.flatMap { $0.imports }.filter { $0.dialect == .relay }
    let calls = Set(operators.map(\.operatorName)).sorted().map { name in
      "#[version = \"0.0.5\"]\ndef @main(%x: Tensor[(1, 4, 4, 2), float32]) { \(name)(%x) }\n"
    }
    let digits = try OnnxImporter.load(
      path: repository.appendingPathComponent("Examples/digits/model.onnx").path,
      operators: allOperators
    ).graph
    struct Case: Decodable { var text: String }
    let url = repository.appendingPathComponent("../shared/relay/parser_cases.json")
    let cases =
      try (try? Data(contentsOf: url)).map { try JSONDecoder().decode([Case].self, from: $0) }
      ?? []
    let texts = calls + RelaySeeds.programs + [try RelayPrinter.print(digits)] + cases.map(\.text)
    return texts.map { Array($0.utf8) }
      + (try sharedFiles("relay/corpus", ending: ".relay"))
  }

  private static func archives() -> [[UInt8]] {
    let text = "def @main(%x: Tensor[(2), float32], %w: float32) { add(%x, %w) }"
    return [
      tar([
        ("./metadata.json", Array("{}".utf8)), ("./src/relay.txt", Array(text.utf8)),
        ("./parameters/m.params", parameters(1)),
      ])
    ]
  }

  private static func tar(_ entries: [(String, [UInt8])]) -> [UInt8] {
    var result: [UInt8] = []
    for (name, data) in entries {
      var header = [UInt8](repeating: 0, count: 512)
      func put(_ text: String, _ at: Int) {
        header.replaceSubrange(at..<at + text.utf8.count, with: text.utf8)
      }
      func octal(_ number: Int, _ width: Int) -> String {
        let digits = String(number, radix: 8)
        return String(repeating: "0", count: width - digits.count) + digits
      }
      put(name, 0)
      put(octal(data.count, 11), 124)
      put("        ", 148)
      put("0", 156)
      put("ustar", 257)
      put(octal(header.reduce(0) { $0 + Int($1) }, 6), 148)
      header[154] = 0
      result += header + data + [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
    }
    return result + [UInt8](repeating: 0, count: 1024)
  }

  /// `w` and further arrays as `relay.save_param_dict` writes them.
  private static func parameters(_ count: Int) -> [UInt8] {
    let names = (0..<count).flatMap { little(1 as UInt64) + [UInt8(ascii: "w") - UInt8($0)] }
    let kinds: [[UInt8]] = [[2, 32, 1, 0], [0, 8, 1, 0], [1, 64, 1, 0]]
    let arrays = (0..<count).flatMap { index in
      array(
        kinds[index % 3], [Int64](repeating: 1, count: index),
        [UInt8](repeating: 1, count: Int(kinds[index % 3][1]) / 8))
    }
    return little(0xF7E5_8D4F_0504_9CB7 as UInt64) + little(0 as UInt64) + little(UInt64(count))
      + names + little(UInt64(count)) + arrays
  }

  /// An array in TVM's form: code, bits and lanes of the elements, extents, bytes.
  static func array(_ kind: [UInt8], _ extents: [Int64], _ data: [UInt8]) -> [UInt8] {
    little(0xDD5E_40F0_96B4_A13F as UInt64) + little(0 as UInt64) + little(1 as Int32)
      + little(0 as Int32) + little(Int32(extents.count)) + kind + extents.flatMap { little($0) }
      + little(Int64(data.count)) + data
  }

  private static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian, Array.init)
  }

  // MARK: Others

  private static func calibration() throws -> [UInt8] {
    var builder = GraphBuilder(name: "small")
    let x = builder.addInput("x", TensorType(.float32, calibratedInputs[0]))
    let weights = builder.addConstant(
      Tensor((0..<16).map { Float($0) - 8 }, [2, 8]), name: "w")
    let logits = try builder.add(FullyConnected(), [x, weights, nil], name: "fc")[0]
    builder.addOutput("y", try builder.add(Softmax(axis: 1), [logits], name: "softmax")[0])
    let graph = builder.graph
    let made = try Calibrator(graph: graph, modelDigest: Digest(of: [1]), sampleLimit: 1 << 10).run(
      FloatEngine().prepare(graph), count: 3, threads: 1,
      sample: { index in [Tensor((0..<8).map { Float($0 * index) / 8 }, calibratedInputs[0])] },
      done: {})
    return Array(CalibrationFile.encode(made))
  }

  private static func sampleFiles() throws -> [[UInt8]] {
    let url = repository.appendingPathComponent("Tests/UQSamplesTests/fixtures.json")
    let files = try JSONDecoder().decode([String: Data].self, from: Data(contentsOf: url))
    return files.sorted { $0.key < $1.key }.map { Array($0.value) }
      + ["label,a,b\n0,1,2\n1,3,4.5\n", "1;2;3\n4;5;6\n"].map { Array($0.utf8) }
  }
}
