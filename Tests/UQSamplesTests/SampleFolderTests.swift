import Foundation
import Synchronization
import Testing
import UQNumerics
import UQSupport

@testable import UQSamples

/// A grey picture of one pixel.
private func pixel(_ value: UInt8) -> Data { png(width: 1, height: 1, channels: 1, [value]) }

/// First element of each sample's first tensor.
private func firsts(_ folder: SampleFolder) throws -> [Float] {
  try (0..<folder.count).map { index in
    try folder.sample(at: index).inputs[0].tensor.floats.first ?? .nan
  }
}

@Suite struct SampleFolderTests {
  @Test func classFoldersInSortedOrder() throws {
    let folder = try TemporaryFolder()
    for (i, name) in ["b/2.png", "b/10.PNG", "a/x.png", "B/y.png"].enumerated() {
      try folder.write(name, pixel(UInt8(i)))
    }
    try folder.write(".hidden/z.png", pixel(9))
    try folder.write("a/.z.png", pixel(9))
    try folder.write("README.md", "no sample")
    let samples = try SampleFolder(path: folder.path)
    #expect(samples.form == .classFolders)
    #expect(samples.classes == ["B", "a", "b"])
    #expect(samples.names == ["B/y.png", "a/x.png", "b/10.PNG", "b/2.png"])
    #expect(samples.labels == [0, 1, 2, 2])
    #expect(try firsts(samples) == [3, 2, 1, 0])
    #expect(try samples.sample(at: 3).label == 2)
  }

  @Test func classesTxtGivesTheOrder() throws {
    let folder = try TemporaryFolder()
    try folder.write("no_person/a.png", pixel(1))
    try folder.write("person/b.png", pixel(2))
    try folder.write("classes.txt", "person\r\nno person\nnobody\n")
    let samples = try SampleFolder(path: folder.path)
    #expect(samples.classes == ["person", "no person", "nobody"])
    #expect(samples.names == ["person/b.png", "no_person/a.png"])
    #expect(samples.labels == [0, 1])
    try folder.write("cat/c.png", pixel(3))
    #expect(
      problems { _ = try SampleFolder(path: folder.path) } == ["samples.classes.unknown-folder"])
  }

  @Test func datasetJSONGivesOrderAndPreprocessing() throws {
    let folder = try TemporaryFolder()
    try folder.write("eval/_silence_/a.png", pixel(100))
    try folder.write("eval/yes/b.png", pixel(200))
    try folder.write(
      "dataset.json",
      #"{"metric": "top1", "classes": ["Yes", "Silence"], "preprocess": {"scale": 0.5}, "x": 1}"#)
    let samples = try SampleFolder(path: "\(folder.path)/eval/")
    #expect(samples.labels == [0, 1])
    #expect(samples.dataset?.metric == "top1")
    #expect(try firsts(samples) == [100, 50])
    var other = Preprocessing()
    other.mean = [1]
    let overridden = try SampleFolder(path: "\(folder.path)/eval", overriding: other)
    #expect(try firsts(overridden) == [99, 49])
    try folder.write("dataset.json", #"{"preprocess": {"skale": 0.5}}"#)
    #expect(
      problems { _ = try SampleFolder(path: "\(folder.path)/eval") } == [
        "samples.dataset.invalid"
      ])
  }

  @Test func labelsCSVWithIndicesAndNames() throws {
    let folder = try TemporaryFolder()
    for i in 0..<3 { try folder.write("\(i).png", pixel(UInt8(i))) }
    try folder.write("labels.csv", "file,label\n2.png,1\n./0.png,0\n")
    var samples = try SampleFolder(path: folder.path)
    #expect(samples.form == .labelledFiles)
    #expect(samples.labels == [1, 0])
    #expect(try firsts(samples) == [2, 0])
    #expect(samples.notes.map(\.id) == ["samples.labels.unlisted"])
    try folder.write("labels.csv", "2.png,dog\n0.png,\"cat, big\"\n1.png,dog\n")
    samples = try SampleFolder(path: folder.path)
    #expect(samples.classes == ["cat, big", "dog"])
    #expect(samples.labels == [1, 0, 1])
    try folder.write("labels.csv", "file,class,label\n2.png,dog,3\n0.png,cat,1\n")
    samples = try SampleFolder(path: folder.path)
    #expect(samples.labels == [3, 1])
    #expect(samples.classes == ["0", "cat", "2", "dog"])
    try folder.write("classes.txt", "dog\ncat\n")
    try folder.write("labels.csv", "file,class\n2.png,dog\n0.png,cat\n")
    #expect(try SampleFolder(path: folder.path).labels == [0, 1])
  }

  @Test func everyProblemOfLabelsCSVIsReported() throws {
    let folder = try TemporaryFolder()
    for i in 0..<3 { try folder.write("\(i).png", pixel(UInt8(i))) }
    try folder.write("classes.txt", "a\nb\n")
    try folder.write(
      "labels.csv", "file,label\n0.png,0\n0.png,1\n9.png,1\n../x.png,0\n/etc/x,0\n1.png\n2.png,2\n")
    do {
      _ = try SampleFolder(path: folder.path)
      Issue.record("opened")
    } catch {
      #expect(
        error.all.map { $0.id.dropFirst(15) } == [
          "duplicate", "missing-file", "path", "path", "row", "class",
        ])
      #expect(error.all.map(\.place.line) == [3, 4, 5, 6, 7, 8])
    }
    for (text, id) in [
      ("", "empty"), ("file,label\n", "empty"), ("file,size\n0.png,1\n", "row"),
      ("0.png,c\n", "class"), ("file,class,label\n0.png,a,0\n1.png,b,0\n", "conflict"),
      ("0.png,-1\n", "class"),
    ] {
      try folder.write("labels.csv", text)
      #expect(problems { _ = try SampleFolder(path: folder.path) } == ["samples.labels.\(id)"])
    }
  }

  @Test func inputsAndLabelsArrays() throws {
    let folder = try TemporaryFolder()
    try folder.write("inputs.npy", Tensor((0..<12).map(Float.init), [3, 2, 2]))
    try folder.write("labels.npy", Tensor([2, 0, 1] as [Int64], [3]))
    try folder.write("float_output.npy", Tensor([0] as [Float], [1]))
    let samples = try SampleFolder(path: folder.path)
    #expect(samples.form == .arrays)
    #expect(samples.count == 3)
    #expect(samples.labels == [2, 0, 1])
    #expect(try samples.sample(at: 1).inputs[0].tensor == Tensor([4, 5, 6, 7] as [Float], [2, 2]))
    #expect(try samples.sample(at: 1).name == "inputs.npy[1]")
    for (labels, id) in [
      (Tensor([0, 1] as [Int64], [2]), "count"), (Tensor([0, 1, -1] as [Int8], [3]), "class"),
      (Tensor([0, 1, 0.5] as [Float], [3]), "type"),
      (Tensor(zeros: .float32, [3, 4]), "type"),
    ] {
      try folder.write("labels.npy", labels)
      #expect(problems { _ = try SampleFolder(path: folder.path) } == ["samples.labels.\(id)"])
    }
  }

  @Test func oneArrayFileForEachSample() throws {
    let folder = try TemporaryFolder()
    for i in [3, 1, 2] { try folder.write("s\(i).npy", Tensor([Float(i)], [1])) }
    let plain = try SampleFolder(path: folder.path)
    #expect(plain.form == .files)
    #expect(plain.labels == nil)
    #expect(try firsts(plain) == [1, 2, 3])
    try folder.write("labels.npy", Tensor([5, 6, 7] as [UInt8], [3]))
    #expect(try SampleFolder(path: folder.path).labels == [5, 6, 7])
    try folder.write("labels.csv", "s3.npy,1\ns1.npy,0\n")
    #expect(try firsts(SampleFolder(path: folder.path)) == [3, 1])
  }

  @Test func archives() throws {
    let folder = try TemporaryFolder()
    func arrays(_ a: Float) -> [(name: String, tensor: Tensor)] {
      [("x", Tensor([a, a + 1], [2])), ("h", Tensor([a, a + 2], [2, 1]))]
    }
    try NumPyArchive.write(arrays(10), to: "\(folder.path)/one.npz")
    let axis = try SampleFolder(path: folder.path)
    #expect(axis.form == .arrays)
    #expect(axis.count == 2)
    #expect(try axis.sample(at: 1).inputs.map(\.name) == ["x", "h"])
    #expect(try axis.sample(at: 1).inputs.map(\.tensor.floats) == [[11], [12]])
    let model = [("x", TensorType(.float32, [1, 2])), ("h", TensorType(.float32, [2]))]
      .map { (name: $0.0, type: $0.1) }
    let single = try SampleFolder(path: folder.path, inputs: model)
    #expect(single.count == 1)
    try NumPyArchive.write(arrays(20), to: "\(folder.path)/two.npz")
    let many = try SampleFolder(path: folder.path)
    #expect(many.count == 2)
    #expect(try many.sample(at: 1).inputs.map(\.tensor.floats) == [[20, 21], [20, 22]])
    let file = try SampleFolder(path: "\(folder.path)/one.npz")
    #expect(file.count == 2)
  }

  @Test func testFoldersOfONNX() throws {
    let folder = try TemporaryFolder()
    for set in 0..<2 {
      for input in 0..<2 {
        try folder.write(
          "test_data_set_\(set)/input_\(input).pb", Data([UInt8(set), UInt8(input)]))
      }
      try folder.write("test_data_set_\(set)/output_0.pb", Data([9]))
    }
    let reader: TensorProtoReader = { path in
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      guard data.count == 2 else { throw Diagnostic(id: "onnx.tensor.bad", "bad") }
      return ("in\(data[1])", Tensor([Float(data[0] * 10 + data[1])], [1]))
    }
    let samples = try SampleFolder(path: folder.path, tensorProtoReader: reader)
    #expect(samples.names == ["test_data_set_0", "test_data_set_1"])
    #expect(try samples.sample(at: 1).inputs.map(\.name) == ["in0", "in1"])
    #expect(try samples.sample(at: 1).inputs.map(\.tensor.floats) == [[10], [11]])
    let direct = try SampleFolder(
      path: "\(folder.path)/test_data_set_1", tensorProtoReader: reader)
    #expect(direct.count == 1)
    #expect(problems { _ = try SampleFolder(path: folder.path) } == ["samples.pb.unsupported"])
    try folder.write("test_data_set_0/input_1.pb", Data([1]))
    #expect(problems { _ = try samples.sample(at: 0) } == ["onnx.tensor.bad"])
    try FileManager.default.removeItem(atPath: "\(folder.path)/test_data_set_0/input_0.pb")
    #expect(
      problems { _ = try SampleFolder(path: folder.path, tensorProtoReader: reader) } == [
        "samples.pb.numbering"
      ])
  }

  @Test func clipsByFolderAndByList() throws {
    let folder = try TemporaryFolder()
    try folder.write("no/1.wav", wav([8192]))
    try folder.write("yes/1.flac", fixture("flac"))
    let byFolder = try SampleFolder(path: folder.path)
    #expect(byFolder.labels == [0, 1])
    #expect(try firsts(byFolder) == [0.25, 0])
    try folder.write("labels.csv", "file,label\nno/1.wav,4\n")
    #expect(try SampleFolder(path: folder.path).labels == [4])
  }

  @Test func seriesInWindows() throws {
    let folder = try TemporaryFolder()
    try folder.write("idle/a.csv", "t,x,y\n0,1,2\n1,3,4\n2,5,6\n3,7,8\n")
    try folder.write("lift/b.csv", "t,x,y\n0,9,8\n1,7,6\n")
    let whole = try SampleFolder(path: folder.path)
    #expect(whole.count == 2)
    #expect(try whole.sample(at: 0).inputs[0].tensor.shape == [4, 3])
    var rules = Preprocessing()
    rules.window = 2
    rules.step = 1
    rules.columns = [.name("y"), .index(1)]
    rules.layout = .channelsFirst
    let windows = try SampleFolder(path: folder.path, overriding: rules)
    #expect(windows.labels == [0, 0, 0, 1])
    #expect(windows.names[2] == "idle/a.csv[2]")
    #expect(
      try windows.sample(at: 1).inputs[0].tensor == Tensor([4, 6, 3, 5] as [Float], [2, 2]))
    rules.window = 3
    let short = try SampleFolder(path: folder.path, overriding: rules)
    #expect(short.count == 3)
    #expect(problems { _ = try short.sample(at: 2) } == ["samples.csv.short"])
  }

  @Test func tablesWithALabelColumn() throws {
    let folder = try TemporaryFolder()
    try folder.write("test.csv", "a,b,label\n1,2,0\n3,4,1\n")
    var rules = Preprocessing()
    rules.labelColumn = .name("label")
    for path in [folder.path, "\(folder.path)/test.csv"] {
      let samples = try SampleFolder(path: path, overriding: rules)
      #expect(samples.labels == [0, 1])
      #expect(try samples.sample(at: 1).inputs[0].tensor == Tensor([3, 4] as [Float], [2]))
    }
    try folder.write("test.csv", "a,b,label\n1,2,good\n3,4,bad\n")
    let named = try SampleFolder(path: folder.path, overriding: rules)
    #expect(named.classes == ["bad", "good"])
    #expect(named.labels == [1, 0])
  }

  @Test func saysWhatIsWrongWithAFolder() throws {
    let folder = try TemporaryFolder()
    func ids(_ path: String) -> [String] { problems { _ = try SampleFolder(path: path) } }
    #expect(ids("\(folder.path)/none") == ["samples.folder.missing"])
    #expect(ids(folder.path) == ["samples.folder.empty"])
    try folder.write("notes.txt", "x")
    #expect(ids(folder.path) == ["samples.folder.empty"])
    #expect(ids("\(folder.path)/notes.txt") == ["samples.folder.empty"])
    try folder.write("a.png", pixel(1))
    try folder.write("b.wav", wav([1]))
    #expect(ids(folder.path) == ["samples.folder.mixed"])
    try FileManager.default.removeItem(atPath: "\(folder.path)/b.wav")
    try folder.write("sub/b.png", pixel(1))
    #expect(ids(folder.path) == ["samples.folder.mixed"])
    try folder.write("sub/inputs.npy", Tensor(zeros: .float32, [0, 3]))
    #expect(ids(folder.path) == ["samples.folder.mixed"])
    #expect(ids("\(folder.path)/sub") == ["samples.folder.empty"])
  }

  @Test func aBadSampleIsReportedByName() throws {
    let folder = try TemporaryFolder()
    try folder.write("a.png", pixel(1))
    try folder.write("b.png", "no picture")
    let samples = try SampleFolder(path: folder.path)
    #expect(samples.count == 2)
    do {
      _ = try samples.sample(at: 1)
      Issue.record("decoded")
    } catch {
      #expect(error.id == "samples.image.damaged")
      #expect(error.place.file == "\(folder.path)/b.png")
    }
  }

  @Test func linksStayInsideAndEnd() throws {
    let outside = try TemporaryFolder()
    try outside.write("secret.png", pixel(7))
    let folder = try TemporaryFolder()
    try folder.write("a/1.png", pixel(1))
    try folder.link("a/2.png", to: "\(folder.path)/a/1.png")
    try folder.link("a/3.png", to: "\(outside.path)/secret.png")
    try folder.link("a/4.png", to: "nowhere.png")
    try folder.link("a/loop", to: "..")
    try folder.link("b", to: outside.path)
    #expect(mkfifo("\(folder.path)/a/5.png", 0o600) == 0)
    let samples = try SampleFolder(path: folder.path)
    #expect(samples.names == ["a/1.png", "a/2.png"])
    #expect(samples.classes == ["a"])
    #expect(samples.notes.map(\.id).filter { $0 == "samples.link.outside" }.count == 3)
    #expect(problems { _ = try SampleFolder(path: "\(folder.path)/a/5.png") }.isEmpty)
    let pipe = try SampleFolder(path: "\(folder.path)/a/5.png")
    #expect(problems { _ = try pipe.sample(at: 0) } == ["samples.file.unreadable"])
  }

  @Test func manyThreadsSeeTheSame() async throws {
    let folder = try TemporaryFolder()
    for i in 0..<4 {
      let rows = (0..<50).map { "\($0 + i),\($0 * i)" }.joined(separator: "\n")
      try folder.write("\(i).csv", rows)
    }
    var rules = Preprocessing()
    rules.window = 5
    let samples = try SampleFolder(path: folder.path, overriding: rules)
    let expected = try (0..<samples.count).map { try samples.sample(at: $0).inputs[0].tensor }
    let failures = Mutex(0)
    DispatchQueue.concurrentPerform(iterations: samples.count * 8) { i in
      let index = i % samples.count
      let tensor = try? samples.sample(at: index).inputs[0].tensor
      if tensor != expected[index] { failures.withLock { $0 += 1 } }
    }
    #expect(failures.withLock { $0 } == 0)
  }
}
