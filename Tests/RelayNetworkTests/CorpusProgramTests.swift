import Foundation
import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOperators
import UQPasses
import UQRelay
import UQSupport

/// Every program of the corpus: as `uq run` computes it, and printed and read again.
@Suite(.enabled(if: CorpusCase.isAvailable)) struct CorpusProgramTests {
  private struct Entry: Decodable {
    var name: String
  }

  /// Programs with the inputs and outputs that TVM computed, and the others.
  static let programs: (withOutputs: [String], others: [String]) = {
    let index = URL(fileURLWithPath: "\(CorpusCase.folder)/index.json")
    guard let data = try? Data(contentsOf: index),
      let entries = try? JSONDecoder().decode([Entry].self, from: data)
    else { return ([], []) }
    let names = entries.map(\.name)
    let hasOutputs = { (name: String) in
      ["inputs.npz", "outputs.npz"].allSatisfy {
        FileManager.default.fileExists(atPath: "\(CorpusCase.folder)/\(name)/\($0)")
      }
    }
    return (names.filter(hasOutputs), names.filter { !hasOutputs($0) })
  }()

  /// Programs that are refused, and the diagnostic.
  static let refused: [String: String] = [
    // The input decides which branch is taken.
    "lang_if": "relay.if.dynamic",
    // The input decides how deep the recursion goes.
    "lang_recursion": "relay.if.dynamic",
    // Boxes move to places that depend on their scores.
    "op_vision_nms_ssd": "import.detection.data",
    // Padding and size of an image are computed from the input's shape, with operators of `dyn`.
    "onnx_misc_ops": "relay.operator.unsupported",
    // Networks without their parameters: normalization needs constants.
    "zoo_inception_v3": "import.batch-normalization.parameters",
    "zoo_mobilenet": "import.batch-normalization.parameters",
    "zoo_resnet18_32": "import.batch-normalization.parameters",
  ]

  @Test func listsTheWholeCorpus() {
    #expect(Self.programs.withOutputs.count == 245)
    #expect(Self.programs.withOutputs.count + Self.programs.others.count == 265)
  }

  /// Integers exactly, floats within 1e-4 of the element or 1e-6 of the largest one.
  @Test(arguments: programs.withOutputs.filter { refused[$0] == nil })
  func computesWhatTVMComputed(_ name: String) throws {
    let item = try CorpusCase(name)
    var graph = item.graph
    try LosslessPasses.pipeline.run(on: &graph)
    let results = try FloatEngine().prepare(graph).outputs(of: item.inputs)
    try #require(results.map(\.type) == item.outputs.map(\.type))
    for (result, expected) in zip(results, item.outputs) {
      guard expected.element.isFloat else {
        #expect(result == expected)
        continue
      }
      let wanted = expected.converted(to: .float64).elements(Double.self)
      let largest = wanted.lazy.filter(\.isFinite).map(abs).max() ?? 0
      var wrong = 0
      for (e, a) in zip(wanted, result.converted(to: .float64).elements(Double.self)) {
        let isSame = e == a || e.isNaN && a.isNaN
        if !isSame && !(abs(e - a) <= max(1e-4 * abs(e), 1e-6 * largest)) { wrong += 1 }
      }
      #expect(wrong == 0, "\(wrong) of \(wanted.count)")
    }
  }

  @Test(arguments: refused.keys.sorted()) func refusesWithTheReason(_ name: String) throws {
    #expect {
      try RelayImporter.load(
        path: "\(CorpusCase.folder)/\(name)/model.relay", operators: allOperators)
    } throws: { error in
      diagnostics(of: error).allSatisfy { $0.id == Self.refused[name] && $0.place.line != nil }
    }
  }

  @Test(arguments: programs.others.filter { refused[$0] == nil })
  func readsProgramsWithoutOutputs(_ name: String) throws {
    let graph = try RelayImporter.load(
      path: "\(CorpusCase.folder)/\(name)/model.relay", operators: allOperators
    ).graph
    try graph.verify()
    #expect(!graph.outputs.isEmpty)
  }

  /// Programs that are printed with other operators than they were written with, to the same values.
  static let rewritten: Set<String> = [
    // A norm adds its epsilon with `affine`, which is a product and a sum of Relay.
    "onnx_deconv_s", "onnx_deconv_s_frozen", "op_instance_norm", "op_layer_norm", "op_lrn",
    // A sum of squares.
    "op_l2_normalize",
    // A slope for each element of a line.
    "onnx_misc_ops_frozen",
  ]

  /// Printed and read again, programs are the same graphs.
  @Test(arguments: (programs.withOutputs + programs.others).filter { refused[$0] == nil })
  func printedProgramsReadBack(_ name: String) throws {
    var graph = try RelayImporter.load(
      path: "\(CorpusCase.folder)/\(name)/model.relay", operators: allOperators
    ).graph
    let text = try RelayPrinter.print(graph)
    var back = try RelayImporter.load(text: text, operators: allOperators)
    try LosslessPasses.pipeline.run(on: &graph)
    try LosslessPasses.pipeline.run(on: &back)
    #expect(
      (graph.outline == back.outline) == !Self.rewritten.contains(name), "\(text.prefix(4000))")
  }
}
