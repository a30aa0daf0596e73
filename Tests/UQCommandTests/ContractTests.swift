import Foundation
import Testing
import UQBoards
import UQSupport

@Suite struct ContractTests {
  @Test func findsTheModel() throws {
    let folder = try Folder(model: false)
    #expect(failsWith("workspace.model.none", try folder.uq("inspect")))
    try folder.write("x", "notes.txt")
    let none = try folder.uq("inspect")
    #expect(none.errors.contains("notes.txt"))
    try folder.copy("\(Command.digits)/model.onnx", "a.onnx")
    #expect(try folder.uq("inspect").succeeded)
    try folder.copy("\(Command.digits)/model.onnx", "b.onnx")
    let several = try folder.uq("inspect")
    #expect(failsWith("workspace.model.several", several))
    #expect(several.errors.contains("a.onnx, b.onnx"))
    #expect(try folder.uq("inspect", "--model", "b.onnx").succeeded)
    try folder.write("model: a.onnx\n", "uq.yaml")
    let chosen = try folder.uq("inspect", "--json")
    #expect(try document(chosen)["model"] as? String == "a.onnx")
    #expect(failsWith("workspace.model.missing", try folder.uq("inspect", "--model", "c.onnx")))
    try folder.write("model: [\n", "uq.yaml")
    #expect(failsWith("workspace.configuration.malformed", try folder.uq("inspect")))
  }

  @Test(arguments: [
    ["inspect", "--nonsense"], ["export", "--bits", "5"], ["export", "--activation-bits", "7"],
    ["export", "--format", "elf"], ["export", "--flash", "much"], ["calibrate"],
    ["calibrate", "--data", "x", "--samples", "0"], ["calibrate", "--data", "x", "--shard", "3/2"],
    ["inspect", "--threads", "0"], ["compare", "--data", "x", "--threads", "0"], ["nonsense"],
    ["compare", "--data", "x", "--instructions", "maybe"],
    ["compare", "--data", "x", "--ram", "0"],
    ["export", "--method", "best"], ["export", "--rounding", "none"], ["run"],
    ["verify", "--inputs", "0"], ["calibrate", "merge", "--output", "x"],
  ])
  func wrongUsageIs64(_ arguments: [String]) throws {
    #expect(try Folder().uq(arguments).ending == .status(64))
  }

  @Test(arguments: [
    "init", "inspect", "run", "calibrate", "export", "compare", "verify", "bench", "debug",
    "conformance",
  ])
  func helpHasExamples(_ command: String) throws {
    let result = try Folder(model: false).uq(command, "--help")
    #expect(result.succeeded)
    #expect(result.output.contains("EXAMPLES"))
    #expect(result.output.contains("uq \(command)"))
  }

  @Test(arguments: ["bash", "zsh", "fish"]) func completionsGenerate(_ shell: String) throws {
    let result = try Folder(model: false).uq("--generate-completion-script", shell)
    #expect(result.succeeded)
    for word in ["calibrate", "compare", "conformance"] { #expect(result.output.contains(word)) }
  }

  @Test func inspects() throws {
    let result = try Folder().uq("inspect", "--json")
    let json = try document(result)
    #expect(json["format"] as? String == "onnx")
    #expect(json["parameters"] as? Int ?? 0 > 7000)
    #expect(json["macs"] as? Int == 139_744)
    #expect((json["unsupported"] as? [Any])?.isEmpty == true)
    #expect((json["operators"] as? [String: Int])?["Conv"] == 11)
    let input = (json["inputs"] as? [[String: Any]])?.first
    #expect(input?["name"] as? String == "image")
    #expect(input?["shape"] as? [Int] == [1, 1, 8, 8])
    #expect(input?["type"] as? String == "float32")
    #expect((json["outputs"] as? [[String: Any]])?.first?["name"] as? String == "probabilities")
  }

  /// The whole path with flags alone, in a folder that holds nothing but the model.
  @Test func wholePathWithoutConfiguration() throws {
    let folder = try Folder()
    let calibrated = try folder.uq(
      "calibrate", "--data", "\(Command.digits)/samples/calib", "--json", "--quiet")
    #expect(calibrated.succeeded)
    #expect(calibrated.errors.isEmpty)
    #expect(try document(calibrated)["samples"] as? Int == 160)
    let exported = try folder.uq("export", "--bits", "8", "--json", "--name", "digits")
    #expect(exported.succeeded)
    let bytes = try document(exported)
    let manifest = try #require(folder.data("export/manifest.json"))
    let made = try #require(try JSONSerialization.jsonObject(with: manifest) as? [String: Any])
    for key in ["arena_bytes", "macs"] {
      #expect(made[key] as? Int == bytes[key] as? Int)
    }
    for key in [
      "name", "tool_version", "model_sha256", "target", "bits", "inputs", "outputs", "layers",
    ] {
      #expect(made[key] != nil)
    }
    let input = (made["inputs"] as? [[String: Any]])?.first
    for key in ["name", "shape", "type", "scale", "zero_point"] { #expect(input?[key] != nil) }
    let header = String(decoding: folder.data("export/uq_digits.h") ?? Data(), as: UTF8.self)
    for name in [
      "UQ_DIGITS_ABI 1", "UQ_DIGITS_ARENA_BYTES", "UQ_DIGITS_ARENA_ALIGN",
      "UQ_DIGITS_INPUT_COUNT 1",
      "UQ_DIGITS_OUTPUT_COUNT 1", "UQ_DIGITS_INPUT_0_ELEMENTS 64", "UQ_DIGITS_OUTPUT_0_ELEMENTS 10",
      "UQ_DIGITS_INPUT_0_SCALE", "UQ_DIGITS_INPUT_0_ZERO_POINT", "uq_status uq_digits_run(",
    ] { #expect(header.contains(name)) }

    let compared = try folder.uq(
      "compare", "--data", "\(Command.digits)/samples/eval", "--samples", "60", "--variants",
      "float,8", "--json", "report.json", "--csv", "report.csv", "--quiet")
    #expect(compared.succeeded)
    #expect(compared.output.isEmpty && compared.errors.isEmpty)
    let written = try #require(folder.data("report.json"))
    let report = try #require(try JSONSerialization.jsonObject(with: written) as? [String: Any])
    #expect(report["samples"] as? Int == 60)
    #expect(report["metric"] as? String == "top1")
    let variants = try #require(report["variants"] as? [[String: Any]])
    #expect(variants.map { $0["name"] as? String } == ["float", "8"])
    for key in [
      "name", "bits", "accuracy", "confidence", "agreement", "weight_bytes", "flash_bytes",
      "ram_bytes", "macs", "instructions", "layers",
    ] { #expect(variants.allSatisfy { $0[key] != nil }) }
    let layer = (variants[1]["layers"] as? [[String: Any]])?.first
    for key in ["name", "operator", "bits", "sqnr_db", "weight_bytes"] {
      #expect(layer?[key] != nil)
    }
    #expect(folder.data("report.csv").map { $0.count > 100 } == true)

    #expect(try folder.uq("verify", "--export", "nowhere").ending == .status(1))
    #expect(
      folder.entries == [
        "calibration.uqcal", "export", "model.onnx", "report.csv", "report.json",
      ])
  }

  @Test func worksByConfiguration() throws {
    let folder = try Folder()
    #expect(try folder.uq("init", "model.onnx", "--target", "cortex-m4").succeeded)
    #expect(failsWith("init.file.exists", try folder.uq("init", "model.onnx")))
    #expect(try folder.uq("init", "model.onnx", "--force", "--quiet").output.isEmpty)
    var text = String(decoding: folder.data("uq.yaml") ?? Data(), as: UTF8.self)
    text += "name: seven\n"
    text = text.replacingOccurrences(of: "calibration.uqcal", with: "other.uqcal")
    try folder.write(text, "uq.yaml")
    try folder.copy(try Prepared.calibration(), "other.uqcal")
    #expect(try folder.uq("export", "--method", "minmax").succeeded)
    #expect(folder.exists("export/uq_seven.h"))
  }

  @Test func runsSamplesInFloatAndQuantized() throws {
    let folder = try Folder(calibration: true)
    try folder.copy("\(Command.digits)/samples/eval", "eval")
    var npy = Data([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, 118, 0])
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1, 8, 8), }"
    npy += Data((header + String(repeating: " ", count: 117 - header.count) + "\n").utf8)
    npy += Data(count: 3 * 64 * 4)
    try npy.write(to: URL(fileURLWithPath: folder.file("x.npy")))
    for extra in [[], ["--calibration", "calibration.uqcal", "--bits", "4", "--method", "mse"]] {
      let result = try folder.uq(
        ["run", "--input", "x.npy", "--output-dir", "out", "--json"] + extra)
      #expect(result.succeeded)
      let outputs = try document(result)["outputs"] as? [[String: Any]]
      #expect(outputs?.first?["file"] as? String == "out/probabilities.npy")
      #expect(outputs?.first?["shape"] as? [Int] == [3, 10])
      #expect(folder.data("out/probabilities.npy")?.count == 128 + 120)
    }
    #expect(try folder.uq("run", "--input", "image=x.npy", "--output-dir", "out").succeeded)
    #expect(
      failsWith(
        "run.input.name",
        try folder.uq("run", "--input", "x.npy", "--input", "b=x.npy", "--output-dir", "out")))
    let empty =
      npy.prefix(10)
      + Data(
        String(decoding: npy[10..<128], as: UTF8.self)
          .replacingOccurrences(of: "(3, 1", with: "(0, 1").utf8)
    try Data(empty).write(to: URL(fileURLWithPath: folder.file("empty.npy")))
    let none = try folder.uq("run", "--input", "empty.npy", "--output-dir", "none")
    #expect(none.ending == .status(1))
    #expect(!folder.exists("none"))
  }

  @Test func mergesShards() throws {
    let folder = try Folder()
    for shard in 1...3 {
      #expect(
        try folder.uq(
          "calibrate", "--data", "\(Command.digits)/samples/calib", "--shard", "\(shard)/3",
          "--output", "part\(shard).uqcal", "--threads", "\(shard)"
        ).succeeded)
    }
    #expect(
      try folder.uq(
        "calibrate", "merge", "part3.uqcal", "part1.uqcal", "part2.uqcal", "--output", "all.uqcal"
      ).succeeded)
    let whole = FileManager.default.contents(atPath: try Prepared.calibration())
    #expect(folder.data("all.uqcal") == whole)
  }

  @Test func progressIsLinesWithoutATerminal() throws {
    let result = try Folder().uq("calibrate", "--data", "\(Command.digits)/samples/calib")
    #expect(result.errors.contains("samples/s"))
    #expect(!result.errors.contains("\r") && !result.errors.contains("\u{1B}"))
  }
}
