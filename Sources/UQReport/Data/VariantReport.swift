/// A further metric of a variant.
public struct MetricValue: Sendable, Hashable, Codable {
  /// Name as in the JSON document.
  public var name: String
  /// Value.
  public var value: Double
  /// 95 % interval, where it is known.
  public var confidence: ConfidenceInterval?

  /// Creates a value.
  public init(name: String, value: Double, confidence: ConfidenceInterval? = nil) {
    self.name = name
    self.value = value
    self.confidence = confidence
  }
}

/// One variant of a model and how it did.
public struct VariantReport: Sendable, Codable {
  /// `float`, `8`, `4`, `mixed`, the path of an export...
  public var name: String
  /// Bits of the weights, the mean over all of them; 32 for float.
  public var bits: Double
  /// Value of the metric; `nil` where the variant could not be made.
  public var accuracy: Double?
  /// 95 % interval of the metric.
  public var confidence: ConfidenceInterval?
  /// Share of samples with the float model's class.
  public var agreement: Double?
  /// Probability of a difference at least this large between equals; `nil` for float and without labels.
  public var pValue: Double?
  /// Signal to quantization noise of all outputs, in decibels; `nil` for float.
  public var outputSQNR: Double?
  /// Other metrics of the same outputs.
  public var metrics: [MetricValue] = []
  /// Samples by class (rows) and prediction; `nil` without labels or with too many classes.
  public var confusion: [[Int]]?
  /// How many samples have another class than by the float model.
  public var changed: Int?
  /// Bytes of weights and biases.
  public var weightBytes = 0
  /// Flash; `nil` for float.
  public var flash: FlashUse?
  /// Bytes of the arena.
  public var ramBytes = 0
  /// The arena over time.
  public var arena: ArenaUse?
  /// Bytes of stack below the caller, where measured.
  public var stackBytes: Int?
  /// Multiply-accumulates.
  public var macs = 0
  /// Instructions for one inference, where measured.
  public var instructions: Int?
  /// Layers.
  public var layers: [LayerReport] = []
  /// Why the layers have their bits, where these were chosen.
  public var allocation: AllocationReport?
  /// File of the model, where it is another one than the report is about.
  public var model: String?
  /// Why it could not be made.
  public var problem: String?

  /// An entry without results.
  public init(name: String, bits: Double) {
    self.name = name
    self.bits = bits
  }

  /// Bytes of flash: constants, and code where it was measured.
  public var flashBytes: Int { flash?.total ?? 0 }
  /// Whether ``flashBytes`` was measured from compiled objects.
  public var isFlashMeasured: Bool { flash.map { !$0.isEstimate } ?? false }
  /// Whether it is the float model, which the others are compared with.
  public var isFloat: Bool { name == "float" }

  /// The name for people: `8 bits`, `mixed, 40,960 B`, `other.onnx, 4 bits`.
  public var label: String {
    guard let model else { return Self.label(name) }
    let how =
      name.hasSuffix(model) ? "8" : name.split(separator: ":").dropFirst().joined(separator: ":")
    return "\(model), \(Self.label(how))"
  }

  private static func label(_ name: String) -> String {
    if let bits = Int(name) { return bits == 1 ? "1 bit" : "\(bits) bits" }
    guard name.hasPrefix("mixed:") else { return name }
    let size = name.dropFirst(6)
    return "mixed, \(Int(size).map(bytes) ?? String(size))"
  }
}
