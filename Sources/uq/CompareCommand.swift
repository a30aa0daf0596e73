import ArgumentParser
import Foundation
import UQReport
import UQSupport
import UQToolkit

struct CompareCommand: DiagnosedCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compares variants of a model on the same samples: accuracy against size.",
    discussion: """
      EXAMPLES
        uq compare --data eval/
        uq compare --data eval/ --variants float,8,4,2 --html report.html --json report.json
        uq compare --data eval/ --variants 8,4,mixed --flash 24K --ram 4K
        uq compare --data eval/ --baseline report.json --tolerance 0.5
        uq compare --data eval/ --calibration-data samples/
      """)

  @OptionGroup var model: ModelOption
  @OptionGroup var quantization: QuantizationFlags

  @Option(help: "Folder of samples to judge by.", completion: .directory)
  var data: String

  @Option(help: "Calibration of the model.", completion: .file(extensions: ["uqcal"]))
  var calibration: String?

  @Option(help: "Calibrate with this folder of samples first.", completion: .directory)
  var calibrationData: String?

  @Option(
    help: ArgumentHelp(
      "What to compare: float, 8, 4, 3, 2, 1, mixed (bytes of 4 bits), mixed:40K, recipes, folders of exports, other models (other.onnx:4); separated by commas."
    ))
  var variants = "float,8,4"

  @Option(
    help:
      "Add so many networks of mixed widths, evenly between the bytes of 2 and of 8 bits."
  )
  var frontier: Int?

  @Option(help: "Use at most so many samples.")
  var samples: Int?

  @Option(help: "Write the report as JSON; - for standard output.", completion: .file())
  var json: String?

  @Option(help: "Write the report as comma-separated values.", completion: .file())
  var csv: String?

  @Option(help: "Write the report as one HTML file that needs no network.", completion: .file())
  var html: String?

  @Option(help: "Write the report as Markdown.", completion: .file())
  var markdown: String?

  @Option(
    help: "Compile for this chip and measure (default: that of uq.yaml, else cortex-m4).")
  var target: String?

  @Option(
    help: ArgumentHelp(
      "Count instructions on the emulated chip: auto (small networks), always or never; or count and keep within so many.",
      valueName: "auto|always|never|count"))
  var instructions = InstructionRequest.counting(.auto)

  @Option(
    help:
      "Flash of the chip: 65536, 64K, 1M. Mixed widths keep within it, and only what does is recommended."
  )
  var flash: ByteCount?

  @Option(
    help:
      "RAM for the arena: activations have 4 bits where it needs them, and only what fits is recommended."
  )
  var ram: ByteCount?

  @Option(help: "Judge by a command that reads $UQ_OUTPUTS and $UQ_LABELS and prints a number.")
  var metricCommand: String?

  @Option(
    help: "Show what changed since this report; exit with 1 past a tolerance.",
    completion: .file(extensions: ["json"]))
  var baseline: String?

  @Option(help: "Points of accuracy that may be lost against the baseline.")
  var tolerance = 1.0

  @Option(help: "Percent of flash or RAM that may be gained against the baseline.")
  var sizeTolerance = 5.0

  @Flag(name: .shortAndLong, help: "Show no progress and no text.")
  var quiet = false

  @Option(help: "Threads; results do not depend on them (default: all cores).")
  var threads: Int?

  func validate() throws {
    if let samples, samples < 1 { throw ValidationError("--samples takes a number from 1") }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads takes 1 to 1024, not \(threads)")
    }
    if let frontier, !(2...100).contains(frontier) {
      throw ValidationError("--frontier takes 2 to 100, not \(frontier)")
    }
    if !(0...100).contains(tolerance) {
      throw ValidationError("--tolerance takes 0 to 100 points, not \(tolerance)")
    }
    if !(0...1000).contains(sizeTolerance) {
      throw ValidationError("--size-tolerance takes 0 to 1000 percent, not \(sizeTolerance)")
    }
    if variants.split(separator: ",").isEmpty { throw ValidationError("--variants names none") }
  }

  func perform() throws {
    let workspace = try model.workspace()
    // Code and instructions are measured for this one where none is named.
    let usual = flash == nil && instructions.limit == nil ? "generic" : "cortex-m4"
    let chip = try Target.named(target ?? workspace.configuration.target ?? usual)
    var options = try quantization.options(
      bits: nil, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount, target: chip)
    (options.flash, options.ram) = (flash?.bytes, ram?.bytes)
    options.instructions = instructions.limit
    var task = CompareTask(
      workspace: workspace, data: data, calibrationPath: workspace.calibrationPath(calibration),
      calibrationData: calibrationData, variants: variants.split(separator: ",").map(String.init),
      limit: samples, options: options, isQuiet: quiet)
    task.frontierPoints = frontier ?? 0
    task.settings = settings(chip)
    let (report, warnings) = try task.run()
    if !quiet { for warning in warnings { writeError(warning.description) } }
    // Read before anything is written: the new report may replace it.
    let comparison = try baseline.map {
      try BaselineComparison(
        report, path: $0, tolerance: tolerance, sizeTolerance: sizeTolerance)
    }
    try write(report)
    if json == "-" {
      print(report.json.pretty, terminator: "")
    } else if !quiet {
      print(report.table)
      if let comparison, let baseline { print("\nagainst \(baseline):\n\(comparison.text)") }
    }
    let failures = report.variants.compactMap { variant in
      variant.problem.map {
        Diagnostic(id: "compare.variant.failed", "variant \(variant.name): \($0)")
      }
    }
    let problems = failures + (comparison?.regressions ?? [])
    if !problems.isEmpty { throw Diagnostics(problems) }
  }

  private func settings(_ chip: Target) -> CompareSettings {
    var settings = CompareSettings()
    settings.targetArgument = target
    settings.board = chip.board
    settings.counting = instructions.counting
    settings.metricCommand = metricCommand
    settings.commandLine = CompareSettings.commandLine(CommandLine.arguments)
    let outputs = [json, html, markdown, csv].compactMap(\.self).filter { $0 != "-" }
    settings.cachePath = outputs.first.map { "\($0).uqcompare" }
    settings.collectsDetails = json != nil || html != nil
    return settings
  }

  private func write(_ report: ComparisonReport) throws {
    if let csv { try AtomicFile.write(Data(report.csv.utf8), to: csv) }
    if let markdown { try AtomicFile.write(Data(report.markdown.utf8), to: markdown) }
    if let html { try AtomicFile.write(Data(report.html.utf8), to: html) }
    if let json, json != "-" { try AtomicFile.write(Data(report.json.pretty.utf8), to: json) }
  }
}

/// When instructions are counted, and how many there may be.
struct InstructionRequest: ExpressibleByArgument {
  let counting: CompareSettings.Counting
  let limit: Int?

  init?(argument: String) {
    if let counting = CompareSettings.Counting(rawValue: argument) {
      (self.counting, limit) = (counting, nil)
    } else if let count = ByteCount(argument: argument) {
      (counting, limit) = (.always, count.bytes)
    } else {
      return nil
    }
  }

  /// Counts, and limits nothing.
  static func counting(_ counting: CompareSettings.Counting) -> Self {
    Self(counting: counting, limit: nil)
  }

  private init(counting: CompareSettings.Counting, limit: Int?) {
    (self.counting, self.limit) = (counting, limit)
  }

  var defaultValueDescription: String { counting.rawValue }
}
