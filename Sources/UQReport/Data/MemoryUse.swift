/// What a variant takes of flash.
public struct FlashUse: Sendable, Hashable, Codable {
  /// Bytes of packed weights.
  public var weights: Int
  /// Bytes of biases, scales, lookup tables and kernel parameters.
  public var tables: Int
  /// Bytes of the runtime's code; `nil` where nothing was compiled.
  public var kernelCode: Int?
  /// Bytes of the model's own code; `nil` where nothing was compiled.
  public var glue: Int?
  /// The core it was compiled for: `Cortex-M4`; `nil` where nothing was compiled.
  public var core: String?

  /// Creates a split.
  public init(
    weights: Int, tables: Int, kernelCode: Int? = nil, glue: Int? = nil, core: String? = nil
  ) {
    self.weights = weights
    self.tables = tables
    self.kernelCode = kernelCode
    self.glue = glue
    self.core = core
  }

  /// All bytes that are known.
  public var total: Int { weights + tables + (kernelCode ?? 0) + (glue ?? 0) }
  /// Whether the code is missing.
  public var isEstimate: Bool { kernelCode == nil }
}

/// A buffer of the arena.
public struct ArenaBuffer: Sendable, Hashable, Codable {
  /// The value it holds.
  public var name: String
  /// Whether it is scratch memory of one call.
  public var isScratch: Bool
  /// Where it begins.
  public var offset: Int
  /// Its size.
  public var bytes: Int
  /// The first call that uses it, from 0.
  public var first: Int
  /// The last call that uses it.
  public var last: Int

  /// Creates a buffer.
  public init(name: String, isScratch: Bool, offset: Int, bytes: Int, first: Int, last: Int) {
    self.name = name
    self.isScratch = isScratch
    self.offset = offset
    self.bytes = bytes
    self.first = first
    self.last = last
  }
}

/// The arena over time.
public struct ArenaUse: Sendable, Hashable, Codable {
  /// Layer of each kernel call.
  public var steps: [String]
  /// The buffers by offset.
  public var buffers: [ArenaBuffer]

  /// Creates a map.
  public init(steps: [String], buffers: [ArenaBuffer]) {
    self.steps = steps
    self.buffers = buffers
  }
}
