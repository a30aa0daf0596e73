import UQGraph

/// Import of `GlobalMaxPool`.
public enum GlobalMaxPool: ForeignOperator {
  /// The rules.
  public static let imports: [ImportRule] = []
}
