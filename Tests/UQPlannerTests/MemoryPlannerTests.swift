import Testing
import UQKernels
import UQPlanner
import UQSupport

/// Output sizes of the visual wake words network of MLPerf Tiny (MobileNet v1 0.25, 96x96), input first.
private let visualWakeWords: [Int] = {
  var sizes = [96 * 96 * 3, 48 * 48 * 8, 48 * 48 * 8, 48 * 48 * 16, 24 * 24 * 16, 24 * 24 * 32]
  sizes += [24 * 24 * 32, 24 * 24 * 32, 12 * 12 * 32, 12 * 12 * 64, 12 * 12 * 64, 12 * 12 * 64]
  sizes += [6 * 6 * 64, 6 * 6 * 128]
  for _ in 0..<5 { sizes += [6 * 6 * 128, 6 * 6 * 128] }
  return sizes + [3 * 3 * 128, 3 * 3 * 256, 3 * 3 * 256, 3 * 3 * 256, 256, 2]
}()

struct MemoryPlannerTests {
  @Test func visualWakeWordsIsOptimalWhereGreedyBySizeIsNot() throws {
    let program = chain(visualWakeWords)
    let plan = try MemoryPlanner.plan(program)
    #expect(plan.byteCount == 55_296)
    #expect(plan.lowerBound == 55_296)
    try PlanChecker.check(program, plan)
    // First-fit by size, as TensorFlow Lite Micro does it.
    var placed: [(start: Int, size: Int, call: Int)] = []
    for call in visualWakeWords.indices.sorted(by: {
      (-visualWakeWords[$0], $0) < (-visualWakeWords[$1], $1)
    }) {
      var start = 0
      for other in placed.sorted(by: { $0.start < $1.start }) where abs(other.call - call) <= 1 {
        if other.start >= start + visualWakeWords[call] { break }
        start = max(start, other.start + other.size)
      }
      placed.append((start, visualWakeWords[call], call))
    }
    #expect(placed.map { $0.start + $0.size }.max() == 64_512)
  }

  @Test func inputsAndOutputsAreTheCallers() throws {
    var program = KernelProgram(name: "ports")
    let input = program.add(1000, .input(0))
    let middle = program.add(10)
    let output = program.add(500, .output(0))
    program.call(FakeKernel(reads: [input], writes: [middle], inPlace: true))
    program.call(FakeKernel(reads: [middle], writes: [output], inPlace: true))
    let plan = try MemoryPlanner.plan(program)
    #expect(plan.offsets == [nil, 0, nil])
    #expect(plan.byteCount == 10)
    try PlanChecker.check(program, plan)
  }

  @Test func kernelsInPlaceShareMemory() throws {
    let separate = try MemoryPlanner.plan(chain([100, 100, 100, 60]))
    #expect(separate.byteCount == 200)
    let program = chain([100, 100, 100, 60], inPlace: [1, 2, 3])
    let plan = try MemoryPlanner.plan(program)
    #expect(plan.byteCount == 100)
    #expect(plan.lowerBound == 100)
    try PlanChecker.check(program, plan)
  }

  @Test func operandsReadLaterAreNotOverwritten() throws {
    var program = chain([100, 100], inPlace: [1])
    let sum = program.add(100)
    program.call(FakeKernel(reads: [1, 0], writes: [sum], inPlace: true))
    let plan = try MemoryPlanner.plan(program)
    #expect(plan.byteCount == 200)
    #expect(plan.offsets[0] != plan.offsets[1])
    #expect(plan.offsets[1] == plan.offsets[2])
    try PlanChecker.check(program, plan)
  }

  @Test func alignmentIsKeptAndCountedInTheBound() throws {
    var program = chain([3, 5], alignment: 4)
    let scratch = program.add(7, .scratch, alignment: 16)
    program.calls[1].kernel = FakeKernel(reads: [0], writes: [1], scratch: [scratch])
    let plan = try MemoryPlanner.plan(program)
    #expect(plan.alignment == 16)
    #expect(plan.byteCount == 17)
    try PlanChecker.check(program, plan)
  }

  @Test func emptyProgramsStillHaveAnArray() throws {
    let plan = try MemoryPlanner.plan(KernelProgram(name: "empty"))
    #expect(plan.byteCount == 1)
    #expect(plan.alignment == 1)
  }

  @Test func absurdBuffersAreErrors() {
    var program = chain([10, .max])
    #expect { try MemoryPlanner.plan(program) } throws: {
      ($0 as? Diagnostic)?.id == "plan.buffer.size"
    }
    program = chain([1 << 30, 1 << 30, 1 << 30])
    #expect { try MemoryPlanner.plan(program) } throws: {
      ($0 as? Diagnostic)?.id == "plan.arena.size"
    }
    program = chain([1, 1], alignment: 3)
    #expect { try MemoryPlanner.plan(program) } throws: {
      ($0 as? Diagnostic)?.id == "plan.buffer.alignment"
    }
  }

  @Test(arguments: UInt64(0)..<60) func randomProgramsAreSoundAndDeterministic(seed: UInt64) throws
  {
    let program = randomProgram(count: 3 + Int(seed), seed: seed)
    let planner = MemoryPlanner(attempts: 50)
    let plan = try planner.plan(program, seed: seed)
    try PlanChecker.check(program, plan)
    #expect(plan.byteCount >= plan.lowerBound)
    #expect(try planner.plan(program, seed: seed) == plan)
  }

  @Test func mostRandomProgramsReachTheBound() throws {
    let optimal = try (UInt64(0)..<25).filter { seed in
      let program = randomProgram(count: 20, seed: seed, alignments: [4])
      let plan = try MemoryPlanner(attempts: 200).plan(program)
      return plan.byteCount == plan.lowerBound
    }
    #expect(optimal.count >= 20)
  }

  @Test func manyLiveBuffersTakeLittleMemory() throws {
    var program = KernelProgram(name: "wide")
    let parts = (0..<4000).map { _ in program.add(3) }
    for part in parts { program.call(FakeKernel(reads: [], writes: [part])) }
    let all = program.add(12_000, .output(0))
    program.call(FakeKernel(reads: parts, writes: [all]))
    let plan = try MemoryPlanner.plan(program)
    #expect(plan.byteCount == 12_000)
    try PlanChecker.check(program, plan)
  }
}
