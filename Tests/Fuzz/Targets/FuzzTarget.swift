import Foundation
import UQCalibration
import UQGraph
import UQNumerics
import UQOnnx
import UQOperators
import UQPasses
import UQRelay
import UQSamples
import UQSupport
import UQToolkit

/// A reader of files from outside, given bytes that may be anything.
///
/// Every input must end in a result or in diagnostics: no trap, and no time or memory that its size
/// does not explain. The fuzzer and the regression tests run the same targets.
public enum FuzzTarget: String, CaseIterable, Sendable {
  /// Relay text or an archive: parse, infer, import, print, read what was printed, optimise; integer
  /// programs are compiled too.
  case relay
  /// A Relay model's `.params`.
  case params
  /// An ONNX model: import, optimise.
  case onnx
  /// A calibration file.
  case calibration
  /// A recipe.
  case recipe
  /// A sample: array, picture, clip or table.
  case samples

  /// Runs the target on an input.
  ///
  /// - Parameter folder: where it may write; the input stays there if the process dies.
  /// - Returns: whether the input was accepted, and otherwise the ids of the problems.
  public func run(_ bytes: [UInt8], in folder: FuzzFolder) throws -> Outcome {
    do {
      switch self {
      case .relay: try relay(bytes, folder)
      case .params: try params(bytes, folder)
      case .onnx:
        let path = try folder.write("input.onnx", bytes)
        try optimize(try OnnxImporter.load(path: path, operators: allOperators).graph)
      case .calibration: try calibration(bytes)
      case .recipe: _ = try Recipe(text: String(decoding: bytes, as: UTF8.self), path: "input.json")
      case .samples: try sample(bytes, folder)
      }
      return .accepted
    } catch let problem as Diagnostic { return .refused([problem.id]) } catch let problems
      as Diagnostics
    { return .refused(problems.all.map(\.id)) }
  }

  /// How an input ended.
  public enum Outcome: Hashable, Sendable {
    /// It was read.
    case accepted
    /// It was refused with problems of these ids.
    case refused([String])
  }

  private func relay(_ bytes: [UInt8], _ folder: FuzzFolder) throws {
    let path = try folder.write("input.relay", bytes)
    let graph = try RelayImporter.load(path: path, operators: allOperators).graph
    if let printed = try? RelayPrinter.print(graph) {
      do { _ = try RelayImporter.load(text: printed, operators: allOperators) } catch {
        throw UnreadablePrint(text: printed, reason: "\(error)")
      }
    }
    try optimize(graph)
  }

  private func optimize(_ graph: Graph) throws {
    var graph = graph
    try LosslessPasses.pipeline.run(on: &graph)
    guard IntegerCompilation.applies(to: graph) else { return }
    _ = try CompiledModel(integer: graph, options: CompileOptions(bits: 8, threads: 1))
  }

  private func params(_ bytes: [UInt8], _ folder: FuzzFolder) throws {
    let program = "#[version = \"0.0.5\"]\ndef @main(%w: float32) { %w }\n"
    let model = try folder.write("model.relay", Array(program.utf8))
    let path = try folder.write("input.params", bytes)
    _ = try RelayImporter.load(
      path: model, options: RelayOptions(params: path), operators: allOperators)
  }

  private func calibration(_ bytes: [UInt8]) throws {
    let read = try CalibrationFile.decode(
      Data(bytes), path: "input.uqcal", inputs: FuzzSeeds.calibratedInputs)
    _ = CalibrationFile.encode(try Calibration.merge([read]))
  }

  private func sample(_ bytes: [UInt8], _ folder: FuzzFolder) throws {
    let name: String
    switch bytes.first {
    case 0x89: name = "input.png"
    case 0xFF: name = "input.jpg"
    case 0x93: name = "input.npy"
    case UInt8(ascii: "P"): name = "input.npz"
    case UInt8(ascii: "R"), UInt8(ascii: "f"): name = "input.wav"
    default: name = "input.csv"
    }
    let samples = try SampleFolder(path: try folder.write(name, bytes))
    for index in 0..<min(samples.names.count, 4) { _ = try samples.sample(at: index) }
  }
}

/// A graph was read, and what the printer made of it was not.
public struct UnreadablePrint: Error {
  /// What was printed.
  public var text: String
  /// Why it was refused.
  public var reason: String
}
