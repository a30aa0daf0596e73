import UQGraph
import UQKernels
import UQOperators

/// The text of Documentation/Operators.md, made from the operators' specs.
enum OperatorTable {
  static var text: String {
    let entries = allOperators.sorted { String(describing: $0) < String(describing: $1) }
    let operators = entries.compactMap { $0 as? any Operator.Type }
    let compositions = entries.filter { entry in
      !(entry is any Operator.Type) && entry.imports.contains { $0.dialect == .onnx }
    }
    let names = Set(
      entries.flatMap { $0.imports }.filter { $0.dialect == .onnx }.map(\.operatorName))
    let relay = relayNames(entries.filter { !($0 is Detection.Type) })
    return """
      # Operators

      Printed from the operators' own descriptions by `make docs`; a test compares. \(names.count) ONNX
      and \(relay.count) Relay operators are read. `uq inspect` lists what a model uses and everything of it that is not
      supported, at once.

      ## Operators of the graph

      *Integer* says whether the operator has a kernel or a table; one without is folded away, or
      removed by a pass, before the network is quantized. Superscripts are operator-set versions where
      not all are read.

      | operator | from ONNX | what it is | operands | integer |
      |---|---|---|---|---|
      \(operators.map(row).joined(separator: "\n"))

      ## ONNX operators that become others

      \(compositions.map { "- \(onnxNames($0))" }.joined(separator: "\n"))

      ## Relay operators

      [Relay.md](Relay.md) has the language. Read are

      \(list(relay))

      Refused with the reason, as what they do depends on data:

      \(list(relayNames([Detection.self])))

      """
  }

  private static func relayNames(_ entries: [any ForeignOperator.Type]) -> [String] {
    Set(entries.flatMap { $0.imports }.filter { $0.dialect == .relay }.map(\.operatorName)).sorted()
  }

  /// A line for each first part of the names, as `nn` and `qnn`.
  private static func list(_ names: [String]) -> String {
    let groups = Dictionary(grouping: names) { name in
      name.contains(".") ? String(name.prefix { $0 != "." }) : ""
    }
    return groups.sorted { $0.key < $1.key }.map { _, names in
      "- " + names.map { "`\($0)`" }.joined(separator: ", ")
    }.joined(separator: "\n")
  }

  private static func row(_ type: any Operator.Type) -> String {
    let spec = type.spec
    var operands = spec.operands.map { $0.isOptional ? "[\($0.name)]" : $0.name }
    if spec.isVariadic { operands.append("...") }
    let integer = type is any LowerableOperator.Type ? "yes" : ""
    let imported = onnxNames(type)
    return "| `\(spec.name)` | \(imported.isEmpty ? "(made by passes)" : imported) "
      + "| \(spec.summary) | \(operands.joined(separator: ", ")) | \(integer) |"
  }

  private static func onnxNames(_ type: any ForeignOperator.Type) -> String {
    let rules = type.imports.filter { $0.dialect == .onnx }
    let groups = Dictionary(grouping: rules) { $0.domain + ":" + $0.operatorName }
    return groups.sorted { $0.key < $1.key }.map { _, rules in
      let name = rules[0].domain.isEmpty ? "" : rules[0].domain + "."
      let low = rules.map(\.versions.lowerBound).min() ?? 1
      let high = rules.map(\.versions.upperBound).max() ?? 1000
      var versions = ""
      if high < 1000 {
        versions = "<sup>\(low)–\(high)</sup>"
      } else if low > 1 {
        versions = "<sup>\(low)+</sup>"
      }
      return name + rules[0].operatorName + versions
    }.joined(separator: ", ")
  }
}
