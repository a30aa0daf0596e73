import Foundation
import Testing
import UQNumerics
import UQSupport
import Yams

@testable import UQSamples

@Suite struct PreprocessingTests {
  private func settings(_ json: String) throws -> Preprocessing {
    try JSONDecoder().decode(Preprocessing.self, from: Data(json.utf8))
  }

  private let place = SourcePlace(file: "test")

  @Test func readsEveryField() throws {
    let all = try settings(
      """
      {"color": "bgr", "layout": "NCHW", "resize": [8, 9], "resample": "nearest", "crop": 4,
       "scale": 0.5, "mean": [1, 2, 3], "std": 2, "sample_rate": 16000, "mono": false,
       "length": 100, "normalize": "peak", "features": "raw", "window": 4, "step": 2,
       "columns": ["a", 2], "label_column": "y"}
      """)
    #expect(all.color == .bgr)
    #expect(all.layout == .channelsFirst)
    #expect(all.resize == .exact(height: 8, width: 9))
    #expect(all.crop == .exact(height: 4, width: 4))
    #expect(all.mean == [1, 2, 3])
    #expect(all.normalise == .peak)
    #expect(all.columns == [.name("a"), .index(2)])
    let back = try JSONDecoder().decode(Preprocessing.self, from: JSONEncoder().encode(all))
    #expect(back == all)
  }

  @Test func readsTheSameFromYAML() throws {
    let text = "color: rgb\nscale: 1\nmean: [0, 0.5]\nresize: 9\ncolumns: [a, 1]\n"
    let rules = try YAMLDecoder().decode(Preprocessing.self, from: text)
    let same = try settings(
      #"{"color": "rgb", "scale": 1, "mean": [0, 0.5], "resize": 9, "columns": ["a", 1]}"#)
    #expect(rules == same)
    #expect(throws: DecodingError.self) {
      try YAMLDecoder().decode(Preprocessing.self, from: "colour: rgb\n")
    }
  }

  @Test(arguments: [
    #"{"colour": "rgb"}"#, #"{"color": "hsv"}"#, #"{"std": 0}"#, #"{"std": [1, 0, 1]}"#,
    #"{"resize": [0, 4]}"#, #"{"resize": [1, 2, 3]}"#, #"{"resize": 99999999}"#,
    #"{"window": 0}"#, #"{"length": -5}"#, #"{"scale": 1e300}"#, #"{"scale": []}"#,
    #"{"columns": [-1]}"#, #"{"features": "mfcc"}"#,
  ])
  func refusesUnknownFieldsAndValues(json: String) {
    #expect(throws: DecodingError.self) { try settings(json) }
  }

  @Test func overridesFieldByField() throws {
    let base = try settings(#"{"scale": 0.5, "color": "rgb", "layout": "NHWC"}"#)
    let merged = base.overridden(by: try settings(#"{"color": "gray"}"#))
    #expect(merged == (try settings(#"{"scale": 0.5, "color": "gray", "layout": "NHWC"}"#)))
  }

  @Test func normalisesByTheFormula() throws {
    let image = try picture(png(width: 2, height: 1, channels: 3, [10, 20, 30, 40, 50, 60]))
    var rules = try settings(#"{"scale": 0.1, "mean": [1, 2, 3], "std": [1, 2, 4]}"#)
    func y(_ x: Float, _ mean: Float, _ std: Float) -> Float { (x * 0.1 - mean) / std }
    let pixels = [
      y(10, 1, 1), y(20, 2, 2), y(30, 3, 4), y(40, 1, 1), y(50, 2, 2), y(60, 3, 4),
    ]
    let last = try rules.tensor(of: image, place: place)
    #expect(last == Tensor(pixels, [1, 2, 3]))
    rules.layout = .channelsFirst
    let first = try rules.tensor(of: image, place: place)
    #expect(
      first
        == Tensor([pixels[0], pixels[3], pixels[1], pixels[4], pixels[2], pixels[5]], [3, 1, 2]))
    rules.color = .gray
    #expect(
      problems { _ = try rules.tensor(of: image, place: place) } == [
        "samples.preprocess.channels"
      ])
  }

  @Test func sixteenBitPicturesHaveTheSameRange() throws {
    let image = Picture(width: 2, height: 1, channels: 1, maximum: 65535, samples: [0, 65535])
    #expect(try Preprocessing().tensor(of: image, place: place).floats == [0, 255])
  }

  @Test func resizesTheShorterSideThenCrops() throws {
    let image = try picture(fixture("big"))
    let rules = try settings(#"{"resize": 10, "crop": [10, 8]}"#)
    #expect(try rules.tensor(of: image, place: place).shape == [10, 8, 3])
    let large = try settings(#"{"crop": [24, 8]}"#)
    #expect(
      problems { _ = try large.tensor(of: image, place: place) } == ["samples.image.too-small"])
  }

  @Test func preparesClips() throws {
    let stereo = try clip(wav(rate: 8000, channels: 2, [8192, 16384, -8192, 0, 0, 0]))
    #expect(stereo.sampleRate == 8000)
    #expect(stereo.samples == [0.25, 0.5, -0.25, 0, 0, 0])
    #expect(
      try Preprocessing().tensor(of: stereo, place: place)
        == Tensor([0.375, -0.125, 0] as [Float], [3]))
    let peak = try settings(#"{"normalise": "peak", "length": 2, "scale": 2}"#)
    #expect(try peak.tensor(of: stereo, place: place).floats == [2, -0.125 / 0.375 * 2])
    let padded = try settings(#"{"length": 4, "mono": false, "layout": "channels_first"}"#)
    #expect(
      try padded.tensor(of: stereo, place: place)
        == Tensor([0.25, -0.25, 0, 0, 0.5, 0, 0, 0] as [Float], [2, 4]))
    let rate = try settings(#"{"sample_rate": 16000}"#)
    #expect(problems { _ = try rate.tensor(of: stereo, place: place) } == ["samples.audio.rate"])
  }

  @Test func decodesFlac() throws {
    let sound = try clip(fixture("flac"))
    #expect(sound.sampleRate == 8000)
    #expect(sound.channels == 2)
    let expected = (0..<64).flatMap { (k: Int) -> [Float] in
      [Float(k) / 128, -Float(k) / 256]
    }
    #expect(sound.samples == expected)
  }

  @Test func refusesCutSound() throws {
    let whole = wav([Int16](repeating: 7, count: 100))
    for length in [0, 11, 40, 44, 100, 242] {
      let cut = Data(whole.prefix(length))
      #expect(problems { _ = try clip(cut) } == ["samples.audio.damaged"], "\(length)")
    }
    let flac = try fixture("flac")
    let cut = Data(flac.prefix(flac.count - 8))
    #expect(problems { _ = try clip(cut) } == ["samples.audio.damaged"])
  }

  private func table(_ text: String, label: Preprocessing.Column? = nil) throws -> CSVTable {
    let content = Data(text.utf8).withUnsafeBytes { FileContent(copying: $0) }
    return try CSVTable(content.bytes, labelColumn: label, place: place)
  }

  @Test func readsSeries() throws {
    let plain = try table("1,2\r\n3,4\r\n\r\n")
    #expect(plain.header == nil)
    #expect(plain.values == [1, 2, 3, 4])
    let named = try table("\u{FEFF}t; \"a;b\"\n0; -1e3\n")
    #expect(named.header == ["t", "a;b"])
    #expect(named.values == [0, -1000])
    let rules = try settings(#"{"columns": ["a;b"]}"#)
    #expect(
      try rules.tensor(of: named, rows: 0..<1, place: place) == Tensor([-1000] as [Float], [1, 1]))
    for (text, id) in [
      ("", "empty"), ("a,b\n", "empty"), ("1,2\n3\n", "ragged"), ("1,2\n3,x\n", "number"),
      ("1,2\n3,nan\n", "number"), ("1,2\n3,\n", "number"), ("1\n1e99\n", "number"),
    ] {
      #expect(problems { _ = try table(text) } == ["samples.csv.\(id)"], "\(text)")
    }
    #expect(
      problems { _ = try rules.tensor(of: plain, rows: 0..<1, place: place) } == [
        "samples.csv.column"
      ])
  }
}
