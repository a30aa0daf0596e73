import UQKernels
import UQQuantizer
import UQReport

/// The commands that make a comparison, and each of its variants, again.
struct ReportCommands {
  private let task: CompareTask
  private let model: LoadedModel

  /// Takes what is compared.
  init(_ task: CompareTask, _ model: LoadedModel) {
    self.task = task
    self.model = model
  }

  /// The commands for a report, those of the recommended variant before those of the others; what does not fit
  /// has none.
  func list(for report: ComparisonReport) -> [ReportCommand] {
    var result: [ReportCommand] = []
    if let data = task.calibrationData {
      result.append(
        ReportCommand(
          purpose: "calibrate",
          line: Self.line(
            ["uq", "calibrate"] + modelFlags(nil) + [
              "--data", data, "--output", task.calibrationPath,
            ])))
    }
    if let line = task.settings.commandLine {
      result.append(ReportCommand(purpose: "make this report", line: line))
    }
    let chosen = report.recommendation.variant
    for variant in report.integers.filter({ $0.name == chosen }) {
      if let export = export(variant) {
        result.append(
          ReportCommand(
            purpose: "export the recommended variant", line: export, variant: variant.name))
      }
      if let verify = verify(variant) {
        result.append(
          ReportCommand(
            purpose: "prove that the compiled C computes what this report judged", line: verify,
            variant: variant.name))
      }
    }
    for variant in report.fitting where variant.name != chosen {
      if let export = export(variant) {
        result.append(
          ReportCommand(purpose: "export \(variant.label)", line: export, variant: variant.name))
      }
    }
    return result
  }

  /// The command that exports a variant; `nil` for one that is an export.
  private func export(_ variant: VariantReport) -> String? {
    guard let source = try? VariantSource(variant.name), let flags = source.flags else {
      return nil
    }
    let options = source.options(task.options)
    var words = ["uq", "export"] + modelFlags(source) + calibrationFlags(source) + flags
    for rule in task.options.layers { words += ["--layer", "\(rule.pattern):\(rule.widthText)"] }
    words += ["--method", options.method.rawValue, "--rounding", options.rounding.rawValue]
    if options.keepsActivations || options.ram == nil {
      words += ["--activation-bits", "\(options.activationBits)"]
    }
    if !options.equalizes { words.append("--no-equalization") }
    let limits = [
      ("--flash", options.flash), ("--ram", options.ram), ("--instructions", options.instructions),
    ]
    for case (let flag, let limit?) in limits { words += [flag, "\(limit)"] }
    if let size = options.groupSize, !flags.contains("--recipe") {
      words += ["--group-size", "\(size)"]
    }
    if let target = task.settings.targetArgument ?? options.target?.name {
      words += ["--target", target]
    }
    return Self.line(words + ["--output", "export"])
  }

  private func verify(_ variant: VariantReport) -> String? {
    guard let source = try? VariantSource(variant.name) else { return nil }
    var folder = "export"
    if case .export(let own) = source { folder = own }
    return Self.line(
      ["uq", "verify"] + modelFlags(source) + calibrationFlags(source) + [
        "--export", folder, "--data", task.data,
      ])
  }

  private func modelFlags(_ source: VariantSource?) -> [String] {
    if case .model(let path, _)? = source { return ["--model", path] }
    return ["--model", model.path]
      + (task.workspace.paramsPath.map { ["--params", $0] } ?? [])
  }

  private func calibrationFlags(_ source: VariantSource) -> [String] {
    guard case .model(let path, _) = source else { return ["--calibration", task.calibrationPath] }
    return ["--calibration", OtherModel.calibrationPath(path)]
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
