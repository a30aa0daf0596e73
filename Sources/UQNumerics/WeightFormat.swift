/// How a layer's weights are stored: their bits, and the input channels that share a scale.
///
/// Written `4`, or `w4g32` with a scale for every 32 input channels. Formats are ordered by their size.
public struct WeightFormat: Hashable, Sendable {
  /// Bits of a weight: 8, 4, 3, 2 or 1.
  public var bits: Int
  /// Input channels that share a scale within an output channel; `nil` where all do.
  public var groupSize: Int?

  /// Creates a format.
  public init(bits: Int, groupSize: Int? = nil) {
    self.bits = bits
    self.groupSize = groupSize
  }

  /// Widths that kernels with scales for groups of input channels have.
  public static let groupedBits = [4, 3, 2]

  /// Whether `size` input channels can share a scale: a multiple of 8 up to 4,096, so that no byte of
  /// packed weights belongs to two groups.
  public static func isGroupSize(_ size: Int) -> Bool {
    (8...4096).contains(size) && size % 8 == 0
  }
}

extension WeightFormat: CustomStringConvertible {
  /// `4`, `w4g32`.
  public var description: String { groupSize.map { "w\(bits)g\($0)" } ?? "\(bits)" }

  /// The format behind `4`, `w4`, `4g32`, `w4g32`; `nil` for anything else.
  public init?(_ text: some StringProtocol) {
    let body = text.hasPrefix("w") ? text.dropFirst() : text[...]
    guard let first = body.first, let bits = Int(String(first)), [8, 4, 3, 2, 1].contains(bits)
    else { return nil }
    let rest = body.dropFirst()
    self.init(bits: bits)
    if rest.isEmpty { return }
    guard rest.first == "g", Self.groupedBits.contains(bits), let size = Int(rest.dropFirst()),
      String(size) == rest.dropFirst(), Self.isGroupSize(size)
    else { return nil }
    groupSize = size
  }
}

extension WeightFormat: ExpressibleByIntegerLiteral {
  /// So many bits, one scale for an output channel.
  public init(integerLiteral bits: Int) { self.init(bits: bits) }
}

extension WeightFormat: Comparable {
  /// By bits, then by the number of scales.
  public static func < (a: WeightFormat, b: WeightFormat) -> Bool {
    (a.bits, -(a.groupSize ?? .max)) < (b.bits, -(b.groupSize ?? .max))
  }
}
