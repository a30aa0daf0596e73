/// What a variant is judged by.
public enum Metric: Sendable, Hashable {
  /// Share of samples whose label is among the `k` largest outputs.
  case top(Int)
  /// Area under the ROC curve of the last output, label 1 being positive.
  case auc
  /// Share of samples whose largest output is the float model's; no labels needed.
  case agreement
  /// Mean of `|output − target|`; less is better.
  case meanAbsoluteError
  /// `1 − Σ(output − target)² / Σ(target − mean)²`.
  case determination
  /// Share of clips that are labelled as the largest value over all frames says: 1 above the threshold.
  case clip(Double)
  /// Share of clips whose label is the class of the largest score over all frames.
  case word
  /// What the user's program prints for the outputs of all samples.
  case command

  /// Share of samples whose largest output is the label.
  public static let top1 = Metric.top(1)

  /// The metric that `dataset.json` names: `top1`, `top5`, `auc`, `agreement`, `mae`, `r2`, `word`,
  /// `clip (max over frames > 0.5)`; `nil` for any other text.
  public init?(_ text: String) {
    switch text {
    case "auc": self = .auc
    case "agreement": self = .agreement
    case "mae": self = .meanAbsoluteError
    case "r2": self = .determination
    case "word": self = .word
    case _ where text.hasPrefix("word "): self = .word
    case _ where text.hasPrefix("top"):
      guard let k = Int(text.dropFirst(3)), (1...1000).contains(k) else { return nil }
      self = .top(k)
    case _ where text.hasPrefix("clip"):
      let digits = text.split(separator: ">").dropFirst().first?.filter {
        "0123456789.".contains($0)
      }
      self = .clip(digits.flatMap { Double($0) } ?? 0.5)
    default: return nil
    }
  }

  /// Name in the JSON document.
  public var name: String {
    switch self {
    case .top(let k): "top\(k)"
    case .auc: "auc"
    case .agreement: "agreement"
    case .meanAbsoluteError: "mae"
    case .determination: "r2"
    case .clip: "clip"
    case .word: "word"
    case .command: "command"
    }
  }

  /// Name for people.
  public var label: String {
    switch self {
    case .top(let k): "top-\(k)"
    case .auc: "AUC"
    case .agreement: "agreement"
    case .meanAbsoluteError: "mean error"
    case .determination: "R²"
    case .clip: "clips right"
    case .word: "words right"
    case .command: "own metric"
    }
  }

  /// Whether it is a share of samples, so that differences are points of a hundred.
  public var isShare: Bool {
    switch self {
    case .top, .agreement, .clip, .word: true
    case .auc, .meanAbsoluteError, .determination, .command: false
    }
  }

  /// Whether more is better.
  public var isGain: Bool { self != .meanAbsoluteError }

  /// Whether it needs targets that are real numbers.
  public var isRegression: Bool { self == .meanAbsoluteError || self == .determination }
}
