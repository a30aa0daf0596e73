import UQGraph
import UQNumerics
import UQSupport

/// Import of Einstein sums of two operands, as a product of matrices.
public enum Einsum: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    let build: @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID] = {
      node, builder throws(Diagnostic) in try product(node, &builder)
    }
    return [.onnx("Einsum", 1...1000, build), .relay("einsum", build)]
  }

  private static func product(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let equation = try node.string("equation").filter { $0 != " " }
    let sides = equation.split(separator: ">", omittingEmptySubsequences: false)
    let terms = (sides.first ?? "").dropLast().split(
      separator: ",", omittingEmptySubsequences: false
    ).map(Array.init)
    let problem = Diagnostic(
      id: "import.einsum.equation",
      "equation '\(equation)' is no product of two operands with an explicit result", at: node.place
    )
    guard sides.count == 2, terms.count == 2, node.operands.count == 2, sides[0].last == "-" else {
      throw problem
    }
    let (a, b, result) = (terms[0], terms[1], Array(sides[1]))
    guard (a + b + result).allSatisfy(\.isLetter), Set(a).count == a.count,
      Set(b).count == b.count, Set(result).count == result.count,
      Set(result).isSubset(of: Set(a).union(b))
    else { throw problem }
    let batch = result.filter { a.contains($0) && b.contains($0) }
    let rows = result.filter { a.contains($0) && !b.contains($0) }
    let columns = result.filter { b.contains($0) && !a.contains($0) }
    let inner = a.filter { b.contains($0) && !result.contains($0) }
    guard a.count == batch.count + rows.count + inner.count,
      b.count == batch.count + columns.count + inner.count
    else { throw problem }
    var extents: [Character: Int] = [:]
    for (index, term) in terms.enumerated() {
      let shape = builder.shape(of: try node.operand(index, "operand"))
      guard shape.rank == term.count else { throw problem }
      for (axis, letter) in term.enumerated() {
        guard extents[letter, default: shape[axis]] == shape[axis] else { throw problem }
        extents[letter] = shape[axis]
      }
    }
    func sizes(_ letters: [Character]) -> [Int] { letters.map { extents[$0] ?? 1 } }
    func matrix(_ index: Int, _ term: [Character], _ x: [Character], _ y: [Character])
      throws(Diagnostic) -> ValueID
    {
      let operand = try node.operand(index, "operand")
      try node.requireFloat(builder.type(of: operand))
      let order = (batch + x + y).compactMap { term.firstIndex(of: $0) }
      let moved = try builder.addStep(
        Transpose(permutation: order), [operand], "moved\(index)", of: node)
      let shape = try node.shape(
        sizes(batch) + [sizes(x).reduce(1, *), sizes(y).reduce(1, *)])
      return try builder.addStep(Reshape(shape: shape), [moved], "matrix\(index)", of: node)
    }
    let left = try matrix(0, a, rows, inner)
    let right = try matrix(1, b, inner, columns)
    let y = try builder.addProduct(
      left, right, results: ["\(node.results.first ?? node.name):product"], of: node)
    let own = batch + rows + columns
    let apart = try builder.addStep(
      Reshape(shape: try node.shape(sizes(own))), [y], "apart", of: node)
    let order = result.compactMap { own.firstIndex(of: $0) }
    return try builder.add(Transpose(permutation: order), [apart], as: node)
  }
}
