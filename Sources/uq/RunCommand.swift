import ArgumentParser
import UQNumerics
import UQQuantizer
import UQSupport
import UQToolkit

struct RunCommand: DiagnosedCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Computes the model's outputs, in float or as quantized.",
    discussion: """
      A file with one more dimension than the model's input, or a larger batch, holds many samples; their
      outputs are stacked.

      EXAMPLES
        uq run --input x.npy --output-dir out/
        uq run --input image=x.npy --input mask=m.npy --output-dir out/
        uq run --input x.npy --output-dir out/ --calibration calibration.uqcal --bits 4
      """)

  @OptionGroup var model: ModelOption
  @OptionGroup var common: CommonOptions
  @OptionGroup var quantization: QuantizationFlags

  @Option(help: "An input: [NAME=]FILE, .npy, .npz or .pb; may be repeated.")
  var input: [String]

  @Option(help: "Folder for the outputs, one .npy each.", completion: .directory)
  var outputDir: String

  @Option(help: "Run quantized, with this calibration.", completion: .file(extensions: ["uqcal"]))
  var calibration: String?

  @Option(help: "Run quantized, with weights of so many bits: 8, 4, 3, 2, 1, mixed.")
  var bits: WeightBits?

  func perform() throws {
    let workspace = try model.workspace()
    var options: CompileOptions?
    if calibration != nil || bits != nil || quantization.recipe != nil
      || !quantization.layer.isEmpty
    {
      options = try quantization.options(bits: bits, threads: common.threadCount)
    }
    let task = RunTask(
      workspace: workspace, inputs: input, outputFolder: outputDir,
      calibrationPath: workspace.calibrationPath(calibration), quantized: options,
      threads: common.threadCount)
    let written = try task.run()
    common.show(
      written.map { "\($0.path): \($0.shape)" }.joined(separator: "\n"),
      [
        "outputs": .array(
          written.map {
            [
              "file": .string($0.path),
              "shape": .array($0.shape.dimensions.map { .integer($0) }),
            ]
          })
      ])
  }
}
