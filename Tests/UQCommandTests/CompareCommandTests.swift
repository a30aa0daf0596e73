import Foundation
import Testing
import UQBoards
import UQSupport

@Suite struct CompareCommandTests {
  private let data = ["--data", "\(Command.digits)/samples/eval"]

  /// A comparison that is killed keeps its finished variants; run again, it gives the bytes of one that was
  /// never interrupted.
  @Test func resumesToTheSameBytes() throws {
    let folder = try Folder(calibration: true)
    let command =
      ["compare", "--variants", "float,8,4,2", "--quiet", "--samples", "60", "--method", "minmax"]
      + data
      + ["--json", "r.json", "--html", "r.html"]
    let start = ContinuousClock.now
    #expect(try folder.uq(command, timeLimit: 600).succeeded)
    let taken = ContinuousClock.now - start
    #expect(!folder.exists("r.json.uqcompare"))
    let whole = (folder.data("r.json"), folder.data("r.html"))

    // Killed later and later, or earlier, until a variant was finished and the report was not.
    var limit = 0.5 * Double(taken.components.seconds + 1)
    for _ in 1...30 where !folder.exists("r.json.uqcompare") {
      for name in ["r.json", "r.html"] where folder.exists(name) {
        try FileManager.default.removeItem(atPath: folder.file(name))
      }
      let ending = try folder.uq(command, timeLimit: limit).ending
      limit *= ending == .timeLimit ? 1.2 : 0.6
    }
    #expect(folder.exists("r.json.uqcompare") && !folder.exists("r.json"))
    #expect(try folder.uq(command, timeLimit: 600).succeeded)
    #expect((folder.data("r.json"), folder.data("r.html")) == whole)
    #expect(!folder.exists("r.json.uqcompare"))
  }

  @Test func baselineDecidesTheExitStatus() throws {
    let folder = try Folder(calibration: true)
    let command =
      ["compare", "--samples", "60", "--quiet", "--instructions", "never", "--method", "minmax"]
      + data
    #expect(
      try folder.uq(command + ["--variants", "float,8", "--json", "old.json"]).succeeded)
    let again = command + ["--variants", "float,8", "--baseline", "old.json"]
    #expect(try folder.uq(again).succeeded)
    let text = String(decoding: folder.data("old.json") ?? Data(), as: UTF8.self)
    let better = text.replacing(/"ram_bytes": 3072/, with: "\"ram_bytes\": 2048")
    try folder.write(better, "old.json")
    #expect(failsWith("compare.baseline.size", try folder.uq(again)))
    #expect(try folder.uq(again + ["--size-tolerance", "60"]).succeeded)
    #expect(try folder.uq(again + ["--tolerance", "200"]).ending == .status(64))
  }

  @Test func writesEveryForm() throws {
    let folder = try Folder(calibration: true)
    let result = try folder.uq(
      ["compare", "--samples", "30", "--variants", "float,1"] + data
        + ["--html", "r.html", "--markdown", "r.md", "--csv", "r.csv", "--json", "r.json"])
    #expect(result.succeeded)
    #expect(result.output.contains("Recommended:"))
    for name in ["r.html", "r.md", "r.csv", "r.json"] { #expect(folder.exists(name)) }
    let page = String(decoding: folder.data("r.html") ?? Data(), as: UTF8.self)
    #expect(page.contains("uq compare --samples 30 --variants float,1"))
  }

  /// The commands that a report gives make networks of its bits and bytes.
  @Test func commandsMakeTheVariantsAgain() throws {
    let folder = try Folder(calibration: true)
    try folder.write(#"{"bits": 2, "layers": {"@last": 8}, "method": "percentile"}"#, "own.json")
    try folder.copy("\(Command.digits)/model.onnx", "other.onnx")
    try folder.copy(folder.file("calibration.uqcal"), "other.uqcal")
    let compared = try folder.uq(
      [
        "compare", "--model", "model.onnx", "--variants",
        "3,mixed,w2a8-ends8,own.json,other.onnx:4", "--frontier", "3",
        "--samples", "20", "--method", "minmax", "--layer", "@first:8", "--instructions", "never",
        "--json", "-", "--quiet",
      ] + data, timeLimit: 600)
    let report = try document(compared)
    let variants = report["variants"] as? [[String: Any]] ?? []
    let commands = exports(report)
    #expect(variants.count >= 7 && commands.count == variants.count)
    try expectCommands(commands, make: variants, in: folder)
  }

  /// So do those of a comparison with limits, for what fits; mixed widths use the flash there is.
  @Test func commandsKeepWithinLimits() throws {
    let folder = try Folder(calibration: true)
    let compared = try folder.uq(
      [
        "compare", "--model", "model.onnx", "--variants", "8,4,mixed,2", "--samples", "20",
        "--method",
        "minmax", "--no-equalization", "--flash", "19000", "--ram", "2K", "--instructions", "2M",
        "--json", "-", "--quiet",
      ] + data, timeLimit: 600)
    let report = try document(compared)
    #expect(
      report["limits"] as? [String: Int] == ["flash": 19000, "ram": 2048, "instructions": 2 << 20])
    let variants = report["variants"] as? [[String: Any]] ?? []
    #expect(variants.allSatisfy { ($0["ram_bytes"] as? Int ?? .max) <= 2048 })
    let over = variants.filter { ($0["over_limits"] as? [String])?.isEmpty == false }
    let isMeasured = variants.contains { $0["flash_measured"] as? Bool == true }
    #expect(over.compactMap { $0["name"] as? String } == (isMeasured ? ["8"] : []))
    let commands = exports(report)
    #expect(commands.count == variants.count - over.count)
    let fitting = variants.filter { one in
      !over.contains { $0["name"] as? String == one["name"] as? String }
    }
    try expectCommands(commands, make: fitting, in: folder)
  }

  private func exports(_ report: [String: Any]) -> [[String: Any]] {
    (report["commands"] as? [[String: Any]] ?? []).filter {
      ($0["command"] as? String)?.hasPrefix("uq export ") == true
    }
  }

  private func expectCommands(
    _ commands: [[String: Any]], make variants: [[String: Any]], in folder: Folder
  ) throws {
    for command in commands {
      let name = try #require(command["variant"] as? String)
      let variant = try #require(variants.first { $0["name"] as? String == name })
      let line = try #require(command["command"] as? String)
      let run = try ProcessRunner.run(
        "/bin/sh", ["-c", "uq() { '\(Command.path)' \"$@\"; }; \(line)"], in: folder.path,
        timeLimit: 600)
      #expect(run.succeeded, "\(line): \(run.errors)")
      let manifest = try #require(
        try JSONSerialization.jsonObject(with: folder.data("export/manifest.json") ?? Data())
          as? [String: Any])
      #expect(manifest["weight_bytes"] as? Int == variant["weight_bytes"] as? Int, "\(name)")
      #expect(manifest["arena_bytes"] as? Int == variant["ram_bytes"] as? Int, "\(name)")
      let bits = manifest["layer_bits"] as? [String: Int]
      for layer in variant["layers"] as? [[String: Any]] ?? [] {
        guard let width = layer["bits"] as? Int, let layer = layer["name"] as? String else {
          continue
        }
        #expect((bits?[layer] ?? manifest["bits"] as? Int) == width, "\(name): \(layer)")
      }
    }
  }

  @Test func debugsLayers() throws {
    let folder = try Folder(calibration: true)
    let result = try folder.uq(
      ["debug", "--bits", "2", "--samples", "4", "--method", "minmax", "--json"] + data,
      timeLimit: 300)
    let report = try document(result)
    #expect(report["samples"] as? Int == 4)
    #expect((report["layers"] as? [[String: Any]])?.count ?? 0 > 10)
    #expect((report["advice"] as? [String])?.isEmpty == false)
    #expect(
      failsWith("verify.manifest.missing", try folder.uq(["debug", "--export", "none"] + data)))
  }
}
