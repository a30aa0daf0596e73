import UQSupport

/// A text as parsed and checked, without any evaluation.
public enum RelaySyntax {
  /// The problems of a text, errors and warnings.
  ///
  /// - Parameter operators: names of operators beyond those of TVM.
  public static func problems(in text: some Collection<UInt8>, operators: Set<String> = [])
    -> [Diagnostic]
  {
    let source = SourceText(text)
    let (module, problems) = Parser.parse(source)
    guard !problems.contains(where: { $0.severity == .error }) else { return problems }
    return problems + Checker.check(module, source, known: operators)
  }
}
