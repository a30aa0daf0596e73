import COneDNN
import UQGraph
import UQNumerics
import UQSupport

/// The memory of one thread's runs.
final class EngineSession {
  private let prepared: PreparedFloatGraph
  private let block: UnsafeMutableRawBufferPointer
  private var others: [Tensor?]

  init(_ prepared: PreparedFloatGraph) {
    self.prepared = prepared
    block = .allocate(byteCount: max(64, prepared.memory.byteCount), alignment: 64)
    others = [Tensor?](repeating: nil, count: prepared.graph.values.count)
  }

  deinit { block.deallocate() }

  /// Computes all nodes for one sample, showing each float value to `visit`.
  func run(
    _ inputs: [Tensor], visit: (ValueID, UnsafeMutableBufferPointer<Float>) -> Void
  ) throws {
    let graph = prepared.graph
    guard inputs.count == graph.inputs.count else {
      throw Diagnostic(
        id: "engine.input.count",
        "the model has \(graph.inputs.count) inputs, the sample \(inputs.count)")
    }
    for (id, tensor) in zip(graph.inputs, inputs) {
      let wanted = graph.type(of: id)
      guard tensor.count == wanted.shape.count else {
        throw Diagnostic(
          id: "engine.input.shape",
          "input '\(graph[id].name)' is \(wanted.shape), the sample has \(tensor.shape)")
      }
      store(tensor.converted(to: wanted.element).reshaped(wanted.shape), in: id)
      if let elements = floats(id) { visit(id, elements) }
    }
    for step in prepared.steps {
      try run(step)
      for id in step.node.results { if let elements = floats(id) { visit(id, elements) } }
    }
  }

  /// The current value of a tensor of the graph.
  func tensor(_ id: ValueID) -> Tensor {
    if let constant = prepared.graph.constant(id) { return constant }
    if let other = others[id.index] { return other }
    let type = prepared.graph.type(of: id)
    var result = Tensor(zeros: .float32, type.shape)
    if let elements = floats(id) {
      result.withUnsafeMutableBytes { $0.copyMemory(from: UnsafeRawBufferPointer(elements)) }
    }
    return result
  }

  private func run(_ step: EngineStep) throws {
    let node = step.node
    switch step.kind {
    case .primitive(let op, _):
      guard let x = floats(node.operands[0]), let y = floats(node.result) else { return }
      let scratch = block.baseAddress?.advanced(by: prepared.memory.scratchOffset)
      guard uq_dnn_op_execute(op, x.baseAddress, y.baseAddress, scratch) == UQ_DNN_OK else {
        throw Diagnostic(
          id: "engine.primitive.failed", "oneDNN could not compute the layer",
          at: SourcePlace(node: node.name, operatorName: node.spec.name))
      }
    case .sum(let clamp):
      guard let a = floats(node.operands[0]), let b = floats(node.operands[1]),
        let y = floats(node.result)
      else { return }
      for i in y.indices { y[i] = min(max(a[i] + b[i], clamp.low), clamp.high) }
    case .copy:
      guard let x = floats(node.operands[0]), let y = floats(node.result) else { return }
      _ = y.update(fromContentsOf: x)
    case .evaluate:
      let operands = node.operands.map { $0.map { tensor($0) } }
      let types = node.results.map { prepared.graph.type(of: $0) }
      let values: [Tensor]
      do { values = try node.op.evaluate(operands, results: types) } catch {
        throw error.located(
          in: SourcePlace(node: node.name, operatorName: node.spec.name).within(node.place))
      }
      for (id, value) in zip(node.results, values) { store(value, in: id) }
    }
  }

  private func store(_ value: Tensor, in id: ValueID) {
    if let elements = floats(id) {
      value.withUnsafeBytes { UnsafeMutableRawBufferPointer(elements).copyMemory(from: $0) }
    } else {
      others[id.index] = value
    }
  }

  private func floats(_ id: ValueID?) -> UnsafeMutableBufferPointer<Float>? {
    guard let id, let offset = prepared.memory.offsets[id.index], let base = block.baseAddress
    else {
      return nil
    }
    return UnsafeMutableBufferPointer(
      start: (base + offset).assumingMemoryBound(to: Float.self),
      count: prepared.graph.type(of: id).shape.count)
  }
}
