import UQNumerics
import UQSupport

extension Diagnostic {
  /// Whether what an import rule refused is a sound model and only beyond what is supported.
  ///
  /// Shapes that do not fit, operands whose types disagree among themselves, and attributes and
  /// operands that are missing or contradict each other are the model's fault; the last part of
  /// the id tells them from what a rule merely does not support.
  public func isBeyondSupport(operands types: [TensorType]) -> Bool {
    let parts = id.split(separator: ".")
    switch parts.first {
    case "shape": return id == "shape.value.size"
    case "type": return Set(types.map(\.element)).count < 2
    case "import":
      if parts.starts(with: ["import", "attribute"]), parts.last == "type" { return false }
      let faults: Set<Substring> = [
        "missing", "range", "repeated", "count", "inferred", "unsound", "lengths", "extent",
        "depth", "bias", "weights",
      ]
      return !(parts.last.map(faults.contains) ?? false)
    default: return true
    }
  }
}
