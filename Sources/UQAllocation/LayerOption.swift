/// One way to store a layer's weights, and what it costs.
public struct LayerOption: Hashable, Sendable {
  /// Bits of the weights.
  public var bits: Int
  /// Input channels that share a scale; `nil` where an output channel has one.
  public var groupSize: Int?
  /// Loss at the network's output above that of the best option, in any unit; below 0 counts as 0.
  public var loss: Double
  /// Bytes of the packed weights, with the factors of groups.
  public var weightBytes: Int
  /// Bytes of flash of the layer's own constants: weights, scales, bias, parameters.
  public var flashBytes: Int
  /// Instructions of one inference.
  public var instructions: Int
  /// Pieces of code that the option calls: names in ``KernelCode``.
  public var code: Set<String>

  /// Creates an option.
  public init(
    bits: Int, groupSize: Int? = nil, loss: Double, weightBytes: Int, flashBytes: Int? = nil,
    instructions: Int = 0, code: Set<String> = []
  ) {
    self.bits = bits
    self.groupSize = groupSize
    self.loss = loss
    self.weightBytes = weightBytes
    self.flashBytes = flashBytes ?? weightBytes
    self.instructions = instructions
    self.code = code
  }
}

/// A layer and the options that it has.
public struct LayerChoices: Hashable, Sendable {
  /// Name of the layer.
  public var name: String
  /// The options, in any order.
  public var options: [LayerOption]

  /// Creates a layer's choices.
  public init(name: String, options: [LayerOption]) {
    self.name = name
    self.options = options
  }
}

/// Code that options bring in: it takes flash once, however many layers call it.
public struct KernelCode: Hashable, Sendable {
  /// Bytes of each piece.
  public var bytes: [String: Int]

  /// Creates the table.
  public init(_ bytes: [String: Int] = [:]) { self.bytes = bytes }
}

/// What an allocation may take; `nil` is without limit.
public struct Budget: Hashable, Sendable {
  /// Bytes of flash: the layers' constants, the code that the options bring in, and what is there anyway.
  public var flash: Int?
  /// Instructions of one inference, with those that are there anyway.
  public var instructions: Int?
  /// Bytes of packed weights.
  public var weightBytes: Int?

  /// Creates a budget.
  public init(flash: Int? = nil, instructions: Int? = nil, weightBytes: Int? = nil) {
    self.flash = flash
    self.instructions = instructions
    self.weightBytes = weightBytes
  }
}

/// An option for each layer, what it costs, and how far from the best it can be.
public struct Allocation: Hashable, Sendable {
  /// The chosen option of each layer, in the layers' order, its loss made monotone.
  public var options: [LayerOption]
  /// Sum of the options' losses.
  public var loss: Double
  /// No allocation within the budgets has a smaller loss.
  public var lowerBound: Double
  /// Bytes of packed weights.
  public var weightBytes: Int
  /// Bytes of flash, with code and what is there anyway.
  public var flashBytes: Int
  /// Instructions, with those that are there anyway.
  public var instructions: Int
  /// Partial allocations that were looked at.
  public var nodes: Int

  /// `(loss − lowerBound) / loss`; 0 where the allocation is proved best.
  public var gap: Double { loss > lowerBound ? (loss - lowerBound) / loss : 0 }
}
