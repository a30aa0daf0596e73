/// Which variant to put on the chip, and why.
public struct Recommendation: Sendable, Hashable {
  /// Name of the variant; `nil` where none was made.
  public var variant: String?
  /// The reason in a sentence.
  public var reason: String

  /// The rule, for the reader.
  public static let rule = """
    Of the variants that keep within the limits given and that no other one of them beats in both size and \
    accuracy, the smallest whose accuracy is not \
    significantly below float's (p of at least 0.05 on the same samples) and at most 1 point below it. \
    Without labels: the smallest that agrees with float on at least 95 % of the samples. If none is that \
    close, the most accurate one.
    """
}

extension ComparisonReport {
  /// Largest loss of a recommended variant, as a share of float's metric.
  static let acceptedLoss = 0.01
  /// Least agreement of a recommended variant where there are no labels.
  static let acceptedAgreement = 0.95

  /// Size by which variants are compared: flash, or weights where only some were compiled.
  public func size(_ variant: VariantReport) -> Int {
    let measured = Set(integers.map(\.isFlashMeasured))
    return measured.count == 1 ? variant.flashBytes : variant.weightBytes
  }

  /// Names of the integer variants that no other one beats in size and metric, smallest first.
  public var frontier: [String] { frontier(of: integers).map(\.name) }

  /// Those of `variants` that no other one of them beats in size and metric, smallest first.
  private func frontier(of variants: [VariantReport]) -> [VariantReport] {
    variants.filter { one in
      !variants.contains { other in
        let (a, b) = (gain(other), gain(one))
        return a >= b && size(other) <= size(one) && (a > b || size(other) < size(one))
      }
    }.sorted { (size($0), $0.name) < (size($1), $1.name) }
  }

  /// The metric where more is better.
  private func gain(_ variant: VariantReport) -> Double {
    let value = variant.accuracy ?? 0
    return metric.isGain ? value : -value
  }

  /// The choice by ``Recommendation/rule``.
  public var recommendation: Recommendation {
    let candidates = frontier(of: fitting)
    guard let best = candidates.max(by: { gain($0) < gain($1) }) else {
      return Recommendation(
        variant: nil,
        reason: integers.isEmpty
          ? "No variant in integers was made." : "No variant keeps within \(limits.text).")
    }
    if let chosen = candidates.first(where: isCloseEnough) {
      return Recommendation(variant: chosen.name, reason: reason(chosen))
    }
    let allFit = fitting.count == integers.count
    let why =
      metric == .agreement
      ? "\(allFit ? "no variant" : "none of these") agrees with float on "
        + "\(percent(Self.acceptedAgreement)) of the samples"
      : float == nil
        ? "there is no float variant to compare with"
        : "\(allFit ? "every variant" : "each of these") is worse than float"
    return Recommendation(
      variant: best.name,
      reason: "\(best.label) is the most accurate\(allFit ? "" : " of those that fit"): \(why)."
        + sentence(verdict(best)))
  }

  private func isCloseEnough(_ variant: VariantReport) -> Bool {
    if metric == .agreement { return (variant.accuracy ?? 0) >= Self.acceptedAgreement }
    guard let float else { return false }
    let loss = gain(float) - gain(variant)
    if loss <= 0 { return true }
    let bound =
      metric.isShare ? Self.acceptedLoss : Self.acceptedLoss * (float.accuracy ?? 0).magnitude
    return loss <= bound && variant.pValue ?? 1 >= 0.05
  }

  private func reason(_ variant: VariantReport) -> String {
    var text = "\(variant.label) is the smallest variant that keeps the accuracy"
    if metric == .agreement {
      text =
        "\(variant.label) is the smallest variant that agrees with float on at least "
        + "\(percent(Self.acceptedAgreement)) of the samples"
    } else if let verdict = verdict(variant) {
      text += ": \(verdict)"
    }
    let usual = integers.first { $0.name == "8" } ?? integers.max { size($0) < size($1) }
    guard let usual, size(usual) > size(variant) else { return text + "." }
    let share = 1 - Double(size(variant)) / Double(size(usual))
    return text + ". It takes \(percent(share)) less flash than \(usual.label)."
  }

  private func sentence(_ text: String?) -> String {
    guard let text, let first = text.first else { return "" }
    return " It is \(first == "t" || first.isNumber ? text : "\(text)")."
  }

  /// How a variant compares with float in plain words: `0.8 points below float, within the noise of 450
  /// samples (p = .182)`; `nil` for float itself.
  public func verdict(_ variant: VariantReport) -> String? {
    if let problem = variant.problem { return problem }
    guard let quality = quality(variant) else { return nil }
    let excess = limits.excess(of: variant)
    return excess.isEmpty
      ? quality : quality + "; does not fit: " + excess.joined(separator: ", ")
  }

  private func quality(_ variant: VariantReport) -> String? {
    guard !variant.isFloat, let accuracy = variant.accuracy else { return nil }
    if metric == .agreement {
      return "the same class as float for \(percent(accuracy)) of \(samples) samples"
    }
    guard let reference = float?.accuracy else { return nil }
    let difference = accuracy - reference
    if difference == 0 { return "the same \(metric.label) as float" }
    var text =
      metric.isShare
      ? "\(tenths(difference.magnitude * 100)) points" : significant(difference.magnitude)
    text += " \(difference < 0 ? "below" : "above") float"
    if let p = variant.pValue {
      text +=
        p >= 0.05
        ? ", within the noise of \(samples) samples (p = \(decimal(p)))"
        : ", more than chance (p \(p < 0.001 ? "< .001" : "= " + decimal(p)))"
    }
    return text
  }
}
