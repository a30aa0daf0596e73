import Foundation
import Testing
import UQGraph
import UQNumerics
import UQSupport

@testable import UQOnnx

@Suite struct TensorTests {
  private func constants() throws -> [String: Tensor] {
    let graph = try load(RecordedModels.allTypes).graph
    return Dictionary(
      uniqueKeysWithValues: zip(graph.outputNames, graph.outputs).map {
        (String($0.dropFirst(2)), graph[$1].constant ?? Tensor(scalar: .nan))
      })
  }

  @Test func everyTypeReads() throws {
    let all = try constants()
    #expect(all["f32"] == Tensor([Float(1.5), -2], [2]))
    #expect(all["f64"] == Tensor([1.5, -2], [2]))
    #expect(all["i64"] == Tensor([Int64(-3), 1 << 40], [2]))
    #expect(all["i32"] == Tensor([Int32(-3), 70000], [2]))
    #expect(all["i16"] == Tensor([Int16(-3), 300], [2]))
    #expect(all["i8"] == Tensor([Int8(-3), 100], [2]))
    #expect(all["u64"] == Tensor([UInt64(3), 1 << 63], [2]))
    #expect(all["u32"] == Tensor([UInt32(3), 4_000_000_000], [2]))
    #expect(all["u16"] == Tensor([UInt16(3), 60000], [2]))
    #expect(all["u8"] == Tensor([UInt8(3), 200], [2]))
    for name in ["bool", "boolr"] { #expect(all[name] == Tensor([true, false, true], [3])) }
    for name in ["f16", "f16r"] {
      #expect(all[name]?.element == .float16)
      #expect(all[name]?.floats == [1.5, -2])
    }
    for name in ["bf16", "bf16r"] {
      #expect(all[name]?.element == .bfloat16)
      #expect(all[name]?.floats == [1.5, -2])
    }
    for name in ["i4", "i4r"] { #expect(all[name] == Tensor([Int8(-8), 7, -1], [3])) }
    for name in ["u4", "u4r"] { #expect(all[name] == Tensor([UInt8(15), 0, 9], [3])) }
    #expect(all["i2r"] == Tensor([Int8(-2), 1, -1, 0, 1], [5]))
    #expect(all["u2r"] == Tensor([UInt8(3), 2, 1, 0, 3], [5]))
  }

  @Test func elementTypesMapBothWays() {
    for element in ElementType.allCases {
      #expect(OnnxElementType(element).element == element)
    }
    #expect(OnnxElementType(rawValue: 21).element == .uint8)
    #expect(OnnxElementType(rawValue: 22).element == .int8)
    #expect(OnnxElementType(rawValue: 17).element == nil)
    #expect(OnnxElementType(rawValue: 99).element == nil)
    #expect(OnnxElementType(rawValue: -1).element == nil)
  }

  private func outputOf(_ initializer: Proto, type: Int = 1) -> Proto {
    Onnx.model(
      graph: Onnx.graph(
        nodes: [Onnx.node("Identity", ["w"], ["out"])], initializers: [initializer],
        outputs: [Onnx.value("out", type, nil)]))
  }

  @Test func unreadableTypesAreRefusedWhereUsed() {
    for type in [8, 14, 15, 17, 18, 19, 20, 23, 24, 27, 28, 0, 77] {
      let model = outputOf(Onnx.tensor("w", type, [1]) { $0.data(9, [1]) }, type: type)
      #expect(ids(model) == ["onnx.tensor.type"], "\(type)")
    }
  }

  @Test func sizesMustMatch() {
    #expect(ids(outputOf(Onnx.floats("w", [3], [1, 2]))) == ["onnx.tensor.data"])
    let typed = Onnx.tensor("w", 1, [3]) { $0.data(4, Onnx.raw([Float(1)])) }
    #expect(ids(outputOf(typed)) == ["onnx.tensor.data"])
    let both = Onnx.tensor("w", 1, [1]) {
      $0.data(4, Onnx.raw([Float(1)]))
      $0.data(9, Onnx.raw([Float(1)]))
    }
    #expect(ids(outputOf(both)) == ["onnx.tensor.data"])
    #expect(ids(outputOf(Onnx.floats("w", [-1], []))) == ["onnx.tensor.shape"])
    let huge = Onnx.floats("w", [1 << 40, 1 << 40], [1])
    #expect(ids(outputOf(huge)) == ["onnx.tensor.shape"])
    let hidden = Onnx.floats("w", [0, 1 << 62, 1 << 62], [])
    #expect(ids(outputOf(hidden)) == ["onnx.tensor.shape"])
    #expect(ids(outputOf(Onnx.floats("w", [1 << 30], [1]))) == ["onnx.tensor.data"])
    #expect(ids(outputOf(Onnx.floats("w", [2, 0], []))) == [])
  }

  @Test func wrongBooleansAreNormalized() throws {
    let model = outputOf(Onnx.tensor("w", 9, [3]) { $0.data(9, [0, 1, 7]) }, type: 9)
    let graph = try load(model).graph
    #expect(graph.constant(graph.outputs[0]) == Tensor([false, true, true], [3]))
  }

  @Test func nonFiniteWeightsAreNamed() {
    let found = problems(outputOf(Onnx.floats("w", [4], [1, .nan, .infinity, -.infinity])))
    #expect(found.map(\.id) == ["onnx.weight.nonfinite"])
    #expect(found[0].message.contains("'w' has 1 NaN and 2 infinite of 4"))
    #expect(ids(outputOf(Onnx.floats("w", [], [.infinity]))) == [])
    #expect(ids(outputOf(Onnx.floats("w", [], [.nan]))) == ["onnx.weight.nonfinite"])
    let half = Onnx.tensor("w", 10, [2]) { $0.data(9, Onnx.raw([UInt16(0x7C00), 0x7E00])) }
    #expect(ids(outputOf(half, type: 10)) == ["onnx.weight.nonfinite"])
  }

  @Test func sparseTensorsBecomeDense() throws {
    func model(_ indices: Proto, _ dims: [Int]) -> Proto {
      Onnx.model(
        graph: Onnx.graph(
          nodes: [Onnx.node("Identity", ["s"], ["out"])],
          sparse: [Onnx.sparse(Onnx.floats("s", [2], [5, 7]), indices, dims)],
          outputs: [Onnx.value("out", nil)]))
    }
    let expected = Tensor([Float(0), 5, 0, 0, 0, 7], [2, 3])
    for indices in [Onnx.int64s("", [2], [1, 5]), Onnx.int64s("", [2, 2], [0, 1, 1, 2])] {
      let graph = try load(model(indices, [2, 3])).graph
      #expect(graph.constant(graph.outputs[0]) == expected)
    }
    #expect(ids(model(Onnx.int64s("", [2], [1, 6]), [2, 3])) == ["onnx.tensor.sparse"])
    #expect(ids(model(Onnx.int64s("", [2], [1, -1]), [2, 3])) == ["onnx.tensor.sparse"])
    #expect(ids(model(Onnx.int64s("", [2], [1, 1]), [2, 3])) == ["onnx.tensor.sparse"])
    #expect(ids(model(Onnx.int64s("", [1], [1]), [2, 3])) == ["onnx.tensor.sparse"])
    #expect(ids(model(Onnx.int64s("", [2, 2], [0, 1, 2, 0]), [2, 3])) == ["onnx.tensor.sparse"])
    #expect(ids(model(Onnx.int64s("", [2], [1, 2]), [1 << 30])) == ["onnx.tensor.size"])
  }

  @Test func tensorFilesReadAndWrite() throws {
    let scratch = try Scratch()
    let recorded = try TensorProtoFile.read(try scratch.write(RecordedModels.tensor, "t.pb"))
    #expect(recorded.name == "t")
    #expect(recorded.tensor == Tensor((0..<6).map(Int16.init), [2, 3]))
    for element in ElementType.allCases {
      let tensor = Tensor(doubles: [0, 1, 1, 0, 1, 1], element, [3, 2])
      let path = scratch.path + "/\(element).pb"
      try TensorProtoFile.write(tensor, name: "name of \(element)", to: path)
      let back = try TensorProtoFile.read(path)
      #expect(back.name == "name of \(element)")
      #expect(back.tensor == tensor)
    }
    try TensorProtoFile.write(Tensor(zeros: .float32, []), to: scratch.path + "/s.pb")
    #expect(try TensorProtoFile.read(scratch.path + "/s.pb").tensor == Tensor(scalar: 0))
    #expect(throws: Diagnostic.self) {
      try TensorProtoFile.read(try scratch.write(RecordedModels.small, "m.pb"))
    }
  }
}
