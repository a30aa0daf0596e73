import UQAllocation
import UQKernels
import UQNumerics
import UQPlanner
import UQSupport

extension MixedPrecision {
  /// Refuses budgets that no choice of widths keeps, before anything is measured.
  ///
  /// The arena does not depend on the widths of the weights: kernels unpack them in registers, and their
  /// scratch memory holds activations only. It is planned for one width and holds for all.
  ///
  /// - Throws: `export.budget.ram`, `allocate.budget.*`, with every problem found.
  func checkFeasible(
    _ limits: Budget, ram: Int?, _ costs: [WeightFormat: ProgramCost], _ open: [WeightFormat],
    fixed: [String: WeightFormat]
  ) throws {
    var problems: [Diagnostic] = []
    if let ram, let program = open.first.flatMap({ costs[$0]?.program }) {
      let plan = try MemoryPlanner.plan(program)
      if plan.byteCount > ram { problems.append(ArenaBudget.refusal(program, plan, ram: ram)) }
    }
    do { try checkAllocation(limits, costs, open, fixed: fixed) } catch {
      problems += diagnostics(of: error)
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
  }

  /// Whether some choice of widths keeps limits.
  ///
  /// - Throws: what is wrong beside the limits.
  func keeps(
    _ limits: Budget, _ costs: [WeightFormat: ProgramCost], _ open: [WeightFormat],
    fixed: [String: WeightFormat]
  ) throws -> Bool {
    do {
      try checkAllocation(limits, costs, open, fixed: fixed)
      return true
    } catch let error where BudgetRefusal.isOnly(error) { return false }
  }

  private func checkAllocation(
    _ limits: Budget, _ costs: [WeightFormat: ProgramCost], _ open: [WeightFormat],
    fixed: [String: WeightFormat]
  ) throws {
    let losses = Dictionary(
      graph.weightedLayers.map { layer in
        let free = self.open(open, of: layer.name).map { ($0.got, 0.0) }
        return (layer.name, Dictionary(uniqueKeysWithValues: free))
      }, uniquingKeysWith: { first, _ in first })
    _ = try allocator(costs, open, fixed: fixed, losses: losses).solve(limits)
  }
}

/// Errors that say that no choice of widths keeps the limits.
enum BudgetRefusal {
  /// Whether an error says nothing else.
  static func isOnly(_ error: any Error) -> Bool {
    diagnostics(of: error).allSatisfy { $0.id.hasPrefix("allocate.budget.") }
  }
}

/// The arena against a budget.
enum ArenaBudget {
  /// Why a plan does not fit, where it is fullest, and what would help.
  static func refusal(_ program: KernelProgram, _ plan: ArenaPlan, ram: Int) -> Diagnostic {
    let packed = program.packedBufferCount
    let narrow =
      packed > 0
      ? " even with \(packed) \(packed == 1 ? "activation" : "activations") in 4 bits" : ""
    let arena = plan.byteCount
    let fullest = fullestCall(program, plan).map { ", fullest at '\(program.calls[$0].layer)'" }
    let live =
      plan.lowerBound > ram
      ? "its live tensors alone take \(plan.lowerBound), at any width of the weights"
      : "its live tensors take \(plan.lowerBound), the rest lies between them"
    return Diagnostic(
      id: "export.budget.ram",
      "the arena takes \(arena) bytes\(narrow)\(fullest ?? "")"
        + ", the budget is \(ram): raise --ram by \(arena - ram); \(live)")
  }

  /// The call during which the buffers in use take most bytes; the first of equals.
  private static func fullestCall(_ program: KernelProgram, _ plan: ArenaPlan) -> Int? {
    var spans: [Int: (first: Int, last: Int)] = [:]
    for (step, call) in program.calls.enumerated() {
      for id in call.kernel.reads + call.kernel.writes + call.kernel.scratch
      where plan.offsets[id.index] != nil {
        spans[id.index] = (spans[id.index]?.first ?? step, step)
      }
    }
    var change = [Int](repeating: 0, count: program.calls.count + 1)
    for (index, span) in spans {
      change[span.first] += program.buffers[index].byteCount
      change[span.last + 1] -= program.buffers[index].byteCount
    }
    var live = 0
    let sums = change.dropLast().map { step -> Int in
      live += step
      return live
    }
    return sums.indices.max { sums[$0] < sums[$1] || sums[$0] == sums[$1] && $0 > $1 }
  }
}
