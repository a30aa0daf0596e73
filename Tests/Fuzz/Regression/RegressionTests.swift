import Foundation
import FuzzTargets
import Testing

/// Inputs that fuzzing found: each ends in a result or in diagnostics, in bounded time.
///
/// `Findings` holds what once broke a reader, minimised, `Corpus` what reaches the most code of it.
@Suite struct RegressionTests {
  private static let limit = Duration.seconds(20)

  private static func files(_ folder: String, _ target: FuzzTarget) throws -> [URL] {
    let root = try #require(Bundle.module.resourceURL)
    let place = root.appendingPathComponent("\(folder)/\(target)")
    let found = try? FileManager.default.contentsOfDirectory(
      at: place, includingPropertiesForKeys: nil)
    return (found ?? []).sorted { $0.path < $1.path }
  }

  private func run(_ files: [URL], _ target: FuzzTarget) throws {
    let folder = try FuzzFolder()
    for file in files {
      let bytes = Array(try Data(contentsOf: file))
      let start = ContinuousClock.now
      do {
        if case .refused(let ids) = try target.run(bytes, in: folder) {
          #expect(!ids.isEmpty, "\(file.lastPathComponent) is refused without a problem")
        }
      } catch { Issue.record(error, "\(file.lastPathComponent)") }
      #expect(start.duration(to: .now) < Self.limit, "\(file.lastPathComponent)")
    }
  }

  @Test(arguments: FuzzTarget.allCases) func findingsStayFixed(_ target: FuzzTarget) throws {
    try run(Self.files("Findings", target), target)
  }

  @Test(arguments: FuzzTarget.allCases) func corpusNeverTraps(_ target: FuzzTarget) throws {
    let files = try Self.files("Corpus", target)
    #expect(!files.isEmpty)
    try run(files, target)
  }

  @Test(arguments: FuzzTarget.allCases) func seedsAreAccepted(_ target: FuzzTarget) throws {
    let folder = try FuzzFolder()
    let seeds = try FuzzSeeds.seeds(for: target)
    #expect(try seeds.contains { try target.run($0, in: folder) == .accepted })
  }

  @Test(arguments: RelaySeeds.programs) func soundProgramsAreAccepted(_ text: String) throws {
    #expect(try FuzzTarget.relay.run(Array(text.utf8), in: FuzzFolder()) == .accepted)
  }
}
