import UQSupport

/// What a variant is judged by.
public enum Metric: String, Sendable, Hashable {
  /// Share of samples whose largest output is the label.
  case top1
  /// Area under the ROC curve of the last output, label 1 being positive.
  case auc
  /// Share of samples whose largest output is the float model's; no labels needed.
  case agreement
}

/// One layer of a variant.
public struct LayerReport: Sendable, Hashable, Codable {
  /// Name of the node.
  public var name: String
  /// Operator of the node.
  public var operatorName: String
  /// Bits of its weights; `nil` where it has none.
  public var bits: Int?
  /// Signal to quantization noise of its output against the float model, in decibels.
  public var sqnr: Double?
  /// Bytes of its packed weights and biases.
  public var weightBytes: Int

  /// Creates a layer's entry.
  public init(name: String, operatorName: String, bits: Int?, sqnr: Double?, weightBytes: Int) {
    self.name = name
    self.operatorName = operatorName
    self.bits = bits
    self.sqnr = sqnr
    self.weightBytes = weightBytes
  }
}

/// One variant of a model and how it did.
public struct VariantReport: Sendable, Codable {
  /// `float`, `8`, `4`, the path of an export...
  public var name: String
  /// Bits of the weights; 32 for float.
  public var bits: Double
  /// Value of the metric; `nil` where the variant could not be made.
  public var accuracy: Double?
  /// 95 % interval of the metric.
  public var confidence: ConfidenceInterval?
  /// Share of samples with the float model's class.
  public var agreement: Double?
  /// McNemar's probability against the float model; `nil` for float and without labels.
  public var pValue: Double?
  /// Bytes of weights and biases.
  public var weightBytes: Int
  /// Bytes of flash: constants, and code where it was measured.
  public var flashBytes: Int
  /// Whether `flashBytes` was measured from compiled objects.
  public var isFlashMeasured: Bool
  /// Bytes of the arena.
  public var ramBytes: Int
  /// Multiply-accumulates.
  public var macs: Int
  /// Instructions for one inference, where measured.
  public var instructions: Int?
  /// Layers.
  public var layers: [LayerReport]
  /// Why it could not be made.
  public var problem: String?

  /// An entry without results.
  public init(name: String, bits: Double) {
    self.name = name
    self.bits = bits
    weightBytes = 0
    flashBytes = 0
    isFlashMeasured = false
    ramBytes = 0
    macs = 0
    layers = []
  }
}

/// Variants of a model compared on the same samples.
public struct ComparisonReport: Sendable {
  /// Name of the model.
  public var model: String
  /// Number of samples.
  public var samples: Int
  /// What `accuracy` is.
  public var metric: Metric
  /// The variants, float first.
  public var variants: [VariantReport]

  /// Creates a report.
  public init(model: String, samples: Int, metric: Metric, variants: [VariantReport]) {
    self.model = model
    self.samples = samples
    self.metric = metric
    self.variants = variants
  }

  /// The document of interface `uq compare --json`.
  public var json: JSONValue {
    [
      "model": .string(model), "samples": .integer(samples), "metric": .string(metric.rawValue),
      "variants": .array(variants.map(\.json)),
    ]
  }

  /// One line for each variant, comma-separated, with a header.
  public var csv: String {
    var text =
      "name,bits,accuracy,low,high,agreement,p_value,weight_bytes,flash_bytes,ram_bytes,macs,"
      + "instructions\n"
    let number = { (value: Double?) in value.map { "\($0)" } ?? "" }
    for v in variants {
      let fields = [
        v.name.contains(",") ? "\"\(v.name)\"" : v.name, "\(v.bits)", number(v.accuracy),
        number(v.confidence?.low), number(v.confidence?.high), number(v.agreement),
        number(v.pValue), "\(v.weightBytes)", "\(v.flashBytes)", "\(v.ramBytes)", "\(v.macs)",
        v.instructions.map { "\($0)" } ?? "",
      ]
      text += fields.joined(separator: ",") + "\n"
    }
    return text
  }

  /// A table for people, with what the differences mean.
  public var table: String {
    var rows = [
      ["variant", metricName, "95 % interval", "as float", "weights", "flash", "RAM", "MACs"]
    ]
    for v in variants {
      guard let accuracy = v.accuracy else {
        rows.append([v.label, "failed", "", "", "", "", "", ""])
        continue
      }
      rows.append([
        v.label, decimal(accuracy),
        v.confidence.map { "\(decimal($0.low))–\(decimal($0.high))" } ?? "",
        v.agreement.map { percent($0) } ?? "", bytes(v.weightBytes),
        v.flashBytes == 0 ? "" : (v.isFlashMeasured ? "" : "≥ ") + bytes(v.flashBytes),
        v.ramBytes == 0 ? "" : bytes(v.ramBytes), thousands(v.macs),
      ])
    }
    var text = "\(model): \(samples) samples\n\n" + aligned(rows)
    text += "\n" + variants.compactMap(verdict).joined(separator: "\n")
    return text + (legend.isEmpty ? "" : "\n\n" + legend)
  }

  private var metricName: String {
    switch metric {
    case .top1: "top-1"
    case .auc: "AUC"
    case .agreement: "agreement"
    }
  }

  /// What the columns mean, as far as they are filled.
  private var legend: String {
    guard variants.contains(where: { $0.ramBytes > 0 }) else { return "" }
    let flash =
      variants.contains { $0.flashBytes > 0 && !$0.isFlashMeasured }
      ? "flash: all constants, the code comes on top; " : ""
    return "as float: samples given the float model's class; " + flash + "RAM: the arena"
  }

  private func verdict(_ variant: VariantReport) -> String? {
    if let problem = variant.problem { return "\(variant.label): \(problem)" }
    guard let float = variants.first(where: { $0.name == "float" })?.accuracy,
      let accuracy = variant.accuracy, variant.name != "float"
    else { return nil }
    let difference = accuracy - float
    let points = String(Int((difference.magnitude * 1000).rounded()))
    let tenths = points.count > 1 ? "\(points.dropLast()).\(points.suffix(1))" : "0.\(points)"
    if difference == 0 { return "\(variant.label): the same \(metricName) as float" }
    var text =
      "\(variant.label): \(tenths) points \(difference < 0 ? "below" : "above") float"
    if let p = variant.pValue {
      text +=
        p >= 0.05
        ? ", within the noise of \(samples) samples (p = \(decimal(p)))"
        : ", more than chance (p \(p < 0.001 ? "< .001" : "= " + decimal(p)))"
    }
    return text
  }

  private func aligned(_ rows: [[String]]) -> String {
    let columns = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let lines = rows.map { row in
      zip(row, columns).enumerated().map { index, cell in
        let padding = String(repeating: " ", count: cell.1 - cell.0.count)
        return index == 0 ? cell.0 + padding : padding + cell.0
      }.joined(separator: "  ")
    }
    let rule = columns.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return ([lines[0], rule] + lines.dropFirst()).joined(separator: "\n") + "\n"
  }
}

extension VariantReport {
  /// The name for people: `8 bits`.
  fileprivate var label: String {
    guard let bits = Int(name) else { return name }
    return bits == 1 ? "1 bit" : "\(bits) bits"
  }

  fileprivate var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .string(name)), .init("bits", .number(bits)),
      .init("accuracy", number(accuracy)),
      .init(
        "confidence",
        confidence.map { .array([.number($0.low), .number($0.high)]) } ?? .null),
      .init("agreement", number(agreement)), .init("p_value", number(pValue)),
      .init("weight_bytes", .integer(weightBytes)), .init("flash_bytes", .integer(flashBytes)),
      .init("flash_measured", .bool(isFlashMeasured)), .init("ram_bytes", .integer(ramBytes)),
      .init("macs", .integer(macs)),
      .init("instructions", instructions.map { .integer($0) } ?? .null),
      .init(
        "layers",
        .array(
          layers.map { layer in
            [
              "name": .string(layer.name), "operator": .string(layer.operatorName),
              "bits": layer.bits.map { .integer($0) } ?? .null, "sqnr_db": number(layer.sqnr),
              "weight_bytes": .integer(layer.weightBytes),
            ]
          })),
    ]
    if let problem { members.append(.init("problem", .string(problem))) }
    return .object(members)
  }

  private func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
}

/// `.913`.
private func decimal(_ value: Double) -> String {
  let scaled = Int((value * 1000).rounded())
  let digits = String(scaled % 1000)
  let padded = String(repeating: "0", count: 3 - digits.count) + digits
  return (scaled >= 1000 ? "\(scaled / 1000)" : "") + "." + padded
}

/// `98.5 %`.
private func percent(_ value: Double) -> String {
  let scaled = Int((value * 1000).rounded())
  return "\(scaled / 10).\(scaled % 10) %"
}

/// `24,368 B`.
private func bytes(_ count: Int) -> String { count == 0 ? "" : thousands(count) + " B" }

/// `2,656,768`.
private func thousands(_ count: Int) -> String {
  var digits = Array(String(count))
  var position = digits.count - 3
  while position > 0 {
    digits.insert(",", at: position)
    position -= 3
  }
  return String(digits)
}
