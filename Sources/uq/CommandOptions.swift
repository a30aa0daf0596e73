import ArgumentParser
import Foundation
import UQSupport
import UQToolkit

/// Options that every command takes.
struct CommonOptions: ParsableArguments {
  @Flag(help: "Print one JSON document on standard output.")
  var json = false

  @Flag(name: .shortAndLong, help: "Show no progress and no text.")
  var quiet = false

  @Option(help: "Threads; results do not depend on them (default: all cores).")
  var threads: Int?

  var threadCount: Int { threads ?? ProcessInfo.processInfo.activeProcessorCount }

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads takes 1 to 1024, not \(threads)")
    }
  }

  /// Prints the text for people, or the document.
  func show(_ text: @autoclosure () -> String, _ document: @autoclosure () -> JSONValue) {
    if json {
      print(document().pretty, terminator: "")
    } else if !quiet {
      print(text())
    }
  }

  /// Prints warnings on standard error.
  func warn(_ warnings: [Diagnostic]) {
    guard !quiet else { return }
    for warning in warnings { writeError(warning.description) }
  }
}

/// The option that names the model.
struct ModelOption: ParsableArguments {
  @Option(
    help: "The model (default: that of uq.yaml, else the only .onnx or .relay file here).",
    completion: .file(extensions: ["onnx", "relay", "tar"]))
  var model: String?

  @Option(
    help: "Parameters of a Relay model (default: MODEL.params or params.bin beside it).",
    completion: .file(extensions: ["params", "bin"]))
  var params: String?

  func workspace() throws -> Workspace { try Workspace(model: model, params: params) }
}

/// A command whose problems are printed one a line, with exit status 1.
protocol DiagnosedCommand: ParsableCommand {
  func perform() throws
}

extension DiagnosedCommand {
  func run() throws {
    do {
      try perform()
      // What was printed may still be on its way to a full disk.
      if fflush(nil) != 0 {
        throw Diagnostic(
          id: "output.stdout.write",
          "cannot write to standard output: \(String(cString: strerror(errno)))")
      }
    } catch {
      for problem in diagnostics(of: error) { writeError(problem.description) }
      throw ExitCode(1)
    }
  }
}

func writeError(_ line: String) {
  FileHandle.standardError.write(Data((line + "\n").utf8))
}

/// A number of bytes: `65536`, `64K`, `1M`.
struct ByteCount: ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    guard let count = ByteSize.parse(argument), count > 0 else { return nil }
    bytes = count
  }
}
