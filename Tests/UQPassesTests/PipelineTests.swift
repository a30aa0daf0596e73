import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOperators
import UQPasses
import UQSupport

@Suite struct PipelineTests {
  @Test(arguments: UInt64(0)..<150)
  func keepsOutputsOfRandomNetworks(seed: UInt64) throws {
    let original = try RandomNetwork.graph(seed: seed)
    var graph = original
    try LosslessPasses.pipeline.run(on: &graph)
    try expectSameOutputs(original, graph, seeds: 0..<2, tolerance: 2e-5)
    let names = Set(original.values.map(\.name))
    #expect(graph.nodes.contains { names.contains(graph[$0.result].name) })
    #expect(graph.outputNames == original.outputNames)
    #expect(
      graph.outputs.map { graph.type(of: $0) } == original.outputs.map { original.type(of: $0) })
  }

  @Test(arguments: UInt64(0)..<150)
  func endsWhereNoPassChangesAnything(seed: UInt64) throws {
    var graph = try RandomNetwork.graph(seed: seed)
    try LosslessPasses.pipeline.run(on: &graph)
    for pass in LosslessPasses.pipeline.passes {
      var again = graph
      let before = again.text()
      _ = try pass.run(on: &again)
      #expect(again.text() == before, "\(type(of: pass).name) changes its own result")
    }
  }

  @Test(arguments: LosslessPasses.names)
  func keepsOutputsWithoutPass(name: String) throws {
    for seed in UInt64(0)..<12 {
      let original = try RandomNetwork.graph(seed: seed)
      var graph = original
      try LosslessPasses.pipeline.run(on: &graph, skipping: [name])
      try expectSameOutputs(original, graph, seeds: 0..<1, tolerance: 2e-5)
    }
  }

  /// The networks must give every pass something to do, or the properties above say nothing.
  @Test func everyPassHasWorkInRandomNetworks() throws {
    var idle = Set(LosslessPasses.names)
    for seed in UInt64(0)..<40 {
      var graph = try RandomNetwork.graph(seed: seed)
      for pass in LosslessPasses.pipeline.passes where try pass.run(on: &graph) {
        idle.remove(type(of: pass).name)
      }
    }
    // Builders infer types, fold constants and share them; random weights have many magnitudes, and rounding
    // to steps would make a difference of the last bit one of a step.
    let expected: Set = [
      "infer-shapes", "fold-constants", "recognize-activations", "simplify-reshapes",
      "eliminate-common-subexpressions", "recognize-binarized", "recognize-fake-quantization",
    ]
    #expect(idle.isSubset(of: expected), "idle: \(idle.subtracting(expected).sorted())")
  }

  @Test func rejectsUnknownNamesOfPasses() throws {
    var graph = try RandomNetwork.graph(seed: 1)
    #expect(throws: Diagnostic.self) {
      try LosslessPasses.pipeline.run(on: &graph, skipping: ["fold-everything"])
    }
  }

  @Test func checksRequirements() throws {
    struct Needy: Pass {
      static let name = "needy"
      static let requires: Invariants = .activationsFused
      func run(on graph: inout Graph) throws(Diagnostic) -> Bool { false }
    }
    try LosslessPasses.pipeline.check()
    #expect(throws: Diagnostic.self) { try PassPipeline([Needy(), FuseActivations()]).check() }
    try PassPipeline([FuseActivations(), Needy()]).check()
  }

  @Test func isLinearInTheNumberOfNodes() throws {
    var builder = GraphBuilder(name: "long")
    var x = builder.addInput("x", TensorType(.float32, [1, 2, 3, 4]))
    let scale = builder.addConstant(Tensor([0.5, 1, 2, 1] as [Float], [4]), name: "scale")
    for index in 0..<2500 {
      let down = Transpose(permutation: [0, 3, 1, 2])
      x = try builder.add(Multiply(), [x, scale], name: "m\(index)")[0]
      x = try builder.add(down, [x], name: "t\(index)")[0]
      x = try builder.add(Clip(bounds: .relu), [x], name: "c\(index)")[0]
      x = try builder.add(down.inverse, [x], name: "u\(index)")[0]
    }
    builder.addOutput("y", x)
    var graph = builder.graph
    let clock = ContinuousClock()
    let time = try clock.measure { try LosslessPasses.pipeline.run(on: &graph) }
    #expect(!graph.nodes.contains { $0.op is Transpose })
    #expect(time < .seconds(60))
  }
}
