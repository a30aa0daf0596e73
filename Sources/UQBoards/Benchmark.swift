import UQSupport

/// What an inference costs on an emulated board: the figures of `uq bench`.
public struct Benchmark: Hashable, Sendable {
  /// What a layer executes.
  public struct Layer: Hashable, Sendable, Encodable {
    /// Name of the model's node.
    public var name: String
    /// Operator of the node.
    public var operatorName: String
    /// Instructions.
    public var instructions: Int

    private enum CodingKeys: String, CodingKey {
      case name, instructions
      case operatorName = "operator"
    }
  }

  /// Name of the board.
  public var board: String
  /// Instructions of one inference on the baseline input.
  public var instructions: Int
  /// Loads of it.
  public var loads: Int
  /// Stores of it.
  public var stores: Int
  /// Stack below the caller, 64 at least.
  public var stackBytes: Int
  /// Flash that the export takes.
  public var flashBytes: Int
  /// RAM that the export takes: the arena.
  public var ramBytes: Int
  /// The manifest's layers; the entry point's own instructions are in none.
  public var layers: [Layer]
  /// ``fnv1a32(_:)`` of the output bytes.
  public var outputDigest: UInt32

  /// Compiles an export for a board and runs it once on ``VerificationInputs/baseline(byteCount:)``.
  ///
  /// - Throws: `bench.layers.mismatch`, and what ``BoardBuild`` throws.
  public static func measure(
    _ export: Export, on board: Board, optimization: String = "-O2"
  ) throws -> Benchmark {
    let build = try BoardBuild(export, board: board, optimization: optimization)
    let input = VerificationInputs.records(for: export, count: 1)
    let run = try build.run(input)
    let counts = run.counts?.first ?? ExecutionCount()
    let layers = try run.counts?.perLayer(export.layers) ?? []
    return Benchmark(
      board: board.name, instructions: counts.instructions, loads: counts.loads,
      stores: counts.stores, stackBytes: run.stackBytes ?? 0,
      flashBytes: build.footprint.flashBytes, ramBytes: build.footprint.ramBytes,
      layers: zip(export.layers, layers).map { layer, count in
        Layer(
          name: layer.name, operatorName: layer.operatorName, instructions: count.instructions)
      },
      outputDigest: fnv1a32(run.outputs.first ?? []))
  }
}

extension Benchmark: Encodable {
  private enum CodingKeys: String, CodingKey {
    case board, instructions, loads, stores, layers
    case stackBytes = "stack_bytes"
    case flashBytes = "flash_bytes"
    case ramBytes = "ram_bytes"
    case outputDigest = "output_fnv1a32"
  }
}
