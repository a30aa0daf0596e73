import Testing
import UQKernels

/// Runs a program on host memory, each buffer between bytes that must stay as they are.
struct ProgramRunner {
  private static let margin = 64
  private static let canary: UInt8 = 0xA5

  /// Runs the calls and returns the bytes of each output.
  static func run(_ program: KernelProgram, inputs: [[UInt8]]) -> [[UInt8]] {
    let blocks = program.buffers.map { buffer in
      let block = UnsafeMutableRawBufferPointer.allocate(
        byteCount: buffer.byteCount + 2 * margin, alignment: 16)
      block.initializeMemory(as: UInt8.self, repeating: canary)
      return block
    }
    let constants = program.constants.map { constant in
      let block = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(constant.bytes.count, 1), alignment: 16)
      block.copyBytes(from: constant.bytes)
      return block
    }
    defer { (blocks + constants).forEach { $0.deallocate() } }
    for (port, bytes) in zip(program.inputs, inputs) {
      UnsafeMutableRawBufferPointer(rebasing: blocks[port.buffer.index][margin...])
        .copyBytes(from: bytes)
    }
    let addresses = blocks.compactMap { $0.baseAddress?.advanced(by: margin) }
    let constantAddresses = constants.compactMap { $0.baseAddress.map(UnsafeRawPointer.init) }
    addresses.withUnsafeBufferPointer { buffers in
      constantAddresses.withUnsafeBufferPointer { constants in
        // A program without constants still needs an address.
        let none = UnsafePointer<UnsafeRawPointer>(bitPattern: 16)
        guard let b = buffers.baseAddress, let c = constants.baseAddress ?? none else { return }
        let memory = ProgramMemory(buffers: b, constants: c)
        for call in program.calls { call.kernel.run(memory) }
      }
    }
    for (block, buffer) in zip(blocks, program.buffers) {
      let outside =
        block[..<margin].allSatisfy { $0 == canary }
        && block[(margin + buffer.byteCount)...].allSatisfy { $0 == canary }
      #expect(outside, "a call wrote outside of \(buffer.name)")
    }
    return program.outputs.map { port in
      let size = program[port.buffer].byteCount
      return Array(blocks[port.buffer.index][margin..<margin + size])
    }
  }
}
