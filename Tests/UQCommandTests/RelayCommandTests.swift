import Foundation
import Testing
import UQBoards
import UQSupport

/// Every command does with a `.relay` file what it does with the `.onnx` file of the same network.
@Suite struct RelayCommandTests {
  private static let data = ["--data", "\(Command.digits)/samples/eval", "--samples", "60"]

  /// A folder that holds the example as Relay text and nothing else.
  private func folder() throws -> Folder {
    let folder = try Folder(model: false)
    let written = try folder.uq(
      "convert", "\(Command.digits)/model.onnx", "--to", "relay", "--output", "model.relay")
    try #require(written.succeeded, "\(written.errors)")
    return folder
  }

  private func json(_ folder: Folder, _ name: String) throws -> [String: Any] {
    let data = try #require(folder.data(name))
    let object = try JSONSerialization.jsonObject(with: data)
    return try #require(object as? [String: Any])
  }

  @Test func inspects() throws {
    let relay = try document(try folder().uq("inspect", "--json"))
    let onnx = try document(try Folder().uq("inspect", "--json"))
    #expect(relay["format"] as? String == "relay")
    #expect(relay["macs"] as? Int == onnx["macs"] as? Int)
    #expect(relay["parameters"] as? Int ?? 0 > 7000, "less those that the import folded")
    #expect((relay["unsupported"] as? [Any])?.isEmpty == true)
    #expect((relay["operators"] as? [String: Int])?["nn.conv2d"] == 11)
    let input = (relay["inputs"] as? [[String: Any]])?.first
    #expect(input?["shape"] as? [Int] == [1, 1, 8, 8])
    #expect(input?["type"] as? String == "float32")
  }

  /// The same network in both formats becomes the same C but for its names, and the same report.
  @Test func calibratesExportsAndComparesAsOnnx() throws {
    let folders = [try folder(), try Folder()]
    var exports: [[String: Data]] = []
    var variants: [[[String: Any]]] = []
    for folder in folders {
      let calibrated = try folder.uq(
        ["calibrate", "--data", "\(Command.digits)/samples/calib", "--quiet"])
      try #require(calibrated.succeeded, "\(calibrated.errors)")
      let exported = try folder.uq("export", "--bits", "8", "--name", "digits", "--quiet")
      try #require(exported.succeeded, "\(exported.errors)")
      exports.append(try #require(folder.contents(of: "export")))
      let compared = try folder.uq(
        ["compare", "--variants", "float,8", "--json", "r.json", "--quiet"] + Self.data)
      try #require(compared.succeeded, "\(compared.errors)")
      variants.append(try #require(json(folder, "r.json")["variants"] as? [[String: Any]]))
    }
    #expect(Set(exports[0].keys) == Set(exports[1].keys))
    for name in exports[0].keys where name.hasPrefix("uq_") && !name.hasPrefix("uq_digits") {
      #expect(exports[0][name] == exports[1][name], "\(name)")
    }
    let numbers = exports.map { export in
      String(decoding: export["uq_digits_weights.c"] ?? Data(), as: UTF8.self)
        .split(separator: "\n").filter { $0.hasPrefix("    ") }
    }
    #expect(numbers[0].count > 100 && numbers[0] == numbers[1])
    for (relay, onnx) in zip(variants[0], variants[1]) {
      for key in ["accuracy", "agreement"] {
        #expect(relay[key] as? Double == onnx[key] as? Double, "\(key)")
      }
      for key in ["weight_bytes", "flash_bytes", "ram_bytes", "macs"] {
        #expect(relay[key] as? Int == onnx[key] as? Int, "\(key)")
      }
    }
    let verified = try folders[0].uq(
      "verify", "--board", "host", "--inputs", "20", "--json", timeLimit: 300)
    #expect(try document(verified)["mismatches"] as? Int == 0)
  }

  /// An archive in TVM's Model Library Format, made by the system's `tar`.
  @Test func readsModelLibraryFormat() throws {
    let folder = try folder()
    for name in ["mlf/src", "mlf/codegen/host/src"] {
      try FileManager.default.createDirectory(
        atPath: folder.file(name), withIntermediateDirectories: true)
    }
    try folder.write("{\"version\": 7, \"model_name\": \"default\"}", "mlf/metadata.json")
    try folder.write("/* kernels */", "mlf/codegen/host/src/default_lib0.c")
    try folder.copy(folder.file("model.relay"), "mlf/src/default.relay")
    for format in ["ustar", "pax", "gnu"] {
      let packed = try ProcessRunner.run(
        "/bin/tar", ["--format=\(format)", "-C", "mlf", "-cf", "net.tar", "."], in: folder.path,
        timeLimit: 20)
      try #require(packed.succeeded, "\(packed.errors)")
      let graphs = try ["net.tar", "model.relay"].map {
        try folder.uq("convert", $0, "--to", "uqir")
      }
      #expect(graphs[0].succeeded, "\(format): \(graphs[0].errors)")
      #expect(graphs[0].output == graphs[1].output, "\(format)")
    }
  }

  @Test func reportsProblemsWithTheirPlace() throws {
    let folder = try Folder(model: false)
    try folder.write(
      "#[version = \"0.0.5\"]\ndef @main(%x: Tensor[(1, 4), float32]) {\n  nn.dense(%x, %w)\n}\n",
      "model.relay")
    for arguments in [
      ["inspect"], ["export"], ["calibrate", "--data", "x"], ["compare", "--data", "x"],
    ] {
      let result = try folder.uq(arguments)
      #expect(result.ending == .status(1), "\(arguments)")
      #expect(result.errors.contains("model.relay:3:16: error: "), "\(result.errors)")
    }
  }
}
