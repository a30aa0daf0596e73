import Testing
import UQGraph
import UQKernels
import UQNumerics
import UQPlanner
import UQSimulator
import UQSupport

/// `target[i] = source[i] + amount`, then `damage` for kernels that misbehave.
private struct AddKernel: Kernel {
  var symbol = "uq_fake_add"
  var header = "uq_fake.h"
  var source = "uq_fake.c"
  var from: BufferID
  var to: BufferID
  var scratch: BufferID?
  var addend: ConstantID?
  var count: Int
  var isInPlace = false
  /// Writes beyond the end, or before the start.
  var overrun: Int?

  var arguments: [CArgument] {
    [.read(from), addend.map { .constant($0) } ?? .null, .integer(count), .write(to)]
      + (scratch.map { [.scratch($0)] } ?? [])
  }
  var inPlace: (read: BufferID, write: BufferID)? { isInPlace ? (from, to) : nil }

  func run(_ memory: ProgramMemory) {
    let source = memory.pointer(from, as: Int8.self)
    let target = memory.pointer(to, as: Int8.self)
    let amount = memory.pointer(addend, as: Int8.self)
    if let scratch = memory.pointer(scratch, as: UInt8.self) { scratch[0] = 1 }
    for i in 0..<count { target[i] = source[i] &+ (amount?[0] ?? 1) }
    if let overrun { target[overrun] ^= 1 }
  }
}

/// input -> a -> b -> output, the second addition by a constant.
private func sums(
  count: Int = 8, inPlace: Bool = false, overrun: Int? = nil
) -> KernelProgram {
  var program = KernelProgram(name: "sums")
  let kinds: [ProgramBuffer.Kind] = [.input(0), .activation, .activation, .output(0)]
  let type = TensorType(.int8, [count], quantization: Quantization(bits: 8, scales: [0.5]))
  for (index, kind) in kinds.enumerated() {
    program.buffers.append(
      ProgramBuffer(name: "b\(index)", kind: kind, byteCount: count, alignment: 4, type: type))
  }
  program.buffers.append(ProgramBuffer(name: "s", kind: .scratch, byteCount: 3, alignment: 1))
  program.constants.append(
    ProgramConstant(name: "addend", role: .table, [Int8(10)]))
  for index in 0..<3 {
    let kernel = AddKernel(
      from: BufferID(index), to: BufferID(index + 1),
      scratch: index == 0 ? BufferID(4) : nil, addend: index == 1 ? ConstantID(0) : nil,
      count: count, isInPlace: inPlace, overrun: index == 1 ? overrun : nil)
    program.calls.append(
      KernelCall(kernel: kernel, layer: "l\(index)", operatorName: "Add", macs: 0))
  }
  program.inputs = [ProgramPort(name: "x", buffer: BufferID(0), type: type)]
  program.outputs = [ProgramPort(name: "y", buffer: BufferID(3), type: type)]
  return program
}

private func id(_ body: () throws -> Void) -> String? {
  do { try body() } catch { return (error as? Diagnostic)?.id }
  return nil
}

struct SimulatorTests {
  @Test(arguments: [false, true]) func runsInThePlannedArena(inPlace: Bool) throws {
    let program = sums(inPlace: inPlace)
    let plan = try MemoryPlanner.plan(program)
    #expect(plan.byteCount == (inPlace ? 11 : 16))
    let simulator = try Simulator(program, plan)
    let input: [Int8] = [0, 1, 2, 3, 100, 120, -128, -1]
    #expect(try simulator.run([input]) == [input.map { $0 &+ 12 }])
    #expect(try simulator.sibling().run([input]) == [input.map { $0 &+ 12 }])
  }

  @Test func tensorsAreQuantizedAndDequantized() throws {
    let program = sums(count: 3)
    let simulator = try Simulator(program, MemoryPlanner.plan(program))
    let result = try simulator.predict([Tensor([Float(0), 0.5, -3], [3])])
    #expect(result == [Tensor([Float(6), 6.5, 3], [3])])
  }

  @Test func observersSeeEveryCall() throws {
    let program = sums()
    let simulator = try Simulator(program, MemoryPlanner.plan(program))
    var seen: [Int8] = []
    simulator.observe = { call, memory in
      let written = program.calls[call].kernel.writes[0]
      seen.append(memory.pointer(written, as: Int8.self)[0])
    }
    _ = try simulator.run([[Int8](repeating: 0, count: 8)])
    #expect(seen == [1, 11, 12])
  }

  @Test func wrongInputsAreErrors() throws {
    let program = sums()
    let simulator = try Simulator(program, MemoryPlanner.plan(program))
    #expect(id { _ = try simulator.run([[Int8]]()) } == "simulate.input.count")
    #expect(id { _ = try simulator.run([[Int8(1)]]) } == "simulate.input.size")
    #expect(
      id { _ = try simulator.predict([Tensor([Float(1)], [1])]) } == "simulate.input.shape")
  }

  @Test func plansOfOtherProgramsAreErrors() throws {
    let program = sums()
    let plan = ArenaPlan(offsets: [nil, 0, 4, nil, 0], byteCount: 11, alignment: 4, lowerBound: 1)
    #expect(id { _ = try Simulator(program, plan) } == "simulate.plan.mismatch")
    let other = ArenaPlan(offsets: [], byteCount: 11, alignment: 4, lowerBound: 1)
    #expect(id { _ = try Simulator(program, other) } == "simulate.plan.mismatch")
  }

  @Test func soundPlansAreProved() throws {
    for inPlace in [false, true] {
      let program = sums(inPlace: inPlace)
      let sample = [[UInt8](0..<8)]
      let proved = try Simulator.prove(program, MemoryPlanner.plan(program), samples: [sample])
      #expect(proved == [[sample[0].map { $0 + 12 }]])
    }
  }

  @Test func overlappingPlansAreRefuted() {
    let program = sums()
    let plan = ArenaPlan(offsets: [nil, 0, 4, nil, 12], byteCount: 16, alignment: 4, lowerBound: 1)
    #expect(
      id { _ = try Simulator.prove(program, plan, samples: [[[UInt8](0..<8)]]) }
        == "simulate.plan.differs")
  }

  @Test(arguments: [-1, 8, 200, -200]) func overrunsAreFound(offset: Int) throws {
    let program = sums(overrun: offset)
    let simulator = try Simulator(program, MemoryPlanner.plan(program))
    #expect(
      id { _ = try simulator.runChecked(bytes: [[UInt8](0..<8)]) } == "simulate.memory.overrun")
  }

  @Test func readsOfDeadMemoryAreRefuted() throws {
    var program = sums()
    // Reads its operand's memory after the last declared use.
    program.calls[2].kernel = AddKernel(
      from: BufferID(1), to: BufferID(3), count: 8)
    let lying = KernelCall(
      kernel: Liar(base: program.calls[2].kernel), layer: "liar", operatorName: "", macs: 0)
    program.calls[2] = lying
    let plan = ArenaPlan(offsets: [nil, 0, 8, nil, 16], byteCount: 19, alignment: 4, lowerBound: 1)
    #expect(
      id { _ = try Simulator.prove(program, plan, samples: [[[UInt8](0..<8)]]) }
        == "simulate.plan.differs")
  }
}

/// Reads a buffer that it does not declare.
private struct Liar: Kernel {
  var base: any Kernel
  var symbol: String { base.symbol }
  var header: String { base.header }
  var source: String { base.source }
  var arguments: [CArgument] {
    base.arguments.map { if case .read = $0 { .read(BufferID(2)) } else { $0 } }
  }
  func run(_ memory: ProgramMemory) { base.run(memory) }
}
