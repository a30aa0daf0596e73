import UQBoards
import UQSupport

/// What a comparison does beside judging variants.
public struct CompareSettings: Sendable {
  /// When inferences are counted on an emulated board.
  public enum Counting: String, Sendable, CaseIterable {
    /// Where a network is small enough that it takes seconds.
    case auto
    case always
    case never
  }

  /// The board that variants are compiled for; `nil` estimates sizes instead.
  public var board: Board?
  /// When instructions are counted.
  public var counting = Counting.auto
  /// A command for `sh` that reads outputs and prints a number.
  public var metricCommand: String?
  /// File that keeps finished variants until the comparison is done; `nil` keeps none.
  public var cachePath: String?
  /// The target as it was named, where it was.
  public var targetArgument: String?
  /// Commands that make the report again.
  public var commandLine: String?
  /// Whether samples that changed class, histograms and sensitivities are collected.
  public var collectsDetails = true

  /// The settings of a comparison that only judges.
  public init() {}

  /// Multiply-accumulates up to which instructions are counted unasked.
  static let countedMacs = 150_000_000

  /// Whether the instructions of a network are counted.
  func counts(macs: Int) -> Bool {
    switch counting {
    case .always: true
    case .never: false
    case .auto: macs <= Self.countedMacs
    }
  }
}
