import Foundation
import UQSupport

/// The program around a model: `verify_main.c`, the header that it takes from an export, its reports.
struct VerificationHarness: Sendable {
  let export: Export

  /// Bytes before, between and behind ports.
  private static let margin = 64

  /// Text of `verify_model.h`.
  var header: String {
    let inputs = Self.layout(export.inputs)
    let outputs = Self.layout(export.outputs)
    return """
      #ifndef UQ_VERIFY_MODEL_H
      #define UQ_VERIFY_MODEL_H
      #include "\(export.prefix).h"
      #define MODEL_RUN \(export.entryPoint)
      #define MODEL_INPUTS \(export.prefix)_inputs
      #define MODEL_OUTPUTS \(export.prefix)_outputs
      #define MODEL_ARENA_BYTES \(export.macro)_ARENA_BYTES
      #define MODEL_ALIGNMENT \(max(export.arenaAlignment, Self.margin))u
      #define MODEL_INPUT_COUNT \(export.inputs.count)
      #define MODEL_OUTPUT_COUNT \(export.outputs.count)
      #define MODEL_INPUT_PORTS \(inputs.ports)
      #define MODEL_OUTPUT_PORTS \(outputs.ports)
      #define MODEL_INPUT_ROOM \(inputs.room)u
      #define MODEL_OUTPUT_ROOM \(outputs.room)u
      #define MODEL_INPUT_FIELDS(p) \(Self.fields(export.inputs.count))
      #define MODEL_OUTPUT_FIELDS(p) \(Self.fields(export.outputs.count))
      #endif

      """
  }

  private static func layout(_ ports: [ExportPort]) -> (ports: String, room: Int) {
    var offset = margin
    var items: [String] = []
    for port in ports {
      items.append("{\(offset)u, \(port.byteCount)u}")
      let end = offset + port.byteCount
      offset = (end + margin - 1) / margin * margin + margin
    }
    return ("{\(items.joined(separator: ", "))}", offset)
  }

  private static func fields(_ count: Int) -> String {
    "{" + (0..<count).map { "(p)[\($0)]" }.joined(separator: ", ") + "}"
  }

  /// Writes the board files and the model's header to a folder inside `place`; returns its path.
  func write(to place: TemporaryFolder) throws(Diagnostic) -> String {
    let folder = try place.folder("support")
    for file in BoardFiles.files {
      try place.write(file.text, to: "support/\(file.name)")
    }
    try place.write(header, to: "support/verify_model.h")
    return folder
  }

  /// Writes records to `inputs` in a folder.
  static func write(_ records: some Sequence<[UInt8]>, in folder: String) throws(Diagnostic) {
    var data = Data()
    for record in records { data.append(contentsOf: record) }
    try AtomicFile.write(data, to: "\(folder)/inputs")
  }

  /// What a finished run printed and wrote, or what went wrong.
  ///
  /// - Parameters:
  ///   - first: Number of the first record.
  ///   - count: How many records it was given.
  ///   - build: What was run.
  func outputs(
    of finished: FinishedProcess, in folder: String, first: Int, count: Int, build: String
  ) throws(Diagnostic) -> (records: [[UInt8]], stackBytes: Int?) {
    var stack: Int?
    for line in finished.errors.split(whereSeparator: \.isNewline) where line.hasPrefix("uq-verify ")
    {
      let words = line.split(separator: " ")
      guard words.count == 4, let sample = Int(words[2]), let value = Int(words[3]) else { continue }
      if words[1] == "stack" {
        stack = value
      } else {
        throw problem(String(words[1]), sample: first + sample, value: value, build: build)
      }
    }
    let place = SourcePlace(file: export.folder)
    if finished.ending == .timeLimit {
      throw Diagnostic(
        id: "verify.run.timeout",
        "\(build): \(count) inferences took longer than allowed, and were stopped", at: place)
    }
    let size = export.outputBytes
    let bytes = [UInt8](FileManager.default.contents(atPath: "\(folder)/outputs") ?? Data())
    guard finished.succeeded, bytes.count == count * size else {
      let said = finished.tail(1)
      throw Diagnostic(
        id: "verify.run.crash",
        "\(build): ended by \(finished.endingText) after \(first + bytes.count / size) inferences"
          + (said.isEmpty ? "" : ": \(crash(finished) ?? said)"), at: place)
    }
    return ((0..<count).map { Array(bytes[$0 * size..<($0 + 1) * size]) }, stack)
  }

  /// The line by which a sanitizer or a board says what happened.
  private func crash(_ finished: FinishedProcess) -> String? {
    let marks = ["runtime error: ", "ERROR: ", "exception ", "trap "]
    return finished.errors.split(whereSeparator: \.isNewline)
      .first { line in marks.contains { line.contains($0) } }.map(String.init)
  }

  private func problem(_ what: String, sample: Int, value: Int, build: String) -> Diagnostic {
    let (id, text): (String, String) =
      switch what {
      case "status":
        (
          "verify.run.status",
          "\(export.entryPoint) returned 0x\(String(value, radix: 16)) for record \(sample)"
        )
      case "arena-overrun":
        (
          "verify.arena.overrun",
          "record \(sample): byte \(value) behind the arena's \(export.arenaBytes) was written"
        )
      case "arena-underrun":
        (
          "verify.arena.overrun",
          "record \(sample): byte \(value) before the arena was written"
        )
      case "input-written":
        ("verify.input.written", "record \(sample): an input or memory beside it was written")
      case "output-margin":
        (
          "verify.output.overrun",
          "record \(sample): memory beside output '\(portName(export.outputs, value))' was written"
        )
      case "arena-short":
        (
          "verify.arena.short",
          "an arena of \(value) bytes was accepted, \(export.macro)_ARENA_BYTES is "
            + "\(export.arenaBytes)"
        )
      case "arena-null": ("verify.pointer.null", "a null arena was accepted")
      case "inputs-null": ("verify.pointer.null", "a null pointer to the inputs was accepted")
      case "outputs-null": ("verify.pointer.null", "a null pointer to the outputs was accepted")
      case "input-null":
        (
          "verify.pointer.null",
          "a null pointer as input '\(portName(export.inputs, value))' was accepted"
        )
      case "output-null":
        (
          "verify.pointer.null",
          "a null pointer as output '\(portName(export.outputs, value))' was accepted"
        )
      default:
        (
          "verify.file.failed",
          value == 0 ? "record \(sample) could not be read" : "record \(sample) could not be written"
        )
      }
    return Diagnostic(id: id, "\(build): \(text)", at: SourcePlace(file: export.folder))
  }

  private func portName(_ ports: [ExportPort], _ index: Int) -> String {
    ports.indices.contains(index) ? ports[index].name : "\(index)"
  }
}
