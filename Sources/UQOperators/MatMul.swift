import UQGraph

/// Import of `MatMul`.
public enum MatMul: ForeignOperator {
  /// The rules.
  public static let imports: [ImportRule] = []
}
