import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQRelay

/// Printed graphs are read back as they were.
@Suite struct PrinterTests {
  /// Nodes by operator, and the types of the outputs.
  private func outline(_ graph: Graph) -> [String] {
    graph.nodes.map { "\($0.spec.name) \($0.op)" }
      + graph.outputs.map { "\(graph.type(of: $0))" }
  }

  @Test(arguments: [
    "def @main(%x: Tensor[(2, 3), float32]) { add(%x, 0.1f) }",
    "def @main(%x: Tensor[(2, 3), float32]) { %0 = nn.relu(%x); (%0, clip(%0, a_min=-1f, a_max=6f)) }",
    "def @main(%x: Tensor[(2, 3), float32]) { transpose(%x, axes=[1, 0]) }",
    "def @main(%x: Tensor[(2, 3), float32]) { cast(exp(%x), dtype=\"int8\") }",
    "def @main(%let_: Tensor[(2, 3), float32], %b: Tensor[(3), float32]) { %let_ * %b / 3f - %b }",
  ])
  func printedProgramsReadBack(_ text: String) throws {
    let first = try graph(text)
    let printed = try RelayPrinter.print(first)
    let second = try RelayImporter.load(text: printed, operators: allOperators)
    #expect(outline(second) == outline(first), "\(printed)")
    #expect(try RelayPrinter.print(second) == printed)
  }

  @Test func constantsSurvive() throws {
    var builder = GraphBuilder(name: "g")
    let x = builder.addInput("a.b", .init(.float32, [2]))
    let weights = builder.addConstant(.init([Float(1) / 3, -0.0], [2]), name: "w")
    let scale = builder.addConstant(.init(scalar: 16_777_217 / 3), name: "s")
    let sum = try builder.add(Add(), [x, weights], name: "sum")
    let product = try builder.add(Multiply(), [sum[0], scale], name: "product")
    builder.addOutput("probabilities", product[0])
    let text = try RelayPrinter.print(builder.graph)
    #expect(text.contains("output_tensor_names=[\"probabilities\"]"))
    let back = try RelayImporter.load(text: text, operators: allOperators)
    let constants = back.values.compactMap(\.constant)
    #expect(constants == [builder.constant(weights), builder.constant(scale)])
    #expect(back.inputs.map { back[$0].name } == ["a_b"])
  }
}
