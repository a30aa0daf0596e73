import Foundation
import UQReport
import UQSupport

/// Finished variants of a comparison that may yet be interrupted, in a `.uqcompare` file.
///
/// An entry is found again only for the same model, calibration, samples, options and version of the tool.
struct ComparisonCache {
  /// A finished variant.
  struct Entry: Codable {
    var report: VariantReport
    var outcomes: [SampleOutcome]
  }

  private struct File: Codable {
    var entries: [String: Entry]
  }

  /// Largest file that is read.
  private static let limit = 1 << 29

  private let path: String?
  private let key: String
  private var entries: [String: Entry] = [:]

  /// Opens the file; what cannot be read, or belongs to something else, counts as empty.
  ///
  /// - Parameter key: Digest of all that results depend on.
  init(path: String?, key: String) {
    self.path = path
    self.key = key
    guard let path, let data = FileManager.default.contents(atPath: path),
      data.count <= Self.limit, let file = try? Self.decoder.decode(File.self, from: data)
    else { return }
    entries = file.entries
  }

  /// The entry of a variant.
  subscript(variant: String) -> Entry? { entries[name(variant)] }

  /// Adds a variant and writes the file, whole or not at all.
  ///
  /// - Throws: `output.file.write`.
  mutating func add(_ entry: Entry, for variant: String) throws {
    guard let path else { return }
    entries[name(variant)] = entry
    try AtomicFile.write(Self.encoder.encode(File(entries: entries)), to: path)
  }

  /// Removes the file: the comparison is done.
  func remove() {
    if let path { try? FileManager.default.removeItem(atPath: path) }
  }

  private func name(_ variant: String) -> String {
    "\(Digest(of: Array("\(key)\u{0}\(variant)".utf8)))"
  }

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return encoder
  }

  private static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }
}
