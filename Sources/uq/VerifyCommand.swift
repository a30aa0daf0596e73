import ArgumentParser
import Foundation
import UQBoards
import UQSupport
import UQToolkit

struct VerifyCommand: DiagnosedCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compiles exported C, runs it and compares every output byte with the simulator.",
    discussion: """
      Without --board it builds with gcc and clang, without and with optimisation and with sanitizers, and
      for the emulated board of the export's target where its compiler and emulator are installed; that
      is a Cortex-M4 for targets without one.

      EXAMPLES
        uq verify
        uq verify --data eval/ --board host --board mps2-an386
      """)

  @OptionGroup var model: ModelOption
  @OptionGroup var common: CommonOptions

  @Option(help: "Folder of the export.", completion: .directory)
  var export = "export"

  @Option(help: "Calibration of the model.", completion: .file(extensions: ["uqcal"]))
  var calibration: String?

  @Option(help: "Run these samples besides pseudo-random inputs.", completion: .directory)
  var data: String?

  @Option(help: "Where to run: host, or an emulated board; may be repeated.")
  var board: [String] = []

  @Option(help: "Number of inputs on this machine.")
  var inputs = 1000

  func validate() throws {
    if inputs < 1 { throw ValidationError("--inputs takes a number from 1") }
  }

  func perform() throws {
    let workspace = try model.workspace()
    let task = VerifyTask(
      workspace: workspace, calibrationPath: workspace.calibrationPath(calibration),
      exportFolder: export, data: data, builds: try builds(), inputCount: inputs,
      threads: common.threadCount, isQuiet: common.quiet)
    let result = try task.run()
    if common.json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      print(String(decoding: try encoder.encode(result), as: UTF8.self))
    } else if !common.quiet {
      print(text(result))
    }
    if !result.isIdentical {
      throw Diagnostics(
        result.problems.isEmpty
          ? [Diagnostic(id: "verify.output.none", "no output was compared")] : result.problems)
    }
  }

  private func builds() throws -> [BuildConfiguration] {
    if board.isEmpty {
      // A folder that is no export is refused by what comes after.
      let known = try? Export(folder: export)
      guard let device = try known?.targetBoard(), device != .host else {
        return BuildConfiguration.hostBuilds
      }
      let build = BuildConfiguration.board(device, "-O2")
      if build.missingTools.isEmpty { return BuildConfiguration.hostBuilds + [build] }
      if !common.quiet {
        for missing in build.missingTools {
          writeError("note: the emulated \(device.core) is left out: \(missing.message)")
        }
      }
      return BuildConfiguration.hostBuilds
    }
    return try board.flatMap { name in
      name == "host"
        ? BuildConfiguration.hostBuilds : [BuildConfiguration.board(try Board.named(name), "-O2")]
    }
  }

  private func text(_ result: VerificationResult) -> String {
    let width = result.builds.map(\.name.count).max() ?? 0
    var lines = result.builds.map { build -> String in
      let verdict =
        !build.problems.isEmpty
        ? "failed" : build.mismatches == 0 ? "identical" : "\(build.mismatches) bytes differ"
      let name = build.name + String(repeating: " ", count: width - build.name.count)
      var line = "\(name)  \(build.samples) inputs, \(build.compared) output bytes: \(verdict)"
      if let instructions = build.instructions { line += ", \(instructions) instructions" }
      if let stack = build.stackBytes { line += ", \(stack) bytes of stack" }
      return line
    }
    lines.append(
      result.isIdentical
        ? "all \(result.outputs) output bytes are those of the simulator"
        : "\(result.mismatches) of \(result.outputs) output bytes differ from the simulator")
    return lines.joined(separator: "\n")
  }
}
