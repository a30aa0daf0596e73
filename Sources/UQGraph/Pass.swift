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

/// A sequence of passes with the verifier between them, repeated while it changes the graph.
public struct PassPipeline: Sendable {
  /// The passes in order.
  public var passes: [any Pass]
  /// Most times that the sequence runs.
  public var rounds: Int

  /// Creates a pipeline.
  public init(_ passes: [any Pass], rounds: Int = 1) {
    self.passes = passes
    self.rounds = rounds
  }

  /// Names of the passes in order, each once.
  public var names: [String] {
    var seen: Set<String> = []
    return passes.map { type(of: $0).name }.filter { seen.insert($0).inserted }
  }

  /// Runs the passes, skipping those named, and verifies the graph after each that changed it.
  ///
  /// A pass whose requirements a skipped pass would have established is skipped too.
  ///
  /// - Throws: `pass.name.unknown`, `pass.requirement.missing`, what a pass throws, or `graph.*` of the
  ///   verifier.
  public func run(on graph: inout Graph, skipping disabled: Set<String> = []) throws {
    try check()
    let known = Set(names)
    if let unknown = disabled.filter({ !known.contains($0) }).min() {
      throw Diagnostic(
        id: "pass.name.unknown",
        "there is no pass '\(unknown)'; there are \(names.joined(separator: ", "))")
    }
    try graph.verify()
    var established: Invariants = .typed
    for _ in 0..<rounds {
      var hasChanged = false
      for pass in passes {
        let kind = type(of: pass)
        guard !disabled.contains(kind.name), established.isSuperset(of: kind.requires) else {
          continue
        }
        if try pass.run(on: &graph) {
          hasChanged = true
          do { try graph.verify() } catch {
            throw Diagnostics(
              diagnostics(of: error).map {
                var copy = $0
                copy.message = "after pass '\(kind.name)': " + copy.message
                return copy
              })
          }
        }
        established.formUnion(kind.establishes)
      }
      if !hasChanged { return }
    }
  }

  /// Checks that every pass's requirements are established before it.
  ///
  /// - Throws: `pass.requirement.missing`.
  public func check() throws(Diagnostic) {
    var established: Invariants = .typed
    for pass in passes {
      let kind = type(of: pass)
      guard established.isSuperset(of: kind.requires) else {
        throw Diagnostic(
          id: "pass.requirement.missing",
          "pass '\(kind.name)' requires \(kind.requires.rawValue), the passes before it establish "
            + "\(established.rawValue)")
      }
      established.formUnion(kind.establishes)
    }
  }
}
