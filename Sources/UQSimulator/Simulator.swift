import UQKernels
import UQNumerics
import UQSupport

/// Runs a program on the host with the linked C kernels, in an arena laid out as on the device.
///
/// An instance owns its arena and the memory of the inputs and outputs, and belongs to one thread;
/// ``sibling()`` makes one for another thread that shares the constants. ``run()`` allocates nothing.
public final class Simulator {
  /// What is run.
  public let program: KernelProgram
  /// Where the arena's buffers lie.
  public let plan: ArenaPlan
  /// Called after each call of a kernel with the call's index and the memory.
  public var observe: ((_ call: Int, _ memory: ProgramMemory) -> Void)?

  let memory: SimulatorMemory
  private let constants: ConstantMemory
  private let kernels: [any Kernel]

  /// Allocates the memory.
  ///
  /// - Throws: `simulate.plan.mismatch` where the plan does not give every used buffer a place inside
  ///   the arena.
  public convenience init(_ program: KernelProgram, _ plan: ArenaPlan) throws(Diagnostic) {
    try SimulatorMemory.validate(program, plan)
    self.init(program, plan, ConstantMemory(program.constants))
  }

  private init(_ program: KernelProgram, _ plan: ArenaPlan, _ constants: ConstantMemory) {
    self.program = program
    self.plan = plan
    self.constants = constants
    kernels = program.calls.map(\.kernel)
    memory = SimulatorMemory(program, plan)
  }

  /// A simulator of the same program with memory of its own and the same constants.
  public func sibling() -> Simulator { Simulator(program, plan, constants) }

  /// The addresses that kernels get.
  public var addresses: ProgramMemory {
    ProgramMemory(buffers: memory.addresses, constants: constants.addresses)
  }

  /// Memory of an input, to be filled before ``run()``; keeps its content.
  public func input(_ index: Int) -> UnsafeMutableRawBufferPointer {
    memory.bytes(of: program.inputs[index].buffer)
  }

  /// Memory of an output, valid until the next ``run()``.
  public func output(_ index: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(memory.bytes(of: program.outputs[index].buffer))
  }

  /// Computes the outputs from the inputs' memory.
  public func run() {
    let addresses = addresses
    if let observe {
      for (index, kernel) in kernels.enumerated() {
        kernel.run(addresses)
        observe(index, addresses)
      }
    } else {
      for kernel in kernels { kernel.run(addresses) }
    }
  }

  /// Runs one kernel on the current memory, for checked execution.
  func run(call index: Int) { kernels[index].run(addresses) }

  /// Computes the outputs' bytes from the inputs' bytes.
  ///
  /// - Throws: `simulate.input.count`, `simulate.input.size`.
  public func run(bytes inputs: [[UInt8]]) throws(Diagnostic) -> [[UInt8]] {
    try fill(inputs)
    run()
    return outputs()
  }

  /// Computes the outputs' integers from the inputs' integers, for programs of 8-bit ports.
  ///
  /// - Throws: `simulate.input.count`, `simulate.input.size`.
  public func run(_ inputs: [[Int8]]) throws(Diagnostic) -> [[Int8]] {
    try run(bytes: inputs.map { $0.map { UInt8(bitPattern: $0) } }).map {
      $0.map { Int8(bitPattern: $0) }
    }
  }

  /// Computes the outputs from inputs of the ports' element types.
  ///
  /// - Throws: `simulate.input.count`, `simulate.input.size`.
  public func run(_ inputs: [Tensor]) throws(Diagnostic) -> [Tensor] {
    try checkCount(inputs.count)
    for (index, tensor) in inputs.enumerated() {
      try checkSize(tensor.byteCount, of: index)
      tensor.withUnsafeBytes { input(index).copyMemory(from: $0) }
    }
    run()
    return program.outputs.enumerated().map { index, port in
      var result = Tensor(zeros: port.type.element, port.type.shape)
      let source = output(index)
      result.withUnsafeMutableBytes { $0.copyMemory(from: source) }
      return result
    }
  }

  /// Quantizes real inputs, runs, and dequantizes the outputs.
  ///
  /// - Throws: `simulate.input.count`, `simulate.input.shape`.
  public func predict(_ inputs: [Tensor]) throws(Diagnostic) -> [Tensor] {
    try checkCount(inputs.count)
    var integers: [Tensor] = []
    for (port, tensor) in zip(program.inputs, inputs) {
      integers.append(try port.quantize(tensor))
    }
    return zip(program.outputs, try run(integers)).map { $0.dequantize($1) }
  }

  /// Copies the inputs' bytes into place.
  func fill(_ inputs: [[UInt8]]) throws(Diagnostic) {
    try checkCount(inputs.count)
    for (index, bytes) in inputs.enumerated() {
      try checkSize(bytes.count, of: index)
      input(index).copyBytes(from: bytes)
    }
  }

  /// Copies of the outputs' bytes.
  func outputs() -> [[UInt8]] { program.outputs.indices.map { Array(output($0)) } }

  private func checkCount(_ count: Int) throws(Diagnostic) {
    guard count == program.inputs.count else {
      throw Diagnostic(
        id: "simulate.input.count",
        "'\(program.name)' takes \(program.inputs.count) inputs, got \(count)")
    }
  }

  private func checkSize(_ size: Int, of index: Int) throws(Diagnostic) {
    let port = program.inputs[index]
    guard size == program[port.buffer].byteCount else {
      throw Diagnostic(
        id: "simulate.input.size",
        "'\(port.name)' takes \(program[port.buffer].byteCount) bytes (\(port.type)), got \(size)")
    }
  }
}
