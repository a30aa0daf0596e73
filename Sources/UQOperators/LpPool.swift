import UQGraph

/// Import of `LpPool`.
public enum LpPool: ForeignOperator {
  /// The rules.
  public static let imports: [ImportRule] = []
}
