import UQGraph
import UQNumerics
import UQOperators
import UQPasses

/// Integer ports of networks that compute with real numbers inside.
///
/// Such a network dequantizes its input first and quantizes its output last. Its samples and results are real
/// numbers all the same; the integers are the C function's, whose port keeps the model's scale.
enum RealPorts {
  /// Lets ports of 8 bits that are dequantized or quantized by one scale take and give real numbers.
  ///
  /// Graphs that compute with integers as they are keep theirs, and so do graphs without layers, which are no
  /// networks but pieces of one.
  ///
  /// - Returns: the integers of 8 bits, those of `uint8` less 128, of each input that takes real numbers now.
  static func apply(to graph: inout Graph) -> [ValueID: Quantization] {
    if IntegerCompilation.applies(to: graph) || graph.weightedLayers.isEmpty { return [:] }
    var result: [ValueID: Quantization] = [:]
    for id in graph.inputs { result[id] = dequantizeInput(id, in: &graph) }
    for position in graph.outputs.indices { dequantizeOutput(position, in: &graph) }
    return result
  }

  private static func dequantizeInput(_ id: ValueID, in graph: inout Graph) -> Quantization? {
    let type = graph.type(of: id)
    let readers = graph.nodes.filter { $0.operands.contains(id) }.map { $0.op as? DequantizeLinear }
    guard type.element == .int8 || type.element == .uint8, !graph.outputs.contains(id),
      let first = readers.first, let op = first, op.scales.count == 1, op.zeroPoints.count == 1,
      readers.allSatisfy({ $0 == op })
    else { return nil }
    let name = graph[id].name
    let integers = graph.append(Value(name: graph.uniqueValueName("\(name):integers"), type: type))
    graph.replaceUses(of: id, with: integers)
    graph[id].type.element = .float32
    graph.nodes.insert(
      Node(
        name: "\(name):integers",
        op: QuantizeLinear(
          scales: op.scales, zeroPoints: op.zeroPoints, tiesToEven: true, element: type.element),
        operands: [id], results: [integers]), at: 0)
    return Quantization(
      bits: 8, scales: [Double(op.scales[0])],
      zeroPoint: op.zeroPoints[0] - (type.element == .uint8 ? 128 : 0))
  }

  private static func dequantizeOutput(_ position: Int, in graph: inout Graph) {
    let id = graph.outputs[position]
    guard let maker = graph.producers()[id.index],
      let op = graph.nodes[maker].op as? QuantizeLinear,
      op.element.byteCount == 1, op.scales.count == 1, op.zeroPoints.count == 1
    else { return }
    let name = "\(graph[id].name):real"
    let real = graph.append(
      Value(
        name: graph.uniqueValueName(name),
        type: TensorType(.float32, graph.type(of: id).shape)))
    graph.nodes.append(
      Node(
        name: name, op: DequantizeLinear(scales: op.scales, zeroPoints: op.zeroPoints),
        operands: [id], results: [real]))
    graph.outputs[position] = real
  }
}
