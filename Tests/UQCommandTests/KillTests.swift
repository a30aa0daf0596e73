import Foundation
import Testing
import UQBoards
import UQSupport

/// Kills commands at random moments: what they write is the old state or the new one, never between.
@Suite(.serialized) struct KillTests {
  private static let rounds = 32

  /// Runs alternating commands, killing most of them.
  ///
  /// - Parameters:
  ///   - commands: two commands that write different things to the same place.
  ///   - state: what is at that place now.
  private func storm<State: Equatable>(
    _ folder: Folder, _ commands: [[String]], seed: UInt64, state: () -> State?
  ) throws {
    var complete: [State] = []
    // Seconds that each command took when it last ran to its end: other processes come and go.
    var durations: [Double] = []
    for command in commands {
      let start = Date()
      #expect(try folder.uq(command).succeeded)
      durations.append(Date().timeIntervalSince(start))
      complete.append(try #require(state()))
    }
    let clean = folder.entries
    #expect(complete[0] != complete[1])
    var generator = SeededGenerator(seed: seed)
    var killed = 0
    for round in 0..<Self.rounds {
      // Half of them near the end, where outputs are written.
      let range = round % 2 == 0 ? 0.0...1.1 : 0.7...1.2
      let index = round / 2 % 2
      let limit = durations[index] * Double.random(in: range, using: &generator)
      let start = Date()
      let result = try folder.uq(commands[index], timeLimit: max(0.002, limit))
      if result.ending == .timeLimit {
        killed += 1
      } else {
        #expect(result.succeeded)
        durations[index] = Date().timeIntervalSince(start)
      }
      let now = state()
      #expect(now == complete[0] || now == complete[1], "after kill \(round)")
    }
    #expect(killed >= Self.rounds / 8)
    for (command, wanted) in zip(commands, complete) {
      #expect(try folder.uq(command).succeeded)
      #expect(state() == wanted)
    }
    #expect(folder.entries == clean, "temporaries are left")
  }

  @Test func calibrate() throws {
    let folder = try Folder()
    let command = [
      "calibrate", "--data", "\(Command.digits)/samples/calib", "--quiet", "--samples",
    ]
    try storm(folder, [command + ["40"], command + ["90"]], seed: 1) {
      folder.data("calibration.uqcal")
    }
  }

  @Test func export() throws {
    let folder = try Folder(calibration: true)
    let command = ["export", "--method", "minmax", "--quiet", "--bits"]
    try storm(folder, [command + ["8"], command + ["4"]], seed: 2) { folder.contents(of: "export") }
  }

  @Test func compare() throws {
    let folder = try Folder(calibration: true)
    let command = [
      "compare", "--data", "\(Command.digits)/samples/eval", "--variants", "float", "--quiet",
      "--json", "report.json", "--samples",
    ]
    try storm(folder, [command + ["20"], command + ["30"]], seed: 3) { folder.data("report.json") }
  }

  /// A frontier that was cut off goes on where it stopped, and ends with the same bytes.
  @Test func frontier() throws {
    let command = [
      "compare", "--data", "\(Command.digits)/samples/eval", "--variants", "float,8", "--frontier",
      "4", "--method", "minmax", "--samples", "20", "--quiet", "--json", "report.json",
    ]
    func folder() throws -> Folder {
      let folder = try Folder()
      let data = "\(Command.digits)/samples/calib"
      #expect(try folder.uq("calibrate", "--data", data, "--samples", "20", "--quiet").succeeded)
      return folder
    }
    let whole = try folder()
    let start = Date()
    #expect(try whole.uq(command, timeLimit: 300).succeeded)
    let duration = Date().timeIntervalSince(start)
    let wanted = try #require(whole.data("report.json"))
    let cut = try folder()
    var limit = duration * 0.7
    for _ in 0..<12 where !cut.exists("report.json.uqcompare") {
      if try cut.uq(command, timeLimit: limit).ending == .timeLimit {
        #expect(!cut.exists("report.json"))
        limit *= 1.3
      } else {
        try FileManager.default.removeItem(atPath: cut.file("report.json"))
        limit *= 0.6
      }
    }
    #expect(cut.exists("report.json.uqcompare"), "nothing was there to go on from")
    #expect(try cut.uq(command, timeLimit: 300).succeeded)
    #expect(cut.data("report.json") == wanted)
    #expect(cut.entries == ["calibration.uqcal", "model.onnx", "report.json"])
  }

  /// Temporaries of processes that are gone are removed, of running ones kept.
  @Test func cleansUpAfterTheDead() throws {
    let folder = try Folder()
    // No process has this id: it is above the kernel's largest.
    for name in [".calibration.uqcal.4194305.tmp", ".calibration.uqcal.1.tmp"] {
      try folder.write("x", name)
    }
    let command = ["calibrate", "--data", "\(Command.digits)/samples/calib", "--samples", "40"]
    #expect(try folder.uq(command).succeeded)
    #expect(folder.entries == [".calibration.uqcal.1.tmp", "calibration.uqcal", "model.onnx"])
  }

  /// Where two renames were needed and only one happened, the next export finds the old folder again.
  @Test func restoresAFolderMovedAside() throws {
    let folder = try Folder()
    try FileManager.default.createDirectory(
      atPath: folder.file(".export.4194305.old"), withIntermediateDirectories: false)
    try folder.write("mine", ".export.4194305.old/notes.txt")
    try AtomicFile.writeFolder(
      [("a.c", Data("a".utf8))], to: folder.file("export"), isReplaced: { _ in false })
    #expect(folder.data("export/notes.txt") == Data("mine".utf8))
    #expect(folder.data("export/a.c") == Data("a".utf8))
    #expect(folder.entries == ["export", "model.onnx"])
  }
}
