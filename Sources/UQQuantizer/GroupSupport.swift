import UQGraph
import UQKernels
import UQNumerics
import UQOperators

/// What scales for groups of input channels a layer can have.
struct GroupSupport: Sendable {
  /// Input channels of a tap.
  var channels: Int
  /// Products that an output sums.
  var products: Int
  /// Why there is no kernel; `nil` where there is one.
  var obstacle: String?

  /// What the kernels of a node take; `integer` has the quantization of its activations.
  init(_ node: Node, weights: Tensor, in integer: Graph) {
    channels = weights.shape.last ?? 1
    products = weights.count / max(weights.shape.first ?? 1, 1)
    let bits = [node.operands.first ?? nil, node.results.first].map { id in
      id.flatMap { integer[$0].type.quantization?.bits } ?? 32
    }
    switch node.op {
    case let op as Conv2D where op.groups > 1: obstacle = "its input channels are split already"
    case is Conv2D, is FullyConnected:
      if let other = bits.first(where: { $0 != 8 }) {
        obstacle = "its input or output has \(other) bits, its kernels for groups take 8"
      }
    default: obstacle = "\(node.spec.name) has no kernel with scales for groups of input channels"
    }
  }

  /// Whether every sum of products with factors of 8 bits, the input's zero point folded in, leaves half of
  /// int32 to the bias.
  private func fits(bits: Int) -> Bool {
    let factor = GroupScales.unit(.single)
    return products <= (1 << 30) / (2 * 128 * factor * (1 << (bits - 1)))
  }

  /// Why a layer cannot have a format; `nil` where it can.
  func obstacle(to format: WeightFormat) -> String? {
    guard format.groupSize != nil else { return nil }
    if let obstacle { return obstacle }
    if !WeightFormat.groupedBits.contains(format.bits) {
      return "kernels with scales for groups take weights of 4, 3 and 2 bits"
    }
    return fits(bits: format.bits) ? nil : "sums of \(products) products would leave 32 bits"
  }

  /// The format that a layer gets where one is asked for: without groups where there is no kernel for them
  /// or a single one would hold all channels.
  func format(_ wanted: WeightFormat) -> WeightFormat {
    guard let size = wanted.groupSize, size < channels, obstacle(to: wanted) == nil else {
      return WeightFormat(bits: wanted.bits)
    }
    return wanted
  }
}

/// The groups that share a scale, by position in a row of weights `[taps, channels]`.
struct ChannelGroups: Sendable {
  /// Number of groups.
  var count: Int
  /// Group of each weight.
  var indices: [Int]

  /// Groups of `size` channels, the last one possibly shorter.
  init(taps: Int, channels: Int, size: Int) {
    count = (channels + size - 1) / size
    indices = (0..<taps * channels).map { $0 % channels / size }
  }
}
