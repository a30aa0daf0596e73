import Foundation
import Testing
import UQSupport

@Suite struct MappedFileTests {
  /// What was given back is read again from the file, whatever the range.
  @Test(arguments: [0..<0, 0..<100_000, 1..<99_999, 5000..<5001, 99_000..<200_000])
  func releasedPagesAreReadAgain(_ range: Range<Int>) throws {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("uq-mapped-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let content = Data((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
    try content.write(to: URL(fileURLWithPath: path))
    let file = try MappedFile(path: path)
    #expect(Data(file.bytes) == content)
    file.release(range)
    #expect(Data(file.bytes) == content)
  }
}
