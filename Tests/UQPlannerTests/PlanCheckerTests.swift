import Testing
import UQKernels
import UQPlanner
import UQSupport

struct PlanCheckerTests {
  private func problem(_ program: KernelProgram, _ plan: ArenaPlan) -> String? {
    do throws(Diagnostic) { try PlanChecker.check(program, plan) } catch { return error.id }
    return nil
  }

  private func plan(_ offsets: [Int?], bytes: Int, alignment: Int = 1) -> ArenaPlan {
    ArenaPlan(offsets: offsets, byteCount: bytes, alignment: alignment, lowerBound: 0)
  }

  @Test func overlapsAreFound() {
    let program = chain([10, 10, 10])
    #expect(problem(program, plan([0, 10, 0], bytes: 20)) == nil)
    #expect(problem(program, plan([0, 9, 0], bytes: 20)) == "plan.buffers.overlap")
    #expect(problem(program, plan([0, 10, 1], bytes: 20)) == "plan.buffers.overlap")
  }

  @Test func onlyEqualStartsAreInPlace() {
    let program = chain([10, 10, 10], inPlace: [1])
    #expect(problem(program, plan([0, 0, 10], bytes: 20)) == nil)
    #expect(problem(program, plan([1, 0, 10], bytes: 20)) == "plan.buffers.overlap")
    #expect(problem(program, plan([0, 10, 10], bytes: 20)) == "plan.buffers.overlap")
  }

  @Test func livingOperandsAreNotOverwritten() {
    var program = chain([10, 10], inPlace: [1])
    let sum = program.add(10)
    program.call(FakeKernel(reads: [0, 1], writes: [sum]))
    #expect(problem(program, plan([0, 0, 10], bytes: 20)) == "plan.buffers.overlap")
  }

  @Test func scratchIsLiveDuringItsCall() {
    var program = chain([10, 10])
    let scratch = program.add(5, .scratch)
    program.calls[1].kernel = FakeKernel(reads: [0], writes: [1], scratch: [scratch])
    #expect(problem(program, plan([0, 10, 20], bytes: 25)) == nil)
    #expect(problem(program, plan([0, 10, 5], bytes: 25)) == "plan.buffers.overlap")
  }

  @Test func boundsAndAlignmentAreChecked() {
    let program = chain([10, 10], alignment: 4)
    #expect(problem(program, plan([0, 12], bytes: 22, alignment: 4)) == nil)
    #expect(problem(program, plan([0, 12], bytes: 21, alignment: 4)) == "plan.buffer.outside")
    #expect(problem(program, plan([0, -4], bytes: 22, alignment: 4)) == "plan.buffer.outside")
    #expect(problem(program, plan([0, 10], bytes: 22, alignment: 4)) == "plan.buffer.misaligned")
    #expect(problem(program, plan([0, 12], bytes: 22, alignment: 2)) == "plan.buffer.misaligned")
    #expect(problem(program, plan([0, nil], bytes: 22, alignment: 4)) == "plan.buffer.unplaced")
    #expect(problem(program, plan([0], bytes: 22, alignment: 4)) == "plan.offsets.count")
  }

  @Test func undefinedMemoryAndForeignWritesAreFound() {
    var program = KernelProgram(name: "bad")
    let input = program.add(4, .input(0))
    let never = program.add(4)
    let result = program.add(4)
    program.call(FakeKernel(reads: [never], writes: [result]))
    #expect(problem(program, plan([nil, 0, 4], bytes: 8)) == "plan.buffer.undefined")
    program.calls[0].kernel = FakeKernel(reads: [], writes: [input])
    #expect(problem(program, plan([nil, 0, 4], bytes: 8)) == "plan.buffer.constant")
    #expect(problem(program, plan([0, 0, 4], bytes: 8)) == "plan.buffer.foreign")
  }
}
