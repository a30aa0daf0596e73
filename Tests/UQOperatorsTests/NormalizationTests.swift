import Foundation
import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@Suite struct NormalizationTests {
  static let statistics: [ForeignModel.Operand] = [
    .constant(Tensor([1, 2] as [Float], [2])), .constant(Tensor([0, 5] as [Float], [2])),
    .constant(Tensor([1, 3] as [Float], [2])), .constant(Tensor([4, 1] as [Float], [2])),
  ]

  @Test(arguments: [1, 6, 7, 9, 14, 15])
  func batchNormalizationScalesChannels(version: Int) throws {
    let x = Tensor([1, 3, 3, 4] as [Float], [1, 2, 2])
    let model = try ForeignModel(
      "BatchNormalization", version: version, attributes: ["epsilon": .float(0)],
      [.input(x)] + Self.statistics)
    #expect(model.operators == ["multiply", "add"])
    #expect(try model.evaluate()[0].floats == [0, 1, 5, 7])
    #expect(model.graph[model.graph.outputs[0]].name == "y")
  }

  @Test func trainingIsRefused() {
    for (attributes, results) in [
      (["training_mode": ForeignAttribute.int(1)], ["y"]), ([:], ["y", "mean"]),
    ] {
      let problem = #expect(throws: Diagnostic.self) {
        _ = try ForeignModel(
          "BatchNormalization", version: 14, attributes: attributes,
          [.input(.counting([1, 2, 2]))] + Self.statistics, results: results)
      }
      #expect(problem?.id == "import.batch-normalization.training")
    }
  }

  @Test func parametersMustBeConstantAndFit() {
    for operand in [ForeignModel.Operand.input(.counting([2])), .constant(.counting([3]))] {
      var operands = [.input(.counting([1, 2, 2]))] + Self.statistics
      operands[2] = operand
      let problem = #expect(throws: Diagnostic.self) {
        _ = try ForeignModel("BatchNormalization", version: 14, operands)
      }
      #expect(problem?.id == "import.batch-normalization.parameters")
    }
  }

  /// Logarithms of 1, 2, 5: softmax along a line divides by 8.
  static let logits: [Float] = [0, Float(log(2.0)), Float(log(5.0))]

  @Test(arguments: [-1, 1, 2])
  func softmaxAlongAnAxis(axis: Int) throws {
    let shape: Shape = axis == 1 ? [1, 3, 1] : [1, 1, 3]
    for (name, expected) in [
      ("Softmax", [0.125, 0.25, 0.625] as [Float]),
      ("LogSoftmax", [-2.0794415, -1.3862944, -0.47000363]),
    ] {
      let model = try ForeignModel(
        name, version: 13, attributes: ["axis": .int(axis)], [.input(Tensor(Self.logits, shape))])
      #expect(model.graph.nodes.count == 1)
      let y = try model.evaluate()[0].floats
      #expect(zip(y, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(y)")
    }
  }

  /// Before version 13 all axes from `axis` on are one.
  @Test func oldSoftmaxFlattens() throws {
    let zeros = Tensor(zeros: .float32, [2, 3, 4])
    let old = try ForeignModel("Softmax", version: 11, [.input(zeros)])
    #expect(try old.evaluate()[0].floats.allSatisfy { abs($0 - 1.0 / 12) < 1e-7 })
    #expect(try old.evaluate()[0].shape == zeros.shape)
    let new = try ForeignModel("Softmax", version: 13, [.input(zeros)])
    #expect(try new.evaluate()[0].floats.allSatisfy { abs($0 - 0.25) < 1e-7 })
    let line = try ForeignModel("Softmax", version: 1, [.input(Tensor(zeros: .float32, [1, 5]))])
    #expect(line.operators == ["softmax"])
  }

  @Test func largeLogitsDoNotOverflow() throws {
    let model = try ForeignModel(
      "Softmax", version: 13, [.input(Tensor([1000, 1000] as [Float], [1, 2]))])
    #expect(try model.evaluate()[0].floats == [0.5, 0.5])
  }

  @Test func axisOutOfRangeIsRefused() {
    let problem = #expect(throws: Diagnostic.self) {
      _ = try ForeignModel(
        "Softmax", version: 13, attributes: ["axis": .int(7)], [.input(.counting([1, 2]))])
    }
    #expect(problem?.id == "import.axis.range")
  }
}
