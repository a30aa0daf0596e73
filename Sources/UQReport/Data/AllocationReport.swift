/// Why each layer of a variant of several widths got its bits.
public struct AllocationReport: Sendable, Hashable, Codable {
  /// What a width costs a layer.
  public struct Option: Sendable, Hashable, Codable {
    /// Bits of the weights.
    public var bits: Int
    /// Input channels that share a scale; `nil` where an output channel has one.
    public var groupSize: Int?
    /// Loss at the network's output where this layer alone has so many bits.
    public var loss: Double
    /// Bytes of the packed weights, with the factors of groups.
    public var weightBytes: Int

    /// Creates an option.
    public init(bits: Int, groupSize: Int? = nil, loss: Double, weightBytes: Int) {
      self.bits = bits
      self.groupSize = groupSize
      self.loss = loss
      self.weightBytes = weightBytes
    }

    private enum CodingKeys: String, CodingKey {
      case bits, loss
      case groupSize = "group_size"
      case weightBytes = "weight_bytes"
    }
  }

  /// A layer's choice.
  public struct Layer: Sendable, Hashable, Codable {
    /// Name of the layer.
    public var name: String
    /// Chosen bits.
    public var bits: Int
    /// Input channels that share a scale; `nil` where an output channel has one.
    public var groupSize: Int?
    /// Loss that the choice costs by itself.
    public var loss: Double
    /// Bytes of weights.
    public var weightBytes: Int
    /// Bytes of weights fewer than at the most bits.
    public var savedBytes: Int
    /// What could be chosen, by descending size; one option where the width was given.
    public var options: [Option]?

    /// Creates a choice.
    public init(
      name: String, bits: Int, groupSize: Int? = nil, loss: Double, weightBytes: Int,
      savedBytes: Int, options: [Option]?
    ) {
      self.name = name
      self.bits = bits
      self.groupSize = groupSize
      self.loss = loss
      self.weightBytes = weightBytes
      self.savedBytes = savedBytes
      self.options = options
    }

    /// Loss for each kilobyte saved; `nil` where nothing was saved.
    public var exchangeRate: Double? {
      savedBytes > 0 ? loss * 1024 / Double(savedBytes) : nil
    }

    private enum CodingKeys: String, CodingKey {
      case name, bits, loss, options
      case groupSize = "group_size"
      case weightBytes = "weight_bytes"
      case savedBytes = "saved_bytes"
    }
  }

  /// The layers in order.
  public var layers: [Layer]
  /// Sum of the layers' losses.
  public var loss: Double
  /// Share by which the sum may be above the least possible.
  public var gap: Double
  /// Bytes of all weights.
  public var weightBytes: Int
  /// Bytes of flash as foreseen.
  public var flashBytes: Int
  /// Loss of all layers together, activations quantized: what ``loss`` foresees; `nil` where not measured.
  public var measured: Double?
  /// Exchanges of bits that lowered ``measured``; `nil` where it is not known.
  public var exchanges: Int?

  /// Creates an explanation.
  public init(
    layers: [Layer], loss: Double, gap: Double, weightBytes: Int, flashBytes: Int,
    measured: Double? = nil, exchanges: Int? = nil
  ) {
    self.layers = layers
    self.loss = loss
    self.gap = gap
    self.weightBytes = weightBytes
    self.flashBytes = flashBytes
    self.measured = measured
    self.exchanges = exchanges
  }

  private enum CodingKeys: String, CodingKey {
    case layers, loss, gap, exchanges
    case measured = "measured_loss"
    case weightBytes = "weight_bytes"
    case flashBytes = "flash_bytes"
  }
}
