import UQNumerics

/// Axes that a reshape joins or splits among themselves.
struct AxisGroup {
  /// Axes of the operand, extents of 1 left out.
  var from: [Int] = []
  /// Axes of the result, extents of 1 left out.
  var to: [Int] = []
}

/// The finest division of a reshape into parts that do not mix; `nil` where there are no elements.
///
/// `[1, 8, 6] -> [2, 4, 6]` has the groups `{1} -> {0, 1}` and `{2} -> {2}`.
func axisGroups(from: Shape, to: Shape) -> [AxisGroup]? {
  guard from.count == to.count, from.count > 0 else { return nil }
  let sources = from.indices.filter { from[$0] != 1 }
  let targets = to.indices.filter { to[$0] != 1 }
  var groups: [AxisGroup] = []
  var i = 0
  var j = 0
  while i < sources.count, j < targets.count {
    var group = AxisGroup(from: [sources[i]], to: [targets[j]])
    var (x, y) = (from[sources[i]], to[targets[j]])
    i += 1
    j += 1
    while x != y {
      if x < y, i < sources.count {
        x *= from[sources[i]]
        group.from.append(sources[i])
        i += 1
      } else if y < x, j < targets.count {
        y *= to[targets[j]]
        group.to.append(targets[j])
        j += 1
      } else {
        return nil
      }
    }
    groups.append(group)
  }
  return i == sources.count && j == targets.count ? groups : nil
}

/// Whether a permutation keeps the order of all axes whose extent is not 1, so that it moves nothing.
func movesNothing(_ permutation: [Int], _ shape: Shape) -> Bool {
  let moved = permutation.filter { shape[$0] != 1 }
  return zip(moved, moved.dropFirst()).allSatisfy { $0 < $1 }
}

/// The permutation that undoes another.
func inverse(_ permutation: [Int]) -> [Int] {
  var result = permutation
  for (position, axis) in permutation.enumerated() { result[axis] = position }
  return result
}

extension Shape {
  /// The extents in another order.
  func permuted(_ permutation: [Int]) -> Shape { Shape(permutation.map { self[$0] }) }

  /// The extents behind as many extents of 1 as make `rank`; `nil` where there are more already.
  func extended(toRank rank: Int) -> Shape? {
    self.rank > rank ? nil : Shape([Int](repeating: 1, count: rank - self.rank) + dimensions)
  }
}
