import UQGraph

/// Import of `BatchNormalization`.
public enum BatchNormalization: ForeignOperator {
  /// The rules.
  public static let imports: [ImportRule] = []
}
