import UQSupport

/// A transformation of a graph that keeps what it computes.
public protocol Pass: Sendable {
  /// Name for `--disable-pass` and messages: `fold-batch-norm`.
  static var name: String { get }
  /// What must hold before.
  static var requires: Invariants { get }
  /// What holds after.
  static var establishes: Invariants { get }

  /// Transforms the graph; returns whether anything changed.
  func run(on graph: inout Graph) throws(Diagnostic) -> Bool
}

extension Pass {
  /// A typed graph.
  public static var requires: Invariants { .typed }
  /// Nothing more.
  public static var establishes: Invariants { [] }
}

/// Facts about a graph that passes rely on.
public struct Invariants: OptionSet, Sendable {
  /// The bits.
  public let rawValue: Int

  /// Takes the bits.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// Every value has the type that its operator infers.
  public static let typed = Invariants(rawValue: 1)
  /// No node has only constant operands.
  public static let constantsFolded = Invariants(rawValue: 2)
  /// No batch normalization or constant per-channel scale follows a convolution or matrix product.
  public static let normalizationFolded = Invariants(rawValue: 4)
  /// No transpose that can be proved away remains.
  public static let layoutsResolved = Invariants(rawValue: 8)
  /// No clamp follows an operator that can carry it.
  public static let activationsFused = Invariants(rawValue: 16)
  /// Every result is used, every value referred to.
  public static let compact = Invariants(rawValue: 32)
}

/// A sequence of passes with the verifier between them.
public struct PassPipeline: Sendable {
  /// The passes in order.
  public var passes: [any Pass]

  /// Creates a pipeline.
  public init(_ passes: [any Pass]) { self.passes = passes }

  /// Runs the passes, skipping those named, and verifies the graph after each.
  ///
  /// - Throws: what a pass throws, or `graph.*` of the verifier.
  public func run(on graph: inout Graph, skipping disabled: Set<String> = []) throws {
    try graph.verify()
    for pass in passes where !disabled.contains(type(of: pass).name) {
      if try pass.run(on: &graph) { try graph.verify() }
    }
  }
}
