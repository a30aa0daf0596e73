import ArgumentParser
import UQToolkit

@main
struct UQ: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "uq",
    abstract: "Turns trained networks into integer C for chips without an operating system.",
    discussion: """
      EXAMPLES
        uq init resnet8.onnx                    # writes uq.yaml
        uq calibrate --data samples/            # writes calibration.uqcal
        uq export --bits 4                      # writes export/
        uq compare --data eval/                 # accuracy against size
        uq verify                               # compiles the C, compares every byte
      """,
    version: toolVersion,
    subcommands: [
      InitCommand.self, InspectCommand.self, ConvertCommand.self, RunCommand.self,
      CalibrateCommand.self,
      ExportCommand.self, CompareCommand.self, VerifyCommand.self, BenchCommand.self,
      DebugCommand.self,
      ConformanceCommand.self,
    ])
}
