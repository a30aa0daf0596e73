import UQGraph

/// Import of `GlobalAveragePool`.
public enum GlobalAveragePool: ForeignOperator {
  /// The rules.
  public static let imports: [ImportRule] = []
}
