import UQGraph
import UQNumerics
import UQSupport

extension Graph {
  /// The nodes from the outputs back, each behind its operands, with values numbered: equal for graphs
  /// that differ in names and in the order of independent nodes only.
  var outline: [String] {
    var walk = OutlineWalk(graph: self)
    for (index, id) in inputs.enumerated() { walk.labels[id] = "input\(index): \(type(of: id))" }
    let results = outputs.map { walk.label($0) }
    return walk.lines + ["outputs \(results)"]
  }
}

private struct OutlineWalk {
  let graph: Graph
  let producers: [Int?]
  var labels: [ValueID: String] = [:]
  var lines: [String] = []

  init(graph: Graph) {
    self.graph = graph
    producers = graph.producers()
  }

  mutating func label(_ id: ValueID) -> String {
    if let label = labels[id] { return label }
    if let tensor = graph.constant(id) {
      var digest = DigestStream()
      tensor.withUnsafeBytes { digest.update($0) }
      labels[id] = "constant \(graph.type(of: id)) \(digest.finish())"
    } else if let position = producers[id.index] {
      let node = graph.nodes[position]
      var operands = node.operands.map { $0.map { label($0) } ?? "none" }
      // An optional operand at the end may be left out or absent.
      while operands.last == "none" { operands.removeLast() }
      let types = node.results.map { graph.type(of: $0) }
      for (index, result) in node.results.enumerated() {
        labels[result] = "%\(lines.count).\(index)"
      }
      lines.append("%\(lines.count): \(types) = \(node.op)\(operands)")
    }
    return labels[id] ?? "nothing"
  }
}
