import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQSupport

/// Random inputs of a graph: floats of both signs, integers from 0.
func randomInputs(_ graph: Graph, seed: UInt64) -> [Tensor] {
  var generator = SeededGenerator(seed: seed)
  return graph.inputs.map { id in
    let type = graph.type(of: id)
    if type.element.isFloat {
      let values = (0..<type.shape.count).map { _ in Float.random(in: -2...2, using: &generator) }
      return Tensor(values, type.shape).converted(to: type.element)
    }
    let values = (0..<type.shape.count).map { _ in Int64.random(in: 0...7, using: &generator) }
    return Tensor(wrapping: values, type.element, type.shape)
  }
}

/// Expects that two graphs compute the same, up to `tolerance` of the largest output.
func expectSameOutputs(
  _ a: Graph, _ b: Graph, seeds: Range<UInt64>, tolerance: Float = 1e-5,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let engine = try FloatEngine()
  let first = try engine.prepare(a)
  let second = try engine.prepare(b)
  for seed in seeds {
    let inputs = randomInputs(a, seed: seed)
    let expected = try first.outputs(of: inputs)
    let actual = try second.outputs(of: inputs)
    #expect(expected.map(\.type) == actual.map(\.type), sourceLocation: sourceLocation)
    for (x, y) in zip(expected, actual) where x.type == y.type {
      let largest = x.floats.reduce(0) { max($0, $1.magnitude) }
      let error = zip(x.floats, y.floats).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
      #expect(
        error <= tolerance * max(largest, 1e-3), "differs by \(error) of \(largest)",
        sourceLocation: sourceLocation)
    }
  }
}
