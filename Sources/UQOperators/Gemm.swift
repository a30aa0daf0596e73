import UQGraph

/// Import of `Gemm`.
public enum Gemm: ForeignOperator {
  /// The rules.
  public static let imports: [ImportRule] = []
}
