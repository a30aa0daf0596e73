import UQGraph
import UQNumerics
import UQSupport

extension GraphBuilder {
  /// Adds an operator along one axis over operand 0 taken as a matrix: rows are the axes before
  /// `axis`, columns those from it on.
  ///
  /// - Throws: `import.axis.range`.
  mutating func addOverTrailingAxes(
    _ node: ForeignNode, axis given: Int, _ make: (_ axis: Int) -> some Operator
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "input")
    let shape = shape(of: x)
    let axis = given == shape.rank ? given : try node.axis(given, rank: shape.rank)
    let trailing = axis..<shape.rank
    let long = trailing.filter { shape[$0] != 1 }
    if let only = long.first ?? trailing.last, long.count <= 1 {
      return try add(make(only), [x], as: node)
    }
    let columns = trailing.reduce(1) { $0 * shape[$1] }
    let rows = (0..<axis).reduce(1) { $0 * shape[$1] }
    let matrix = try addStep(
      Reshape(shape: try node.shape([rows, columns])), [x], "matrix", of: node)
    let result = try addStep(make(1), [matrix], "rows", of: node)
    return try add(Reshape(shape: shape), [result], as: node)
  }
}
