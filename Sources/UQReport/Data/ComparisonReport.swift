import UQSupport

/// A command that makes a part of the report again.
public struct ReportCommand: Sendable, Hashable {
  /// What it does.
  public var purpose: String
  /// The line for a shell.
  public var line: String
  /// The variant that it is about; `nil` where it is about all.
  public var variant: String?

  /// Creates a command.
  public init(purpose: String, line: String, variant: String? = nil) {
    self.purpose = purpose
    self.line = line
    self.variant = variant
  }
}

/// Variants of a model compared on the same samples: all that any form of the report shows.
public struct ComparisonReport: Sendable {
  /// Version of the document's form.
  public static let formatVersion = 1

  /// Name of the model.
  public var model: String
  /// Number of samples.
  public var samples: Int
  /// What `accuracy` is.
  public var metric: Metric
  /// The variants, float first.
  public var variants: [VariantReport]
  /// Version of the tool.
  public var toolVersion = ""
  /// SHA-256 of the model's file.
  public var modelDigest = ""
  /// SHA-256 of the samples as the model sees them.
  public var dataDigest = ""
  /// Core that code was compiled for, or why none was.
  public var device = ""
  /// What the chip has.
  public var limits = Limits()
  /// Names of the classes; empty where they are not known.
  public var classes: [String] = []
  /// Weights and activations in float.
  public var histograms: [LayerHistograms] = []
  /// Samples that changed class, some of each variant.
  public var changedSamples: [ChangedSample] = []
  /// What the reader must know: samples left out, classes without samples.
  public var notes: [Diagnostic] = []
  /// How to make it again.
  public var commands: [ReportCommand] = []

  /// Creates a report.
  public init(model: String, samples: Int, metric: Metric, variants: [VariantReport]) {
    self.model = model
    self.samples = samples
    self.metric = metric
    self.variants = variants
  }

  /// The float model's entry.
  public var float: VariantReport? { variants.first { $0.isFloat && $0.accuracy != nil } }

  /// Variants that were made and can be put on a chip.
  public var integers: [VariantReport] { variants.filter { !$0.isFloat && $0.accuracy != nil } }

  /// Those of ``integers`` that keep within the limits.
  public var fitting: [VariantReport] { integers.filter { limits.excess(of: $0).isEmpty } }

  /// The commands that are shown first: about all variants, or the recommended one.
  var leadingCommands: [ReportCommand] {
    let chosen = recommendation.variant
    return commands.filter { $0.variant == nil || $0.variant == chosen }
  }

  /// Name of a class.
  public func className(_ index: Int) -> String {
    classes.indices.contains(index) ? classes[index] : "\(index)"
  }
}
