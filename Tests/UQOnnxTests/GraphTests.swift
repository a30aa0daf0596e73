import Foundation
import Testing
import UQGraph
import UQNumerics
import UQSupport

@testable import UQOnnx

@Suite struct GraphTests {
  private let x = Onnx.value("x", [1, 4])
  private let out = Onnx.value("out", [1, 4])

  private func model(
    _ nodes: [Proto], initializers: [Proto] = [], inputs: [Proto]? = nil, outputs: [Proto]? = nil,
    functions: [Proto] = [], ir: Int = 9
  ) -> Proto {
    Onnx.model(
      ir: ir, opsets: [("", 17), ("my", 1)], functions: functions,
      graph: Onnx.graph(
        nodes: nodes, initializers: initializers, inputs: inputs ?? [x], outputs: outputs ?? [out]))
  }

  @Test func recordedModelImports() throws {
    let (graph, info) = try load(RecordedModels.small)
    try graph.verify()
    #expect(graph.inputs.map { graph[$0].name } == ["x"])
    #expect(graph.type(of: graph.inputs[0]) == TensorType(.float32, [1, 4]))
    #expect(graph.outputNames == ["out"])
    #expect(graph.nodes.map(\.name) == ["call/m", "call/r", "then_relu", "add"])
    #expect(graph.nodes.map { graph[$0.result].name } == ["call/t", "y", "z", "out"])
    #expect((graph.nodes[1].op as? StubUnary)?.alpha == 0.5)
    #expect(info.irVersion == 9)
    #expect(info.producer == "test 1")
    #expect(info.opsets == ["": 17, "my": 1])
    #expect(info.digest == Digest(of: RecordedModels.small))
    #expect(info.warnings.isEmpty)
  }

  @Test func importIsDeterministic() throws {
    let first = try load(RecordedModels.small).graph
    let second = try load(RecordedModels.small).graph
    #expect(first.values.map(\.name) == second.values.map(\.name))
  }

  @Test func allUnsupportedOperatorsAreReportedAtOnce() throws {
    let nodes = [
      Onnx.node("Foo", ["x"], ["a"], name: "first"),
      Onnx.node("Relu", ["a"], ["b"], name: "dependant"),
      Onnx.node("Bar", ["b"], ["c"], name: "second"),
      Onnx.node("Add", ["c", "x"], ["d"], name: "third"),
      Onnx.node("Loop", ["d"], ["out"], name: "fourth"),
    ]
    let found = problems(model(nodes))
    #expect(found.map(\.place.node) == ["first", "second", "fourth"])
    #expect(found.map(\.place.operatorName) == ["Foo", "Bar", "Loop"])
    #expect(found.allSatisfy { $0.id == "onnx.operator.unsupported" })
    let shown = try inspect(model(nodes))
    #expect(shown.unsupported.map(\.node) == ["first", "second", "fourth"])
    #expect(shown.operators == ["Foo": 1, "Relu": 1, "Bar": 1, "Add": 1, "Loop": 1])
    #expect(shown.macs == nil)
    #expect(shown.outputs == [OnnxPort(name: "out", type: "float32", shape: [1, 4])])
  }

  @Test func cyclesNameTheirNodes() {
    let nodes = [
      Onnx.node("Relu", ["x"], ["ok"], name: "ok"),
      Onnx.node("Add", ["x", "c"], ["a"], name: "A"),
      Onnx.node("Relu", ["a"], ["b"], name: "B"),
      Onnx.node("Relu", ["b"], ["c"], name: "C"),
      Onnx.node("Relu", ["c"], ["out"], name: "behind"),
    ]
    let found = problems(model(nodes))
    #expect(found.map(\.id) == ["onnx.graph.cycle"])
    #expect(found[0].message.contains("'A' -> 'B' -> 'C' -> 'A'"))
    let loop = problems(model([Onnx.node("Relu", ["out"], ["out"], name: "self")]))
    #expect(loop.map(\.id) == ["onnx.graph.cycle"])
  }

  @Test func longCyclesAreFound() {
    let count = 50_000
    let nodes = (0..<count).map { Onnx.node("Relu", ["t\(($0 + 1) % count)"], ["t\($0)"]) }
    #expect(ids(model(nodes, outputs: [Onnx.value("t0", nil)])) == ["onnx.graph.cycle"])
  }

  @Test func wrongOrderIsSortedWithAWarning() throws {
    let (graph, info) = try load(
      model([
        Onnx.node("Relu", ["b"], ["out"], name: "3"), Onnx.node("Relu", ["a"], ["b"], name: "2"),
        Onnx.node("Relu", ["x"], ["a"], name: "1"),
      ]))
    try graph.verify()
    #expect(graph.nodes.map(\.name) == ["1", "2", "3"])
    #expect(info.warnings.map(\.id) == ["onnx.graph.order"])
  }

  @Test func namesAreChecked() {
    let relu = Onnx.node("Relu", ["x"], ["out"])
    #expect(ids(model([relu, relu])) == ["onnx.tensor.duplicate"])
    #expect(ids(model([Onnx.node("Relu", ["x"], ["x"])])).contains("onnx.tensor.duplicate"))
    #expect(ids(model([relu], inputs: [x, x])) == ["onnx.input.duplicate"])
    #expect(ids(model([relu], outputs: [out, out])) == ["onnx.output.duplicate"])
    let w = Onnx.floats("w", [1], [1])
    #expect(ids(model([relu], initializers: [w, w])) == ["onnx.tensor.duplicate"])
    #expect(ids(model([Onnx.node("Relu", ["nix"], ["out"])])) == ["onnx.tensor.undefined"])
    #expect(ids(model([relu], outputs: [Onnx.value("nix", nil)])) == ["onnx.output.undefined"])
    #expect(ids(model([relu], outputs: [])) == ["onnx.output.none"])
    #expect(ids(model([Onnx.node("Add", ["x"], ["out"])])) == ["import.operand.missing"])
    #expect(ids(model([Onnx.node("Add", ["x", ""], ["out"])])) == ["import.operand.missing"])
    #expect(ids(model([Onnx.node("", ["x"], ["out"])])) == ["onnx.node.operator"])
    #expect(
      ids(model([Onnx.node("Relu", ["x"], ["out"], domain: "other")])) == ["onnx.opset.missing"])
    #expect(ids(model([Onnx.node("Relu", ["x"], ["out"], domain: "ai.onnx")])) == [])
    let twice = (0..<2).map { _ in Onnx.attribute("alpha", type: 1) { $0.float(2, 1) } }
    #expect(
      ids(model([Onnx.node("LeakyRelu", ["x"], ["out"], attributes: twice)]))
        == ["onnx.attribute.duplicate"])
  }

  @Test func equalNodeNamesBecomeUnique() throws {
    let graph = try load(
      model([
        Onnx.node("Relu", ["x"], ["a"], name: "n"), Onnx.node("Relu", ["a"], ["b"], name: "n"),
        Onnx.node("Relu", ["b"], ["c"], name: "n.1"), Onnx.node("Relu", ["c"], ["out"], name: "n"),
      ])
    ).graph
    #expect(Set(graph.nodes.map(\.name)).count == 4)
  }

  @Test func typesAreChecked() throws {
    let wrong = model(
      [Onnx.node("Add", ["x", "k"], ["out"], name: "add")],
      initializers: [Onnx.int64s("k", [1], [1])])
    #expect(ids(wrong) == ["type.stub_binary.element"])
    #expect(throws: Diagnostics.self) { try inspect(wrong) }
    let shapes = model(
      [Onnx.node("Add", ["x", "k"], ["out"])], initializers: [Onnx.floats("k", [3], [1, 2, 3])])
    #expect(ids(shapes) == ["shape.stub_binary.broadcast"])
    #expect(throws: Diagnostics.self) { try inspect(shapes) }
    // A type that is only beyond the operator is sound ONNX.
    let half = model(
      [Onnx.node("Relu", ["x"], ["out"])], inputs: [Onnx.value("x", 10, [1, 4])],
      outputs: [Onnx.value("out", 10, [1, 4])])
    #expect(ids(half) == ["type.stub_unary.element"])
    #expect(try inspect(half).unsupported.count == 1)
    let output = model(
      [Onnx.node("Relu", ["x"], ["out"])], outputs: [Onnx.value("out", 7, [1, 4])])
    #expect(ids(output) == ["onnx.output.type"])
    let (_, info) = try load(
      model([Onnx.node("Relu", ["x"], ["out"])], outputs: [Onnx.value("out", [1, 5])]))
    #expect(info.warnings.map(\.id) == ["onnx.output.shape"])
  }

  @Test func operatorSetsAndVersions() throws {
    #expect(ids(unaryModel(opsets: [("", 17)])) == [])
    #expect(ids(unaryModel(opsets: [("ai.onnx", 17)])) == [])
    #expect(ids(unaryModel(opsets: [("", 28)])) == [])
    #expect(ids(unaryModel(opsets: [("", 29)])) == ["onnx.opset.unknown"])
    #expect(ids(unaryModel(opsets: [("", 0)])).contains("onnx.opset.unknown"))
    #expect(ids(unaryModel(opsets: [("", 5)])) == ["onnx.operator.unsupported"])
    #expect(problems(unaryModel(opsets: [("", 5)]))[0].message.contains("6 to 1000"))
    #expect(ids(unaryModel(opsets: [("", 17), ("", 16)])) == ["onnx.opset.duplicate"])
    #expect(ids(unaryModel(opsets: [])) == ["onnx.opset.missing"])
    // Before IR version 3 there was one operator set; LeakyRelu has a rule for version 1.
    #expect(ids(unaryModel("LeakyRelu", ir: 2, opsets: [])) == [])
    #expect(ids(unaryModel(ir: 2, opsets: [])) == ["onnx.operator.unsupported"])
    for ir in 1...13 { #expect(ids(unaryModel(ir: ir)) == []) }
    #expect(ids(unaryModel(ir: 15)) == ["onnx.model.version"])
    #expect(ids(unaryModel(ir: 0)) == ["onnx.model.version"])
    #expect(ids(Proto { $0.int(1, 9) }) == ["onnx.model.graph"])
    #expect(ids(Proto { $0.string(6, "text") }) == ["onnx.file.kind"])
  }

  @Test func oldAttributesWithoutTypes() throws {
    let node = Onnx.node(
      "LeakyRelu", ["x"], ["out"],
      attributes: [
        Onnx.attribute("alpha", type: 0) { $0.float(2, 0.75) },
        Onnx.attribute("list", type: 0) { $0.int(8, 3) },
        Onnx.attribute("empty", type: 0) { _ in },
      ])
    let graph = try load(model([node], ir: 1)).graph
    #expect((graph.nodes[0].op as? StubUnary)?.alpha == 0.75)
  }

  @Test func inputsWithInitializersAreConstants() throws {
    let k = Onnx.value("k", [4])
    for ir in [3, 9] {
      let (graph, info) = try load(
        model(
          [Onnx.node("Add", ["x", "k"], ["out"])],
          initializers: [Onnx.floats("k", [4], [1, 2, 3, 4])], inputs: [x, k], ir: ir))
      #expect(graph.inputs.count == 1)
      #expect(graph.constant(graph.nodes[0].operands[1])?.floats == [1, 2, 3, 4])
      #expect(info.overridable == (ir < 4 ? [] : ["k"]))
    }
    let wrong = model(
      [Onnx.node("Add", ["x", "k"], ["out"])], initializers: [Onnx.floats("k", [1], [1])],
      inputs: [x, k])
    #expect(ids(wrong) == ["onnx.initializer.type"])
  }

  @Test func dynamicShapes() throws {
    func inputShape(_ dims: [Any?]?, shapes: [String: [Int]] = [:]) throws -> [Int] {
      let graph = try load(
        model(
          [Onnx.node("Relu", ["x"], ["out"])], inputs: [Onnx.value("x", dims)],
          outputs: [
            Onnx.value("out", nil)
          ]), shapes: shapes
      ).graph
      return graph.type(of: graph.inputs[0]).shape.dimensions
    }
    #expect(try inputShape(["N", 3]) == [1, 3])
    #expect(try inputShape([nil, 3]) == [1, 3])
    #expect(try inputShape([0, 3]) == [1, 3])
    #expect(try inputShape([-1, 3]) == [1, 3])
    #expect(try inputShape([31, 3]) == [31, 3])
    #expect(try inputShape(["N", "N"]) == [1, 1])
    #expect(try inputShape(["N", "L"], shapes: ["x": [2, 7]]) == [2, 7])
    #expect(try inputShape(nil, shapes: ["x": [2, 7]]) == [2, 7])
    func failure(_ dims: [Any?]?, _ shapes: [String: [Int]] = [:]) -> Diagnostic? {
      do {
        _ = try inputShape(dims, shapes: shapes)
        return nil
      } catch { return diagnostics(of: error).first }
    }
    #expect(failure(["N", "L", 3])?.id == "onnx.input.dynamic")
    #expect(failure(["N", "L", 3])?.message.contains("--shape x=1,?,3") == true)
    #expect(failure(["N", -1])?.id == "onnx.input.dynamic")
    #expect(failure(nil)?.id == "onnx.input.dynamic")
    #expect(failure([1, 3], ["x": [1, 4]])?.id == "onnx.input.shape")
    #expect(failure([1, 3], ["x": [1, 3, 1]])?.id == "onnx.input.shape")
    #expect(failure([1, "L"], ["x": [1, 0]])?.id == "onnx.input.shape")
    #expect(failure([1, 3], ["y": [1, 3]])?.id == "onnx.input.unknown")
    #expect(failure([1 << 40, 1 << 40])?.id == "onnx.tensor.shape")
    #expect(failure([1, "L"], ["x": [1, 1 << 62]])?.id == "onnx.tensor.shape")
  }

  @Test func symbolsAreSharedAmongInputs() throws {
    let inputs = [Onnx.value("x", ["N", "L"]), Onnx.value("k", ["M", "L"])]
    let graph = try load(
      model(
        [Onnx.node("Add", ["x", "k"], ["out"])], inputs: inputs,
        outputs: [Onnx.value("out", nil)]), shapes: ["x": [1, 9]]
    ).graph
    #expect(graph.type(of: graph.inputs[1]).shape == [1, 9])
  }

  @Test func inputTypes() throws {
    for (type, element) in [
      (1, ElementType.float32), (10, .float16), (11, .float64), (2, .uint8), (3, .int8),
      (6, .int32), (7, .int64),
    ] {
      let graph = try load(
        model(
          [Onnx.node("Identity", ["x"], ["out"])], inputs: [Onnx.value("x", type, [1, 4])],
          outputs: [Onnx.value("out", type, nil)])
      ).graph
      #expect(graph.type(of: graph.inputs[0]).element == element)
    }
    for type in [0, 8, 14, 17, 22, 50] {
      let found = ids(
        model([Onnx.node("Identity", ["x"], ["out"])], inputs: [Onnx.value("x", type, [1, 4])]))
      #expect(found == ["onnx.input.type"], "\(type)")
    }
    let sequence = Proto {
      $0.string(1, "x")
      $0.message(2, Proto { $0.message(4, Proto()) })
    }
    #expect(
      ids(model([Onnx.node("Relu", ["x"], ["out"])], inputs: [sequence])) == ["onnx.input.type"])
  }

  @Test func textAttributes() throws {
    let tensor = Onnx.tensor("", 8, [2]) {
      $0.string(6, "a")
      $0.string(6, "b")
    }
    let node = Onnx.node(
      "Constant", [], ["out"],
      attributes: [Onnx.attribute("value", type: 4) { $0.message(5, tensor) }])
    #expect(ids(model([node])) == ["import.constant.unsupported"])
  }

  /// Constants keep how many bits their integers had, as initializers and as nodes.
  @Test(arguments: [(22, 4), (21, 4), (26, 2), (3, 8)]) func bitsOfConstantsAreKnown(
    _ type: Int, _ bits: Int
  ) throws {
    let zero = Onnx.tensor("z", type, []) { $0.data(9, [1]) }
    let node = Onnx.node(
      "Constant", [], ["c"], attributes: [Onnx.attribute("value", type: 4) { $0.message(5, zero) }])
    for operand in ["z", "c"] {
      let graph = try load(
        model([node, Onnx.node("StoredBits", ["x", operand], ["out"])], initializers: [zero])
      ).graph
      #expect(graph.nodes.compactMap { ($0.op as? StubUnary)?.alpha } == [Float(bits)])
    }
  }

  @Test func parametersAreCounted() throws {
    let constant = Onnx.node(
      "Constant", [], ["c"],
      attributes: [
        Onnx.attribute("value", type: 4) { $0.message(5, Onnx.floats("", [3], [1, 2, 3])) }
      ])
    let shown = try inspect(
      model(
        [constant, Onnx.node("Add", ["x", "k"], ["out"])],
        initializers: [Onnx.floats("k", [4], [1, 2, 3, 4]), Onnx.int64s("i", [2], [1, 2])]))
    #expect(shown.parameters == 7)
    #expect(shown.macs == 0)
    #expect(shown.inputs == [OnnxPort(name: "x", type: "float32", shape: [1, 4])])
  }
}
