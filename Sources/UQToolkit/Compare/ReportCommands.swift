import UQKernels
import UQQuantizer
import UQReport

/// The commands that make a comparison, and its recommended variant, again.
struct ReportCommands {
  private let task: CompareTask
  private let model: LoadedModel

  /// Takes what is compared.
  init(_ task: CompareTask, _ model: LoadedModel) {
    self.task = task
    self.model = model
  }

  /// The commands for a report.
  func list(for report: ComparisonReport) -> [ReportCommand] {
    var result: [ReportCommand] = []
    let path = ["--model", model.path]
    let calibration = ["--calibration", task.calibrationPath]
    if let data = task.calibrationData {
      result.append(
        ReportCommand(
          purpose: "calibrate",
          line: Self.line(
            ["uq", "calibrate"] + path + ["--data", data, "--output", task.calibrationPath])))
    }
    if let line = task.settings.commandLine {
      result.append(ReportCommand(purpose: "make this report", line: line))
    }
    guard let name = report.recommendation.variant, Int(name) != nil else { return result }
    result.append(
      ReportCommand(
        purpose: "export the recommended variant",
        line: Self.line(
          ["uq", "export"] + path + calibration + [
            "--bits", name, "--method", task.options.method.rawValue, "--rounding",
            task.options.rounding.rawValue, "--output", "export",
          ])))
    result.append(
      ReportCommand(
        purpose: "prove that the compiled C computes what this report judged",
        line: Self.line(
          ["uq", "verify"] + path + calibration + ["--export", "export", "--data", task.data])))
    return result
  }

  /// Words as a line for a POSIX shell.
  static func line(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }

  private static func quoted(_ word: String) -> String {
    let isPlain = word.unicodeScalars.allSatisfy {
      ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
        || "-_./=,:+@%".unicodeScalars.contains($0)
    }
    if isPlain, !word.isEmpty { return word }
    return "'" + word.replacing("'", with: "'\\''") + "'"
  }
}

extension CompareSettings {
  /// The line for a shell of arguments as the program got them, without what changes no result.
  public static func commandLine(_ arguments: [String]) -> String {
    var words = ["uq"]
    var rest = arguments.dropFirst()
    while let word = rest.popFirst() {
      if word == "--threads" {
        rest = rest.dropFirst()
      } else if word != "--quiet", word != "-q", !word.hasPrefix("--threads=") {
        words.append(word)
      }
    }
    return ReportCommands.line(words)
  }
}
