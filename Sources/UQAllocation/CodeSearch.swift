/// Decides which pieces of code are brought in: branch and bound over the pieces, depth first.
///
/// Undecided code is free in a node's bound; where all is decided, ``ChoiceSearch`` finds the layers'
/// choices. A node is cut off where its bound is no better than the best allocation known.
struct CodeSearch {
  private(set) var best: (loss: Double, picks: [Int])?
  private(set) var lowerBound = Double.infinity
  private(set) var nodes = 0
  private var branches = 0

  /// Decisions after which the rest is only bounded.
  private static let mostBranches = 5_000
  /// Partial allocations after which the rest is only bounded.
  private static let mostNodes = 400_000

  private let problem: AllocationProblem

  /// Searches; ``best`` stays `nil` where nothing keeps the limits.
  init(_ problem: AllocationProblem) {
    self.problem = problem
    visit(used: 0, forbidden: 0, hint: nil)
    lowerBound = min(lowerBound, best?.loss ?? .infinity)
  }

  private mutating func visit(used: UInt64, forbidden: UInt64, hint: SIMD4<Double>?) {
    nodes += 1
    branches += 1
    var capacity = problem.capacity
    var base = 0.0
    for piece in problem.pieces.indices where used >> UInt64(piece) & 1 == 1 {
      if capacity[0] != AllocationProblem.unlimited { capacity[0] -= problem.pieces[piece] }
      base += problem.pieceLosses[piece]
    }
    var positions: [[Int]] = []
    let layers = problem.layers.map { choices in
      let open = choices.indices.filter { choices[$0].code & forbidden == 0 }
      positions.append(open)
      return open.map { choices[$0] }
    }
    let limit = best?.loss ?? .infinity
    let bound = LagrangianBound(layers, capacity: capacity, hint: hint, limit: limit - base)
    guard bound.value < .infinity, base + bound.value < limit else { return }
    let decided = used | forbidden
    let undecided = problem.pieces.indices.filter { decided >> UInt64($0) & 1 == 0 }
    // At the prices of the bound some pieces are called; they come in first.
    let called = zip(layers, bound.picks).reduce(UInt64(0)) { $0 | $1.0[$1.1].code }
    if let piece = undecided.first(where: { called >> UInt64($0) & 1 == 1 }) ?? undecided.first {
      guard branches < Self.mostBranches else {
        lowerBound = min(lowerBound, base + bound.value)
        return
      }
      let bit = UInt64(1) << UInt64(piece)
      if called & bit != 0 {
        visit(used: used | bit, forbidden: forbidden, hint: bound.prices)
        visit(used: used, forbidden: forbidden | bit, hint: bound.prices)
      } else {
        visit(used: used, forbidden: forbidden | bit, hint: bound.prices)
        visit(used: used | bit, forbidden: forbidden, hint: bound.prices)
      }
      return
    }
    guard nodes < Self.mostNodes else {
      lowerBound = min(lowerBound, base + bound.value)
      if let found = bound.incumbent, base + found.loss < limit {
        best = (base + found.loss, zip(found.picks, positions).map { $1[$0] })
      }
      return
    }
    let search = ChoiceSearch(layers, capacity: capacity, root: bound, below: limit - base)
    nodes += search.nodes
    lowerBound = min(lowerBound, base + search.lowerBound)
    if let found = search.best {
      best = (base + found.loss, zip(found.picks, positions).map { $1[$0] })
    }
  }
}
