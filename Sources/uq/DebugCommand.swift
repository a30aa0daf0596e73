import ArgumentParser
import UQKernels
import UQQuantizer
import UQReport
import UQToolkit

struct DebugCommand: DiagnosedCommand {
  static let configuration = CommandConfiguration(
    commandName: "debug",
    abstract: "Compares float, simulator and compiled C layer by layer, and says what to try.",
    discussion: """
      EXAMPLES
        uq debug --data samples/ --bits 4
        uq debug --data samples/ --export export/ --samples 4
      """)

  @OptionGroup var model: ModelOption
  @OptionGroup var common: CommonOptions
  @OptionGroup var quantization: QuantizationFlags

  @Option(help: "Folder of samples.", completion: .directory)
  var data: String

  @Option(help: "Calibration of the model.", completion: .file(extensions: ["uqcal"]))
  var calibration: String?

  @Option(help: "Bits of the weights: 8, 4, 3, 2, 1 (an export says it itself).")
  var bits: WeightBits?

  @Option(help: "Compile this export and compare it too.", completion: .directory)
  var export: String?

  @Option(help: "Use at most so many samples.")
  var samples = 16

  func validate() throws {
    if !(1...10_000).contains(samples) {
      throw ValidationError("--samples takes 1 to 10000, not \(samples)")
    }
  }

  func perform() throws {
    let workspace = try model.workspace()
    let task = DebugTask(
      workspace: workspace, data: data, calibrationPath: workspace.calibrationPath(calibration),
      options: try quantization.options(bits: bits, threads: common.threadCount),
      exportFolder: export, limit: samples)
    let (report, warnings) = try task.run()
    common.warn(warnings)
    common.show(report.text, report.json)
  }
}
