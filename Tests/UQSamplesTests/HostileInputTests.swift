import Foundation
import Testing
import UQNumerics
import UQSupport

@testable import UQSamples

@Suite struct HostileInputTests {
  /// Cuts, bit flips, overwritten and inserted stretches of `data`; the same for the same seed.
  private func mutate(_ data: Data, _ random: inout SeededGenerator) -> Data {
    var bytes = Array(data)
    switch Int.random(in: 0..<5, using: &random) {
    case 0:
      bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
    case 1, 2:
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] ^=
          1 << UInt8.random(in: 0..<8, using: &random)
      }
    case 3:
      let start = Int.random(in: 0..<bytes.count, using: &random)
      let fill = [0, 0xFF, 0x7F, 0x80].randomElement(using: &random) ?? 0
      for i in start..<min(start + 4, bytes.count) { bytes[i] = UInt8(fill) }
    default:
      let start = Int.random(in: 0..<bytes.count, using: &random)
      bytes.insert(
        contentsOf: bytes[start..<min(start + 16, bytes.count)],
        at: Int.random(in: 0...bytes.count, using: &random))
    }
    return Data(bytes)
  }

  /// Runs `count` mutations of each fixture; every one must end in a result or in a problem.
  private func attack(_ names: [String], count: Int, _ body: (Data) throws(Diagnostic) -> Void)
    throws
  {
    var random = SeededGenerator(seed: 42)
    var refused = 0
    for name in names {
      let whole = try fixture(name)
      try body(whole)
      for _ in 0..<count {
        var data = mutate(whole, &random)
        if Bool.random(using: &random), !data.isEmpty { data = mutate(data, &random) }
        do { try body(data) } catch {
          #expect(error.id.hasPrefix("samples."))
          refused += 1
        }
      }
    }
    #expect(refused > names.count * count / 10)
  }

  @Test func pictures() throws {
    let rules = Preprocessing()
    try attack(
      [
        "png_rgb", "png_palette", "png_palette_alpha", "png_gray1", "png_gray16", "png_rgb16",
        "png_interlaced", "png_gray_alpha", "jpeg", "jpeg_gray",
      ], count: 300
    ) { data throws(Diagnostic) in
      let image = try picture(data)
      if image.width * image.height < 10000 {
        _ = try rules.tensor(of: image, place: SourcePlace(file: "x"))
      }
    }
  }

  /// PNG refuses nearly every flip by checksum; without it damage reaches the decoder.
  @Test func picturesWithSoundChecksums() throws {
    try attack(["png_rgb", "png_palette", "png_interlaced", "png_rgb16"], count: 300) {
      data throws(Diagnostic) in
      _ = try picture(repairedPNG(data))
    }
  }

  @Test func sound() throws {
    try attack(["flac"], count: 500) { data throws(Diagnostic) in _ = try clip(data) }
    var random = SeededGenerator(seed: 7)
    let whole = wav(channels: 2, (0..<40).map { Int16($0 * 100) })
    for _ in 0..<1000 {
      let data = mutate(whole, &random)
      for id in problems({ _ = try clip(data) }) { #expect(id.hasPrefix("samples.audio.")) }
    }
  }

  @Test func arrays() throws {
    try attack(
      ["npy_f4", "npy_fortran", "npy_big", "npy_v2", "npy_v3", "npy_bool", "npy_big_fortran"],
      count: 300
    ) { data throws(Diagnostic) in
      _ = try NumPyFile.parse(data, name: "x").floats
    }
  }

  @Test func archives() throws {
    try attack(["npz_stored", "npz_deflated"], count: 600) { data throws(Diagnostic) in
      _ = try NumPyArchive.parse(data, name: "x")
    }
  }

  @Test func tablesAndLists() throws {
    let folder = try TemporaryFolder()
    try folder.write("a.png", png(width: 1, height: 1, channels: 1, [1]))
    var random = SeededGenerator(seed: 3)
    let series = Data("t,\"x\"\n1,2\n3.5,-4e2\n".utf8)
    let labels = Data("file,class,label\na.png,\"a\",0\n".utf8)
    let json = Data(#"{"classes":["a"],"preprocess":{"scale":[1,2],"resize":[3,4]}}"#.utf8)
    for _ in 0..<300 {
      let content = mutate(series, &random).withUnsafeBytes { FileContent(copying: $0) }
      _ = problems {
        _ = try CSVTable(content.bytes, labelColumn: nil, place: SourcePlace(file: "x"))
      }
      try folder.write("labels.csv", mutate(labels, &random))
      try folder.write("dataset.json", mutate(json, &random))
      for id in problems({ _ = try SampleFolder(path: folder.path).sample(at: 0) }) {
        #expect(id.hasPrefix("samples."))
      }
    }
  }
}
