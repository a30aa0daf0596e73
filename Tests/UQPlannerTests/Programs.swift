import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// A kernel that computes nothing: the planner looks only at its arguments.
struct FakeKernel: Kernel {
  var symbol = "uq_fake"
  var header = "uq_fake.h"
  var source = "uq_fake.c"
  var arguments: [CArgument]
  var inPlace: (read: BufferID, write: BufferID)?

  init(reads: [Int], writes: [Int], scratch: [Int] = [], inPlace: Bool = false) {
    arguments =
      reads.map { .read(BufferID($0)) } + writes.map { .write(BufferID($0)) }
      + scratch.map { .scratch(BufferID($0)) }
    if inPlace, let read = reads.first, let write = writes.first {
      self.inPlace = (BufferID(read), BufferID(write))
    }
  }

  func run(_ memory: ProgramMemory) {}
}

extension KernelProgram {
  mutating func add(
    _ size: Int, _ kind: ProgramBuffer.Kind = .activation, alignment: Int = 1
  ) -> Int {
    buffers.append(
      ProgramBuffer(name: "b\(buffers.count)", kind: kind, byteCount: size, alignment: alignment))
    return buffers.count - 1
  }

  mutating func call(_ kernel: FakeKernel) {
    calls.append(
      KernelCall(kernel: kernel, layer: "l\(calls.count)", operatorName: "Fake", macs: 0))
  }
}

/// A chain of buffers, each computed from the one before; the first is written by a call of its own.
func chain(_ sizes: [Int], alignment: Int = 1, inPlace: Set<Int> = []) -> KernelProgram {
  var program = KernelProgram(name: "chain")
  var previous = program.add(sizes[0], alignment: alignment)
  program.call(FakeKernel(reads: [], writes: [previous]))
  for (index, size) in sizes.enumerated().dropFirst() {
    let next = program.add(size, alignment: alignment)
    program.call(
      FakeKernel(reads: [previous], writes: [next], inPlace: inPlace.contains(index)))
    previous = next
  }
  return program
}

/// A random program of `count` calls: several operands, scratch memory, alignments, in-place kernels.
func randomProgram(count: Int, seed: UInt64, alignments: [Int] = [1, 2, 4, 8, 16]) -> KernelProgram
{
  var generator = SeededGenerator(seed: seed)
  func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
  func alignment() -> Int { alignments[pick(0...alignments.count - 1)] }
  var program = KernelProgram(name: "random")
  let input = program.add(pick(1...5000), .input(0))
  var values = [input]
  for index in 0..<count {
    var reads = [values[values.count - 1]]
    for _ in 0..<pick(0...2) {
      reads.append(values[pick(max(0, values.count - 6)...values.count - 1)])
    }
    let same = pick(0...2) == 0 ? program.buffers[reads[0]].byteCount : pick(0...5000)
    let kind: ProgramBuffer.Kind = index == count - 1 ? .output(0) : .activation
    let result = program.add(same, kind, alignment: alignment())
    var scratch: [Int] = []
    if pick(0...3) == 0 {
      scratch.append(program.add(pick(1...2000), .scratch, alignment: alignment()))
    }
    program.call(
      FakeKernel(reads: reads, writes: [result], scratch: scratch, inPlace: pick(0...1) == 0))
    values.append(result)
  }
  return program
}
