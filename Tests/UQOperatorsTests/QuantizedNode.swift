import Testing
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQSupport

/// An operator on random int8 activations and real constants: its program, and what it should compute.
struct QuantizedNode {
  enum Operand {
    /// An activation.
    case activation(Shape, Quantization)
    /// A constant that stays real.
    case constant(Tensor)
  }

  var op: any LowerableOperator
  var operands: [Operand]
  /// Quantization of the result.
  var result: Quantization
  var rounding = Rounding.single
  /// Integers of the first activation; random where it is `nil`.
  var integers: [Int]?

  /// The integers that the kernels compute, and the real results divided by the result's scale.
  ///
  /// - Parameter inPlace: whether results take the place of operands where the kernels allow it.
  func run(inPlace: Bool = false) throws -> (integers: [Int], exact: [Double], calls: [String]) {
    var random = SeededGenerator(seed: 11)
    var graph = Graph(name: "test")
    var ids: [ValueID?] = []
    var tensors: [Tensor?] = []
    var inputs: [[Int8]] = []
    for (index, operand) in operands.enumerated() {
      switch operand {
      case .activation(let shape, let quantization):
        let drawn = (0..<shape.count).map { _ in Int.random(in: -128...127, using: &random) }
        let values = inputs.isEmpty ? integers ?? drawn : drawn
        inputs.append(values.map { Int8($0) })
        tensors.append(Tensor(values.map { quantization.dequantize($0) }, shape))
        ids.append(
          graph.append(
            Value(
              name: "x\(index)", type: TensorType(.int8, shape, quantization: quantization))))
      case .constant(let tensor):
        ids.append(graph.appendConstant(tensor, name: "c\(index)"))
        tensors.append(tensor.element == .float32 ? tensor.converted(to: .float64) : tensor)
      }
    }
    graph.inputs = ids.compactMap { $0 }.filter { graph.constant($0) == nil }
    let types = try op.resultTypes(tensors.map { $0?.type })
    let expected = try op.evaluate(tensors, results: types)[0]
    let y = graph.append(
      Value(name: "y", type: TensorType(.int8, types[0].shape, quantization: result)))
    graph.nodes = [Node(name: "node", op: op, operands: ids, results: [y])]
    graph.outputs = [y]
    graph.outputNames = ["y"]
    try graph.verify()
    var context = LoweringContext(graph: graph, rounding: rounding)
    try context.lower(graph.nodes[0])
    let program = context.finish { from, to, count in
      CopyKernel(rowBytes: count, x: .buffer(from), y: to)
    }
    let bytes = inputs.map { $0.map { UInt8(bitPattern: $0) } }
    let output = inPlace ? runInPlace(program, bytes) : ProgramRunner.run(program, inputs: bytes)[0]
    let real = expected.converted(to: .float64).elements(Double.self)
    return (
      output.map { Int(Int8(bitPattern: $0)) }, real.map { $0 / result.scale },
      program.calls.map { $0.kernel.symbol }
    )
  }

  /// The largest distance in steps from the exact result, which is limited to the integers there are.
  func largestError(inPlace: Bool = false) throws -> Double {
    let (integers, exact, _) = try run(inPlace: inPlace)
    #expect(integers.count == exact.count)
    #expect(Set(integers).count > min(3, integers.count - 1), "the results say nothing")
    let errors = zip(integers, exact).map { integer, exact in
      let wanted = min(max(exact + Double(result.zeroPoint), -128), 127)
      return abs(Double(integer) - wanted)
    }
    return errors.max() ?? 0
  }

  private func runInPlace(_ program: KernelProgram, _ inputs: [[UInt8]]) -> [UInt8] {
    var owner = Array(program.buffers.indices)
    for call in program.calls {
      guard let (read, write) = call.kernel.inPlace,
        program[read].byteCount == program[write].byteCount
      else { continue }
      owner[write.index] = owner[read.index]
    }
    let blocks = program.buffers.map {
      UnsafeMutableRawBufferPointer.allocate(byteCount: max($0.byteCount, 1), alignment: 16)
    }
    let constants = program.constants.map { constant in
      let block = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(constant.bytes.count, 1), alignment: 16)
      block.copyBytes(from: constant.bytes)
      return block
    }
    defer { (blocks + constants).forEach { $0.deallocate() } }
    for (port, bytes) in zip(program.inputs, inputs) {
      blocks[port.buffer.index].copyBytes(from: bytes)
    }
    let addresses = owner.compactMap { blocks[$0].baseAddress }
    let tables = constants.compactMap { $0.baseAddress.map { UnsafeRawPointer($0) } }
    addresses.withUnsafeBufferPointer { buffers in
      tables.withUnsafeBufferPointer { tables in
        let none = UnsafePointer<UnsafeRawPointer>(bitPattern: 16)
        guard let b = buffers.baseAddress, let c = tables.baseAddress ?? none else { return }
        for call in program.calls { call.kernel.run(ProgramMemory(buffers: b, constants: c)) }
      }
    }
    let home = program.outputs[0].buffer
    return Array(blocks[owner[home.index]].prefix(program[home].byteCount))
  }
}
