import UQGraph

/// The ONNX import rules of all operators by domain and name.
struct RuleTable {
  /// Versions of the operator sets whose meaning is known; other domains have any version.
  static let knownVersions: [String: ClosedRange<Int>] = ["": 1...28, "ai.onnx.ml": 1...5]

  /// What the table has for a node.
  enum Match {
    case rule(ImportRule)
    /// Why there is none.
    case none(String)
  }

  private struct Key: Hashable {
    var domain: String
    var name: String
  }

  private var rules: [Key: [ImportRule]] = [:]

  init(_ operators: [any ForeignOperator.Type]) {
    for type in operators {
      for rule in type.imports where rule.dialect == .onnx {
        let key = Key(domain: normalizedDomain(rule.domain), name: rule.operatorName)
        rules[key, default: []].append(rule)
      }
    }
  }

  /// The rule for an operator of a version; the first declared one where several fit.
  func match(domain: String, name: String, version: Int) -> Match {
    let shown = domain.isEmpty ? name : "\(domain).\(name)"
    guard let candidates = rules[Key(domain: domain, name: name)] else {
      return .none("operator '\(shown)' is not supported")
    }
    if let rule = candidates.first(where: { $0.versions.contains(version) }) { return .rule(rule) }
    let ranges = candidates.map { "\($0.versions.lowerBound) to \($0.versions.upperBound)" }
    return .none(
      "operator '\(shown)' is not supported in version \(version) of the operator set, only in "
        + ranges.joined(separator: ", ") + "; convert the model with onnx.version_converter")
  }

  /// Whether some version of the operator has a rule.
  func has(domain: String, name: String) -> Bool {
    rules[Key(domain: domain, name: name)] != nil
  }
}
