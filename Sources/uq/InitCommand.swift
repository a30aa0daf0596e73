import ArgumentParser
import UQSupport
import UQToolkit

struct InitCommand: DiagnosedCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Writes uq.yaml for a model: path, preprocessing, target.",
    discussion: """
      EXAMPLES
        uq init resnet8.onnx
        uq init resnet8.onnx --target cortex-m4 --output project/uq.yaml
      """)

  @Argument(help: "The model.", completion: .file(extensions: ["onnx", "relay"]))
  var model: String

  @OptionGroup var common: CommonOptions

  @Option(help: "Chip to generate for: \(Target.all.map(\.name).joined(separator: ", ")).")
  var target = "generic"

  @Option(name: .shortAndLong, help: "File to write.")
  var output = "uq.yaml"

  @Flag(help: "Replace the file if it exists.")
  var force = false

  func perform() throws {
    let task = InitTask(
      model: model, target: try Target.named(target), output: output, replaces: force)
    try task.run()
    common.show(
      "\(output) written; next: uq calibrate --data SAMPLES",
      ["output": .string(output), "model": .string(model), "target": .string(target)])
  }
}
