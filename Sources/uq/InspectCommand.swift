import ArgumentParser
import UQSupport
import UQToolkit

struct InspectCommand: DiagnosedCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows a model's inputs, outputs, operators and everything that is not supported.",
    discussion: """
      EXAMPLES
        uq inspect --model resnet8.onnx
        uq inspect --json
      """)

  @OptionGroup var model: ModelOption
  @OptionGroup var common: CommonOptions

  func perform() throws {
    let inspection = try ModelInspection(try model.workspace())
    common.show(inspection.text, inspection.json)
  }
}
