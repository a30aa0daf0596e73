import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOperators
import UQPasses

@testable import UQToolkit

/// Networks with integer ports that compute with real numbers.
@Suite struct RealPortTests {
  private func network(_ element: ElementType, axis: Int? = nil) throws -> Graph {
    var builder = GraphBuilder(name: "ports")
    let x = builder.addInput("x", TensorType(element, [1, 4]))
    let scales: [Float] = axis == nil ? [0.5] : [0.5, 0.25, 1, 2]
    let real = try builder.add(
      DequantizeLinear(scales: scales, zeroPoints: [3], axis: axis), [x], name: "dequantize")[0]
    let identity = builder.addConstant(
      Tensor((0..<16).map { $0 % 5 == 0 ? Float(1) : 0 }, [4, 4]), name: "w")
    let y = try builder.add(
      FullyConnected(activation: .relu), [real, identity], name: "layer")[0]
    builder.addOutput(
      "y",
      try builder.add(
        QuantizeLinear(scales: [0.25], zeroPoints: [1], tiesToEven: true, element: element), [y],
        name: "quantize")[0])
    return builder.graph
  }

  @Test(arguments: [ElementType.int8, .uint8]) func portsTakeRealNumbers(
    _ element: ElementType
  ) throws {
    var graph = try network(element)
    let ports = RealPorts.apply(to: &graph)
    try graph.verify()
    let port = try #require(ports[graph.inputs[0]])
    #expect(port.scale == 0.5 && port.zeroPoint == (element == .int8 ? 3 : -125))
    // Integers of the model's are read as the real numbers that they stand for.
    let type = TensorType(.float32, [1, 4], quantization: port)
    let integers = Tensor(doubles: [3, 4, 103, 1], element, [1, 4])
    #expect(integers.converted(for: type).floats == [0, 0.5, 50, -1])
    try LosslessPasses.pipeline.run(on: &graph)
    #expect(graph.type(of: graph.inputs[0]) == TensorType(.float32, [1, 4]))
    #expect(graph.outputNames == ["y"])
    let y = try FloatEngine().prepare(graph).outputs(
      of: [Tensor([Float(-1), 0.26, 4.8, 1000], [1, 4])])[0]
    // The input is rounded to halves, the output to quarters of 8 bits.
    let highest: Float = element == .int8 ? (127 - 1) / 4 : (255 - 1) / 4
    #expect(y.floats == [0, 0.5, 5, min(highest, (element == .int8 ? 124 : 252) / 2)])
  }

  @Test func otherPortsStay() throws {
    for (element, axis) in [(ElementType.int8, 1), (.int16, nil)] as [(ElementType, Int?)] {
      var graph = try network(element, axis: axis)
      #expect(RealPorts.apply(to: &graph).isEmpty)
      #expect(graph.type(of: graph.inputs[0]).element == element)
    }
  }
}
