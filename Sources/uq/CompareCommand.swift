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
        uq compare --data eval/ --variants float,8,4,2 --json report.json
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
      "What to compare: float, 8, 4, 3, 2, 1, mixed (bytes of 4 bits), mixed:40K, recipes, folders of exports; separated by commas."
    ))
  var variants = "float,8,4"

  @Option(
    help:
      "Add so many networks of mixed widths, evenly between 2 and 8 bits; what is finished is kept beside the calibration."
  )
  var frontier: Int?

  @Option(help: "Use at most so many samples.")
  var samples: Int?

  @Option(help: "Write the report as JSON; - for standard output.", completion: .file())
  var json: String?

  @Option(help: "Write the report as comma-separated values.", completion: .file())
  var csv: String?

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
    if variants.split(separator: ",").isEmpty { throw ValidationError("--variants names none") }
  }

  func perform() throws {
    let workspace = try model.workspace()
    var task = CompareTask(
      workspace: workspace, data: data, calibrationPath: workspace.calibrationPath(calibration),
      calibrationData: calibrationData, variants: variants.split(separator: ",").map(String.init),
      limit: samples,
      options: try quantization.options(
        bits: nil, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount),
      isQuiet: quiet)
    task.frontierPoints = frontier ?? 0
    let (report, warnings) = try task.run()
    if !quiet { for warning in warnings { writeError(warning.description) } }
    if let csv { try AtomicFile.write(Data(report.csv.utf8), to: csv) }
    if let json, json != "-" { try AtomicFile.write(Data(report.json.pretty.utf8), to: json) }
    if json == "-" {
      print(report.json.pretty, terminator: "")
    } else if !quiet {
      print(report.table)
    }
    if report.variants.contains(where: { $0.problem != nil }) {
      throw Diagnostics(
        report.variants.compactMap { variant in
          variant.problem.map {
            Diagnostic(id: "compare.variant.failed", "variant \(variant.name): \($0)")
          }
        })
    }
  }
}
