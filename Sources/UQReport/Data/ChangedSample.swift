/// What a sample looks like.
public enum SamplePreview: Sendable, Hashable, Codable {
  /// A PNG as a data URI.
  case picture(uri: String, width: Int, height: Int)
  /// SVG paths in a box of that size, one for each channel.
  case waveform(paths: [String], width: Int, height: Int)
}

/// A sample that a variant puts into another class than the float model does.
public struct ChangedSample: Sendable, Hashable {
  /// Position among the samples.
  public var index: Int
  /// Its file.
  public var name: String
  /// Its class; `nil` without labels.
  public var label: Int?
  /// Class by each variant, in the report's order; `nil` where the variant failed.
  public var predictions: [Int?]
  /// What it looks like, where that can be shown.
  public var preview: SamplePreview?

  /// Creates an entry.
  public init(
    index: Int, name: String, label: Int?, predictions: [Int?], preview: SamplePreview? = nil
  ) {
    self.index = index
    self.name = name
    self.label = label
    self.predictions = predictions
    self.preview = preview
  }
}
