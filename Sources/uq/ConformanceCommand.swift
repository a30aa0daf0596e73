import ArgumentParser
import UQSupport
import UQToolkit

struct ConformanceCommand: DiagnosedCommand {
  static let configuration = CommandConfiguration(
    commandName: "conformance",
    abstract: "Runs ONNX backend tests: folders with a model, inputs and expected outputs.",
    discussion: """
      EXAMPLES
        uq conformance onnx/backend/test/data/node
        uq conformance cases/ --json
      """)

  @Argument(help: "Folder with a sub-folder for each case.", completion: .directory)
  var folder: String

  @OptionGroup var common: CommonOptions

  @Option(help: "Relative tolerance.")
  var rtol = 1e-3

  @Option(help: "Absolute tolerance.")
  var atol = 1e-7

  func perform() throws {
    let cases = try ConformanceTask(folder: folder, relative: rtol, absolute: atol)
      .run(threads: common.threadCount)
    let passed = cases.count { $0.status == .pass }
    let unsupported = cases.count { $0.status == .unsupported }
    let failed = cases.count - passed - unsupported
    common.show(
      (cases.filter { $0.status != .pass }.map { "\($0.status.rawValue) \($0.name): \($0.reason)" }
        + ["\(passed) passed, \(failed) failed, \(unsupported) unsupported"])
        .joined(separator: "\n"),
      [
        "cases": .array(
          cases.map {
            [
              "name": .string($0.name), "status": .string($0.status.rawValue),
              "reason": .string($0.reason),
            ]
          }), "passed": .integer(passed), "failed": .integer(failed),
        "unsupported": .integer(unsupported),
      ])
    if failed > 0 {
      throw Diagnostic(id: "conformance.case.failed", "\(failed) of \(cases.count) cases failed")
    }
  }
}
