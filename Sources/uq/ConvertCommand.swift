import ArgumentParser
import Foundation
import UQSupport
import UQToolkit

struct ConvertCommand: DiagnosedCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Writes a model in another format.",
    discussion: """
      The network is written as imported, before any optimisation.

      EXAMPLES
        uq convert resnet8.onnx --to relay --output resnet8.relay
        uq convert net.tar --to relay
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case relay
    case uqir
  }

  @Argument(
    help: "The model (default: that of uq.yaml, else the only one here).",
    completion: .file(extensions: ["onnx", "relay", "tar"]))
  var model: String?

  @Option(help: "The format to write: relay or uqir.")
  var to: Format

  @Option(help: "Where to write (default: standard output).", completion: .file())
  var output: String?

  @Option(
    help: "Parameters of a Relay model (default: MODEL.params or params.bin beside it).",
    completion: .file(extensions: ["params", "bin"]))
  var params: String?

  func perform() throws {
    let converted = try ConvertTask(workspace: Workspace(model: model, params: params))
    let text =
      switch to {
      case .relay: try converted.relay()
      case .uqir: converted.uqir()
      }
    if let output {
      try AtomicFile.write(Data(text.utf8), to: output)
    } else {
      print(text, terminator: "")
    }
  }
}
