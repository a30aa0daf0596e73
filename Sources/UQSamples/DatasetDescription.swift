import Foundation
import UQSupport

/// What `dataset.json` says about samples; fields that are not listed here are passed over.
public struct DatasetDescription: Hashable, Codable, Sendable {
  /// What the model does: `classification`, `reconstruction`, ...
  public var task: String?
  /// What is measured: `top1`, `auc`, `agreement`, ...
  public var metric: String?
  /// Names of the classes in the order of the model's output.
  public var classes: [String]?
  /// Name of the input that the samples are for.
  public var input: String?
  /// How samples become inputs.
  public var preprocess: Preprocessing?

  /// A description that says nothing.
  public init() {}

  /// Reads `dataset.json` in the folder of the samples or in the folder above; `nil` where neither
  /// has one.
  ///
  /// - Throws: `samples.dataset.invalid` where it is no JSON or a field has a wrong type or value;
  ///   `samples.file.unreadable`.
  public static func find(beside samples: String) throws(Diagnostic) -> DatasetDescription? {
    // Not by dropping the last part: the path may be "." or end in "..".
    for path in ["\(samples)/dataset.json", "\(samples)/../dataset.json"] {
      guard access(path, F_OK) == 0 else { continue }
      let content = try FileContent(path: path, limit: 1 << 20)
      do {
        return try JSONDecoder().decode(DatasetDescription.self, from: Data(content.bytes))
      } catch {
        throw Diagnostic(
          id: "samples.dataset.invalid", Self.explain(error), at: SourcePlace(file: path))
      }
    }
    return nil
  }

  private static func explain(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    let context: DecodingError.Context? =
      switch error {
      case .typeMismatch(_, let context), .valueNotFound(_, let context),
        .keyNotFound(_, let context), .dataCorrupted(let context):
        context
      @unknown default: nil
      }
    guard let context else { return "\(error)" }
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    return (path.isEmpty ? "" : "\(path): ") + context.debugDescription
  }
}
