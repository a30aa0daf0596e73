import Testing
import UQNumerics
import UQSupport

@testable import UQSamples

@Suite struct FittingTests {
  private func fit(_ shape: Shape, to model: Shape, free: Bool = false) throws -> Tensor {
    let values = (0..<shape.count).map(Float.init)
    let sample = Sample(name: "s", inputs: [(nil, Tensor(values, shape))], hasFreeLayout: free)
    return try sample.tensors(for: [("x", TensorType(.float32, model))])[0]
  }

  @Test(
    arguments: [
      ([49, 10], [1, 49, 10, 1]), ([1, 49, 10, 1], [49, 10]), ([490], [1, 49, 10, 1]),
      ([1, 6, 4], [6, 4]), ([], [1]), ([2, 3], [6]),
    ] as [(Shape, Shape)])
  func unitAxesComeAndGo(sample: Shape, model: Shape) throws {
    let tensor = try fit(sample, to: model)
    #expect(tensor.shape == model)
    #expect(tensor.floats == (0..<sample.count).map(Float.init))
  }

  @Test func channelsMoveWhereTheModelWantsThemFirst() throws {
    let first = try fit([2, 2, 3], to: [1, 3, 2, 2], free: true)
    #expect(first.floats == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11])
    let last = try fit([2, 2, 3], to: [1, 2, 2, 3], free: true)
    #expect(last.floats == (0..<12).map(Float.init))
    // Ambiguous by counting: a small last axis means channels last.
    #expect(try fit([3, 3, 3], to: [1, 3, 3, 3], free: true).floats == (0..<27).map(Float.init))
    #expect(try fit([8, 8, 1], to: [1, 1, 8, 8], free: true).shape == [1, 1, 8, 8])
    #expect(try fit([5, 2], to: [1, 2, 5], free: true).floats == [0, 2, 4, 6, 8, 1, 3, 5, 7, 9])
  }

  @Test func refusesWhatIsAmbiguousOrDifferent() {
    #expect(problems { _ = try fit([2, 2, 3], to: [1, 3, 2, 2]) } == ["sample.shape.mismatch"])
    #expect(problems { _ = try fit([2, 3], to: [3, 2]) } == ["sample.shape.mismatch"])
    #expect(problems { _ = try fit([2, 2, 3], to: [12], free: true) } == ["sample.shape.mismatch"])
    do {
      _ = try fit([32, 32, 3], to: [1, 96, 96, 3], free: true)
      Issue.record("a mismatch was accepted")
    } catch {
      let text = "\(error)"
      #expect(text.contains("float32[32, 32, 3]") && text.contains("float32[1, 96, 96, 3]"))
    }
  }

  @Test func matchesByNameThenByOrder() throws {
    let a = Tensor([1] as [Float], [1])
    let b = Tensor([2] as [Float], [1])
    let model = [("x", TensorType(.int8, [1])), ("y", TensorType(.float32, [1]))]
      .map { (name: $0.0, type: $0.1) }
    let named = Sample(name: "s", inputs: [("y", a), ("x", b), ("z", a)])
    #expect(try named.tensors(for: model).map(\.integers) == [[2], [1]])
    #expect(try named.tensors(for: model)[0].element == .int8)
    let ordered = Sample(name: "s", inputs: [("arr_0", a), ("arr_1", b)])
    #expect(try ordered.tensors(for: model).map(\.integers) == [[1], [2]])
    let partial = Sample(name: "s", inputs: [("x", a), ("q", b)])
    #expect(problems { _ = try partial.tensors(for: model) } == ["sample.inputs.mismatch"])
    let few = Sample(name: "s", inputs: [(nil, a)])
    #expect(problems { _ = try few.tensors(for: model) } == ["sample.inputs.mismatch"])
  }

  @Test func stopsAtMoreThanAFewProblems() throws {
    let bad = Diagnostic(id: "samples.image.damaged", "cut", at: SourcePlace(file: "f"))
    let few = SampleProblems(total: 100)
    for index in [5, 1, 9] { try few.record(bad, at: index) }
    #expect(few.warnings.map(\.severity) == [.warning, .warning, .warning])
    #expect(problems { try few.record(bad, at: 2) }.last == "samples.folder.too-many-bad")
    let many = SampleProblems(total: 1000)
    #expect(many.limit == 10)
    let all = SampleProblems(total: 1)
    #expect(problems { try all.record(bad, at: 0) }.last == "samples.folder.too-many-bad")
  }
}
