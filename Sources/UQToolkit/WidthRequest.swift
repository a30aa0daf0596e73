import UQSupport

/// How the widths of the weights are asked for.
public enum WidthRequest: Hashable, Sendable {
  /// One width for all layers.
  case uniform(Int)
  /// A width for each layer, chosen by what it costs at the network's output.
  case mixed(MixedBudget)

  /// Whether layers have widths of their own.
  var isMixed: Bool { if case .mixed = self { true } else { false } }

  /// As commands and manifests write it: `8`, `mixed`, `mixed:40960`.
  public var name: String {
    switch self {
    case .uniform(let bits): "\(bits)"
    case .mixed(let budget): budget.weightBytes.map { "mixed:\($0)" } ?? "mixed"
    }
  }

  /// The request behind `8`, `4`, `3`, `2`, `1`, `mixed`, `mixed:40K`; `nil` for anything else.
  public init?(_ text: some StringProtocol) {
    if let bits = Int(text) {
      guard [8, 4, 3, 2, 1].contains(bits) else { return nil }
      self = .uniform(bits)
      return
    }
    if text == "mixed" {
      self = .mixed(MixedBudget())
      return
    }
    guard text.hasPrefix("mixed:"), let bytes = ByteSize.parse(text.dropFirst(6)) else {
      return nil
    }
    self = .mixed(MixedBudget(weightBytes: bytes))
  }
}

/// What a network of mixed widths may take; where nothing is given, the weight bytes of uniform 4 bits.
public struct MixedBudget: Hashable, Sendable {
  /// Bytes of packed weights.
  public var weightBytes: Int?
  /// The weight bytes of one width for all layers.
  public var bytesOf: Int?
  /// Bits of a weight on average.
  public var averageBits: Double?
  /// Bytes of flash: constants, and code where the target's is known.
  public var flash: Int?
  /// Instructions of one inference.
  public var instructions: Int?
  /// Bytes of the arena.
  public var ram: Int?

  /// Creates a budget.
  public init(
    weightBytes: Int? = nil, bytesOf: Int? = nil, averageBits: Double? = nil, flash: Int? = nil,
    instructions: Int? = nil, ram: Int? = nil
  ) {
    self.weightBytes = weightBytes
    self.bytesOf = bytesOf
    self.averageBits = averageBits
    self.flash = flash
    self.instructions = instructions
    self.ram = ram
  }
}

extension MixedBudget {
  /// The budget with what the network's options limit in place of its own.
  func within(_ options: CompileOptions) -> MixedBudget {
    var result = self
    result.flash = options.flash ?? flash
    result.instructions = options.instructions ?? instructions
    result.ram = options.ram ?? ram
    return result
  }
}

/// Sizes as people write them.
public enum ByteSize {
  /// The bytes of `65536`, `64K`, `1M`; `nil` for anything else and beyond 2^40.
  public static func parse(_ text: some StringProtocol) -> Int? {
    let factor =
      switch text.last {
      case "K", "k": 1 << 10
      case "M", "m": 1 << 20
      default: 1
      }
    let digits = factor == 1 ? text[...] : text.dropLast()
    guard !digits.isEmpty, digits.allSatisfy({ ("0"..."9").contains($0) }), let value = Int(digits),
      value <= 1 << 40 / factor
    else { return nil }
    return value * factor
  }
}
