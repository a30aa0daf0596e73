import Testing
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQQuantizer
import UQSupport
import UQToolkit

/// Every kind of layer with weights keeps them in flash as small as they are called.
@Suite struct WeightWidthTests {
  /// A layer of an ONNX file, and how many weights its kernel's row has.
  struct Layer: Sendable, CustomTestStringConvertible {
    var name: String
    var x: Shape
    var weights: Shape
    var attributes: [String: ForeignAttribute] = [:]
    var rowLength: Int

    var testDescription: String { "\(name) \(weights)" }
  }

  static let layers = [
    Layer(
      name: "ConvTranspose", x: [1, 4, 5, 3], weights: [4, 6, 3, 3],
      attributes: ["strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1])], rowLength: 36),
    Layer(
      name: "ConvTranspose", x: [1, 4, 5, 3], weights: [4, 3, 2, 2],
      attributes: ["strides": .ints([2, 2]), "group": .int(2)], rowLength: 8),
    Layer(
      name: "ConvTranspose", x: [1, 4, 9], weights: [4, 5, 3],
      attributes: ["strides": .ints([3])], rowLength: 12),
    Layer(
      name: "Conv", x: [1, 6, 7, 5], weights: [4, 3, 3, 3], attributes: ["group": .int(2)],
      rowLength: 27),
    Layer(name: "Conv", x: [1, 5, 12], weights: [7, 5, 3], rowLength: 15),
    Layer(
      name: "Conv", x: [1, 6, 12], weights: [12, 1, 3], attributes: ["group": .int(6)],
      rowLength: 12),
    Layer(name: "MatMul", x: [1, 3, 10], weights: [10, 7], rowLength: 10),
    Layer(
      name: "Gemm", x: [2, 9], weights: [5, 9], attributes: ["transB": .int(1)], rowLength: 9),
  ]

  private func graph(_ layer: Layer) throws -> Graph {
    var random = SeededGenerator(seed: 5)
    var builder = GraphBuilder(name: "layer")
    let x = builder.addInput("x", TensorType(.float32, layer.x))
    let w = builder.addConstant(.random(layer.weights, &random), name: "w")
    let node = ForeignNode(
      dialect: .onnx, operatorName: layer.name, version: 13, name: "layer",
      attributes: layer.attributes, operands: [x, w], results: ["y"], place: SourcePlace())
    let rule = try #require(
      allOperators.flatMap { $0.imports }.first {
        $0.dialect == .onnx && $0.operatorName == layer.name && $0.versions.contains(13)
      })
    builder.addOutput("y", try rule.build(node, &builder)[0])
    return try optimized(builder.graph)
  }

  @Test(arguments: layers, [4, 3, 2, 1])
  func weightsArePackedAndComputeTheSameEverywhere(layer: Layer, bits: Int) throws {
    let graph = try graph(layer)
    let model = try compiled(
      graph, CompileOptions(bits: bits, method: .minmax), samples: randomSamples(graph, count: 4))
    let weights = model.program.constants.filter { $0.role == .weights }
    let rows = layer.weights.count / layer.rowLength
    #expect(weights.map(\.bits) == [bits])
    #expect(model.program.weightBytes == rows * ((layer.rowLength * bits + 7) / 8))
    // One width is enough to see that compiled C is the simulator's arithmetic.
    if bits == 3 { try prove(model.program) }
  }
}
