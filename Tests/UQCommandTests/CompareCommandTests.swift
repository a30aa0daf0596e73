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
      ["compare", "--variants", "float,8,4,2", "--quiet", "--samples", "90"] + data
      + ["--json", "r.json", "--html", "r.html"]
    #expect(try folder.uq(command, timeLimit: 300).succeeded)
    #expect(!folder.exists("r.json.uqcompare"))
    let whole = (folder.data("r.json"), folder.data("r.html"))

    var wasInterrupted = false
    for attempt in 1...60 where !wasInterrupted {
      for name in ["r.json", "r.html"] {
        try FileManager.default.removeItem(atPath: folder.file(name))
      }
      let killed = try folder.uq(command, timeLimit: 0.5 * Double(attempt))
      if killed.ending == .timeLimit, folder.exists("r.json.uqcompare") { wasInterrupted = true }
      #expect(try folder.uq(command, timeLimit: 300).succeeded)
      #expect((folder.data("r.json"), folder.data("r.html")) == whole)
      if killed.succeeded { break }
    }
    #expect(wasInterrupted)
    #expect(!folder.exists("r.json.uqcompare"))
  }

  @Test func baselineDecidesTheExitStatus() throws {
    let folder = try Folder(calibration: true)
    let command = ["compare", "--samples", "60", "--quiet", "--instructions", "never"] + data
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

  @Test func debugsLayers() throws {
    let folder = try Folder(calibration: true)
    let result = try folder.uq(["debug", "--bits", "2", "--samples", "4", "--json"] + data)
    let report = try document(result)
    #expect(report["samples"] as? Int == 4)
    #expect((report["layers"] as? [[String: Any]])?.count ?? 0 > 10)
    #expect((report["advice"] as? [String])?.isEmpty == false)
    #expect(
      failsWith("verify.manifest.missing", try folder.uq(["debug", "--export", "none"] + data)))
  }
}
