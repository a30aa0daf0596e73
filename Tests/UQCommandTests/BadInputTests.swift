import Foundation
import Testing
import UQBoards
import UQSupport

@Suite struct BadInputTests {
  private let samples = "\(Command.digits)/samples/calib"

  @Test func missingAndForeignFiles() throws {
    let folder = try Folder()
    #expect(failsWith("calibration.file.missing", try folder.uq("export")))
    #expect(failsWith("samples.folder.missing", try folder.uq("calibrate", "--data", "nowhere")))
    try folder.write("no calibration", "calibration.uqcal")
    #expect(failsWith("calibration.file.malformed", try folder.uq("export")))
    try folder.write("no model", "bad.onnx")
    let bad = try folder.uq("inspect", "--model", "bad.onnx")
    #expect(bad.ending == .status(1))
    #expect(bad.errors.hasPrefix("bad.onnx"))
    #expect(folder.entries == ["bad.onnx", "calibration.uqcal", "model.onnx"])
  }

  @Test func calibrationOfAnotherModel() throws {
    let folder = try Folder(calibration: true)
    var model = try #require(folder.data("model.onnx"))
    let name = try #require(model.range(of: Data("probabilities".utf8)))
    model.replaceSubrange(name, with: Data("probabilitieS".utf8))
    let last = try #require(model.range(of: Data("probabilities".utf8)))
    model.replaceSubrange(last, with: Data("probabilitieS".utf8))
    try model.write(to: URL(fileURLWithPath: folder.file("model.onnx")))
    #expect(failsWith("calibration.model.mismatch", try folder.uq("export")))
    #expect(!folder.exists("export"))
  }

  @Test func budgetsTooSmall() throws {
    let folder = try Folder(calibration: true)
    let quick = ["export", "--method", "minmax"]
    #expect(failsWith("export.budget.ram", try folder.uq(quick + ["--ram", "1K"])))
    #expect(failsWith("export.budget.flash", try folder.uq(quick + ["--flash", "1K"])))
    #expect(failsWith("target.name.unknown", try folder.uq(quick + ["--target", "z80"])))
    #expect(failsWith("workspace.name.invalid", try folder.uq(quick + ["--name", "A-b"])))
    #expect(failsWith("passes.name.unknown", try folder.uq(quick + ["--disable-pass", "x"])))
    let mixed = quick + ["--bits", "mixed"]
    #expect(failsWith("allocate.budget.weights", try folder.uq(quick + ["--bits", "mixed:1"])))
    #expect(failsWith("allocate.budget.flash", try folder.uq(mixed + ["--flash", "1"])))
    #expect(
      failsWith(
        "allocate.budget.instructions",
        try folder.uq(mixed + ["--instructions", "1", "--target", "cortex-m4"])))
    #expect(
      failsWith("target.instructions.unknown", try folder.uq(mixed + ["--instructions", "1"])))
    #expect(
      failsWith(
        "export.budget.instructions",
        try folder.uq(quick + ["--instructions", "1", "--target", "cortex-m4"])))
    #expect(failsWith("layer.name.unknown", try folder.uq(quick + ["--layer", "none:8"])))
    #expect(failsWith("layer.rule.malformed", try folder.uq(quick + ["--layer", "none:9"])))
    #expect(failsWith("recipe.name.unknown", try folder.uq(quick + ["--recipe", "none"])))
    #expect(failsWith("recipe.file.unreadable", try folder.uq(quick + ["--recipe", "./none"])))
    #expect(folder.entries == ["calibration.uqcal", "model.onnx"])
  }

  @Test func outputsThatCannotBeWritten() throws {
    let folder = try Folder(calibration: true)
    try folder.write("keep me", "file")
    let before = folder.entries
    let calibrate = ["calibrate", "--data", samples, "--samples", "40", "--quiet", "--output"]
    let export = ["export", "--method", "minmax", "--quiet", "--output"]
    for place in ["file/inside", "/proc/inside", "/proc/self/x/y", "."] {
      #expect(failsWith("output.file.write", try folder.uq(calibrate + [place])))
      #expect(failsWith("output.folder.write", try folder.uq(export + [place])))
    }
    #expect(failsWith("output.file.write", try folder.uq(calibrate + ["/dev/full"])))
    #expect(failsWith("output.folder.write", try folder.uq(export + ["file"])))
    #expect(failsWith("output.folder.write", try folder.uq(export + [".."])))
    #expect(
      failsWith(
        "output.file.write",
        try folder.uq(
          "compare", "--data", samples, "--samples", "9", "--variants", "float", "--json",
          "file/report.json")))
    #expect(folder.entries == before)
    #expect(folder.data("file") == Data("keep me".utf8))
    var status = stat()
    #expect(stat("/dev/full", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
  }

  /// A folder that this user may not write; skipped where no other user can be taken on.
  @Test func readOnlyFolder() throws {
    let folder = try Folder(calibration: true)
    let user = ["--reuid", "65534", "--regid", "65534", "--clear-groups"]
    let setpriv = "/usr/bin/setpriv"
    guard geteuid() == 0, FileManager.default.isExecutableFile(atPath: setpriv),
      try ProcessRunner.run(
        setpriv, user + [Command.path, "--version"], in: folder.path, timeLimit: 9
      )
      .succeeded
    else { return }
    try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder.path)
    let before = folder.entries
    for arguments in [
      ["calibrate", "--data", samples, "--samples", "40", "--quiet"],
      ["export", "--method", "minmax", "--quiet"], ["init", "model.onnx"],
    ] {
      let result = try ProcessRunner.run(
        setpriv, user + [Command.path] + arguments, in: folder.path, timeLimit: 60)
      let id = arguments[0] == "export" ? "output.folder.write" : "output.file.write"
      #expect(failsWith(id, result), "\(result)")
    }
    #expect(folder.entries == before)
  }

  @Test func fullStandardOutput() throws {
    let folder = try Folder()
    let result = try ProcessRunner.run(
      "/bin/sh", ["-c", "exec \"$0\" inspect --json >/dev/full", Command.path], in: folder.path,
      timeLimit: 20)
    #expect(failsWith("output.stdout.write", result))
  }

  @Test func samplesThatDoNotFit() throws {
    let folder = try Folder()
    var npy = Data([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, 118, 0])
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 3, 3), }"
    npy += Data((header + String(repeating: " ", count: 117 - header.count) + "\n").utf8)
    npy += Data(count: 5 * 9 * 4)
    try FileManager.default.createDirectory(
      atPath: folder.file("bad"), withIntermediateDirectories: false)
    try npy.write(to: URL(fileURLWithPath: folder.file("bad/inputs.npy")))
    let result = try folder.uq("calibrate", "--data", "bad")
    #expect(result.ending == .status(1))
    #expect(result.errors.contains("error: "))
    #expect(folder.entries == ["bad", "model.onnx"])
  }

  /// What a user put beside an export stays, and only an export is replaced.
  @Test func keepsForeignFilesOfTheOutputFolder() throws {
    let folder = try Folder(calibration: true)
    let quick = ["export", "--method", "minmax", "--quiet", "--name"]
    try FileManager.default.createDirectory(
      atPath: folder.file("export/src"), withIntermediateDirectories: true)
    try folder.write("mine", "export/uq_notes.c")
    try folder.write("mine", "export/src/main.c")
    #expect(try folder.uq(quick + ["one"]).succeeded)
    #expect(folder.exists("export/uq_one.c"))
    #expect(folder.data("export/uq_notes.c") == Data("mine".utf8))
    try folder.write("built", "export/a.out")
    #expect(try folder.uq(quick + ["two"]).succeeded)
    #expect(folder.exists("export/uq_two.c") && !folder.exists("export/uq_one.c"))
    #expect(folder.data("export/a.out") == Data("built".utf8))
    #expect(folder.data("export/src/main.c") == Data("mine".utf8))
    #expect(folder.entries == ["calibration.uqcal", "export", "model.onnx"])
  }
}
