import Foundation
import Testing
import UQNumerics
import UQSupport

@testable import UQSamples

@Suite(.enabled(if: hasSharedModels, "no data sets beside the package"))
struct SharedDataTests {
  @Test func keywordSpotting() throws {
    let samples = try SampleFolder(path: "\(sharedModels)/kws_dscnn/eval")
    #expect(samples.form == .arrays)
    #expect(samples.count == 450)
    #expect(samples.classes?.count == 12)
    #expect(samples.labels?.count == 450)
    let sample = try samples.sample(at: 449)
    let input = try sample.tensors(for: [("input", TensorType(.float32, [1, 49, 10, 1]))])
    #expect(input[0].shape == [1, 49, 10, 1])
  }

  @Test func keywordClips() throws {
    let listed = try SampleFolder(path: "\(sharedModels)/kws_dscnn/wav")
    #expect(listed.form == .labelledFiles)
    #expect(listed.count == 12 * 38)
    let folders = try SampleFolder(path: "\(sharedModels)/kws_dscnn/wav/eval")
    #expect(folders.count == 12 * 30)
    #expect(try folders.sample(at: 0).inputs[0].tensor.shape.rank == 1)
  }

  @Test func imageClassification() throws {
    let path = "\(sharedModels)/ic_resnet8/eval"
    let samples = try SampleFolder(path: path)
    let names = try String(contentsOfFile: "\(path)/classes.txt", encoding: .utf8)
    #expect(samples.classes == names.split(separator: "\n").map(String.init))
    #expect(samples.count == 516)
    #expect(samples.preprocessing.layout == .channelsLast)
    let clock = ContinuousClock()
    var sum: Float = 0
    let time = try clock.measure {
      for index in 0..<samples.count {
        let tensors = try samples.sample(at: index)
          .tensors(for: [("input", TensorType(.float32, [1, 32, 32, 3]))])
        sum += tensors[0].withElements(Float.self) { $0[0] }
      }
    }
    print("516 pictures of 32 x 32: \(time)")
    #expect(sum > 0)
    let label = samples.labels?[515]
    #expect(
      label.flatMap { samples.classes?[$0] }
        == samples.names[515].split(separator: "/").first.map(String.init))
  }

  @Test func visualWakeWords() throws {
    let samples = try SampleFolder(path: "\(sharedModels)/vww_mobilenet025/eval")
    #expect(samples.count == 500)
    let values = try samples.sample(at: 0).inputs[0].tensor.floats
    #expect(values.count == 96 * 96 * 3)
    #expect(values.allSatisfy { $0 >= 0 && $0 <= 1 })
    #expect(values.contains { $0 > 0.1 })
  }

  @Test func voiceActivity() throws {
    let samples = try SampleFolder(path: "\(sharedModels)/vad_silero/eval")
    #expect(samples.count == 80)
    #expect(samples.labels?.count == 80)
    #expect(try samples.sample(at: 79).inputs.count == 3)
  }

  @Test func digits() throws {
    var rules = Preprocessing()
    rules.scale = [1.0 / 255]
    let samples = try SampleFolder(path: "\(sharedModels)/digits_vit/samples", overriding: rules)
    #expect(samples.classes == (0..<10).map(String.init))
    #expect(samples.count == 200)
    let input = try samples.sample(at: 7).tensors(for: [
      ("input", TensorType(.float32, [1, 1, 8, 8]))
    ])
    #expect(input[0].shape == [1, 1, 8, 8])
  }

  /// Windows cut from the recordings equal the arrays that were cut elsewhere.
  @Test func motion() throws {
    var rules = Preprocessing()
    rules.window = 96
    rules.step = 16
    rules.layout = .channelsFirst
    rules.columns = ["accX", "accY", "accZ", "gyrX", "gyrY", "gyrZ"].map { .name($0) }
    let path = "\(sharedModels)/motion_nicla_cnn"
    let windows = try SampleFolder(path: "\(path)/samples", overriding: rules)
    let arrays = try SampleFolder(path: "\(path)/eval")
    let testing = windows.names.indices.filter { windows.names[$0].hasPrefix("testing/") }
    #expect(testing.count == arrays.count)
    var equal = 0
    for (mine, theirs) in zip(testing, 0..<arrays.count) {
      let a = try windows.sample(at: mine)
      let b = try arrays.sample(at: theirs)
      if a.inputs[0].tensor == b.inputs[0].tensor, a.label == b.label { equal += 1 }
    }
    #expect(equal == arrays.count)
  }

  @Test func tables() throws {
    var rules = Preprocessing()
    rules.labelColumn = .name("label")
    let samples = try SampleFolder(
      path: "\(sharedModels)/tabular_cancer_mlp/samples/test.csv", overriding: rules)
    #expect(samples.count == samples.labels?.count)
    #expect(try samples.sample(at: 0).inputs[0].tensor.shape == [30])
  }

  @Test func everyDataSetOpens() throws {
    var opened = 0
    for model in try FileManager.default.contentsOfDirectory(atPath: sharedModels).sorted() {
      for part in ["calib", "eval"] {
        let path = "\(sharedModels)/\(model)/\(part)"
        guard FileManager.default.fileExists(atPath: path) else { continue }
        let samples = try SampleFolder(path: path)
        #expect(try samples.sample(at: 0).inputs.count > 0)
        #expect(try samples.sample(at: samples.count - 1).inputs.count > 0)
        if part == "eval" { #expect(samples.labels != nil, "\(model)") }
        opened += 1
      }
    }
    #expect(opened >= 19)
  }

  @Test func everyArchiveOfTheRelayCorpusReads() throws {
    let corpus = "\(sharedModels)/../relay/corpus"
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: corpus) else { return }
    for name in names.sorted() {
      for file in ["inputs.npz", "outputs.npz"] {
        let path = "\(corpus)/\(name)/\(file)"
        guard FileManager.default.fileExists(atPath: path) else { continue }
        #expect(throws: Never.self) { try NumPyArchive.read(path) }
      }
    }
  }

  @Test func aModelsFolderSaysWhereItsSamplesAre() {
    #expect(
      problems { _ = try SampleFolder(path: "\(sharedModels)/kws_dscnn") } == [
        "samples.folder.mixed"
      ])
  }
}
