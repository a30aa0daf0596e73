import Foundation
import Testing
import UQGraph
import UQNumerics
import UQSupport

@testable import UQOnnx

@Suite struct FunctionTests {
  private func model(_ nodes: [Proto], _ functions: [Proto], initializers: [Proto] = []) -> Proto {
    Onnx.model(
      opsets: [("", 17), ("my", 1)], functions: functions,
      graph: Onnx.graph(
        nodes: nodes, initializers: initializers, inputs: [Onnx.value("x", [1, 4])],
        outputs: [Onnx.value("out", nil)]))
  }

  private func call(_ name: String, _ inputs: [String], _ outputs: [String], _ more: [Proto] = [])
    -> Proto
  {
    Onnx.node(name, inputs, outputs, name: "", domain: "my", attributes: more)
  }

  private let alpha = Onnx.attribute("alpha", type: 1) { $0.string(21, "slope") }

  @Test func nestedFunctionsPassAttributes() throws {
    let inner = Onnx.function(
      "my", "Inner", inputs: ["a"], outputs: ["b"],
      nodes: [Onnx.node("LeakyRelu", ["a"], ["b"], attributes: [alpha])], attributes: ["slope"])
    let outer = Onnx.function(
      "my", "Outer", inputs: ["a"], outputs: ["c"],
      nodes: [
        call("Inner", ["a"], ["b"], [Onnx.attribute("slope", type: 1) { $0.string(21, "s") }]),
        call("Inner", ["b"], ["c"]),
      ], attributes: ["s"])
    let graph = try load(
      model(
        [
          call("Outer", ["x"], ["m"], [Onnx.attribute("s", type: 1) { $0.float(2, 0.5) }]),
          call("Outer", ["m"], ["out"]),
        ], [inner, outer])
    ).graph
    try graph.verify()
    #expect(
      graph.nodes.map { ($0.op as? StubUnary)?.alpha } == [0.5, 0.01, 0.01, 0.01])
    #expect(graph.outputs == [graph.nodes[3].result])
    #expect(graph[graph.outputs[0]].name == "out")
  }

  @Test func bodiesSeeOnlyTheirParameters() {
    let peek = Onnx.function(
      "my", "Peek", inputs: ["a"], outputs: ["b"], nodes: [Onnx.node("Add", ["a", "x"], ["b"])])
    #expect(ids(model([call("Peek", ["x"], ["out"])], [peek])) == ["onnx.tensor.undefined"])
    let optional = Onnx.function(
      "my", "Optional", inputs: ["a", "z"], outputs: ["b"],
      nodes: [Onnx.node("Add", ["a", "z"], ["b"])])
    #expect(
      ids(model([call("Optional", ["x"], ["out"])], [optional])) == ["import.operand.missing"])
    #expect(
      ids(model([call("Optional", ["x", "x", "x"], ["out"])], [optional]))
        == ["onnx.function.operands"])
  }

  @Test func recursionIsRefused() {
    let a = Onnx.function(
      "my", "A", inputs: ["a"], outputs: ["b"], nodes: [call("B", ["a"], ["b"])])
    let b = Onnx.function(
      "my", "B", inputs: ["a"], outputs: ["b"], nodes: [call("A", ["a"], ["b"])])
    #expect(ids(model([call("A", ["x"], ["out"])], [a, b])) == ["onnx.function.recursive"])
    #expect(ids(model([call("A", ["x"], ["out"])], [a, a, b])) == ["onnx.function.duplicate"])
  }

  @Test func expansionIsBounded() {
    var functions = [
      Onnx.function(
        "my", "F0", inputs: ["a"], outputs: ["b"], nodes: [Onnx.node("Relu", ["a"], ["b"])])
    ]
    for level in 1...200 {
      functions.append(
        Onnx.function(
          "my", "F\(level)", inputs: ["a"], outputs: ["b"],
          nodes: [
            call("F\(level - 1)", ["a"], ["m"]), call("F\(level - 1)", ["m"], ["b"]),
          ]))
    }
    #expect(ids(model([call("F40", ["x"], ["out"])], functions)) == ["onnx.graph.size"])
    #expect(ids(model([call("F200", ["x"], ["out"])], functions)).contains("onnx.function.depth"))
  }

  @Test func unsupportedNodesInFunctionsAreNamed() {
    let f = Onnx.function(
      "my", "F", inputs: ["a"], outputs: ["b"],
      nodes: [
        Onnx.node("Foo", ["a"], ["m"], name: "foo"), Onnx.node("Bar", ["m"], ["b"], name: "bar"),
      ])
    let found = problems(model([Onnx.node("F", ["x"], ["out"], name: "c", domain: "my")], [f]))
    #expect(found.map(\.place.node) == ["c/foo", "c/bar"])
  }

  private func branch(_ op: String, _ input: String, initializers: [Proto] = []) -> Proto {
    Onnx.graph(
      nodes: [Onnx.node(op, [input], ["r"], name: op.lowercased())], initializers: initializers,
      outputs: [Onnx.value("r", nil)])
  }

  private func ifNode(_ condition: String, _ then: Proto, _ otherwise: Proto) -> Proto {
    Onnx.node(
      "If", [condition], ["out"], name: "if",
      attributes: [
        Onnx.graphAttribute("then_branch", then), Onnx.graphAttribute("else_branch", otherwise),
      ])
  }

  @Test func constantConditionsChooseABranch() throws {
    for (a, name) in [(Float(2), "relu"), (Float(0), "leakyrelu")] {
      let graph = try load(
        model(
          [
            Onnx.node("Greater", ["a", "b"], ["c"]),
            ifNode("c", branch("Relu", "x"), branch("LeakyRelu", "x")),
          ], [], initializers: [Onnx.floats("a", [], [a]), Onnx.floats("b", [], [1])])
      ).graph
      try graph.verify()
      #expect(graph.nodes.map(\.name) == [name])
      #expect(graph[graph.outputs[0]].name == "out")
    }
  }

  @Test func dynamicControlFlowIsReported() throws {
    let dynamic = model([ifNode("x", branch("Relu", "x"), branch("Relu", "x"))], [])
    #expect(ids(dynamic) == ["onnx.operator.unsupported"])
    #expect(try inspect(dynamic).unsupported.map(\.operatorName) == ["If"])
    let scan = model(
      [
        Onnx.node(
          "Scan", ["x"], ["out"], attributes: [Onnx.graphAttribute("body", branch("Relu", "x"))])
      ], [])
    #expect(ids(scan) == ["onnx.operator.unsupported"])
  }

  @Test func branchesAreChecked() {
    let yes = Onnx.tensor("c", 9, []) { $0.data(9, [1]) }
    let undefined = model(
      [ifNode("c", branch("Relu", "nix"), branch("Relu", "x"))], [], initializers: [yes])
    #expect(ids(undefined).allSatisfy { $0 == "onnx.tensor.undefined" })
    #expect(ids(undefined).count == 1)
    let number = model(
      [ifNode("c", branch("Relu", "x"), branch("Relu", "x"))], [],
      initializers: [Onnx.floats("c", [], [1])])
    #expect(ids(number) == ["onnx.if.condition"])
    // A branch's capture of a later node's result closes a circle.
    let captured = model(
      [
        ifNode("c", branch("Relu", "late"), branch("Relu", "x")),
        Onnx.node("Relu", ["out"], ["late"]),
      ],
      [], initializers: [yes])
    #expect(ids(captured) == ["onnx.graph.cycle"])
  }
}
