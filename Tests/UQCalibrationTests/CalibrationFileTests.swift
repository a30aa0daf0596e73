import Foundation
import Testing
import UQGraph
import UQNumerics
import UQSupport

@testable import UQCalibration

@Suite struct CalibrationFileTests {
  private static func samples(_ count: Int, seed: UInt64) -> [[Tensor]] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in [Tensor(generator.wildSample(48), [1, 4, 4, 3])] }
  }

  @Test(arguments: [1 << 20, 1000, 0], [UInt64(1), 2, 3])
  func bytesDependOnTheSetOfSamplesAlone(limit: Int, seed: UInt64) throws {
    let graph = try smallNetwork()
    let samples = Self.samples(23, seed: seed)
    let whole = CalibrationFile.encode(try calibrate(graph, samples, sampleLimit: limit))
    var generator = SeededGenerator(seed: seed)
    for threads in [1, 2, 4] {
      let shuffled = samples.shuffled(using: &generator)
      let again = try calibrate(graph, shuffled, threads: threads, sampleLimit: limit)
      #expect(CalibrationFile.encode(again) == whole)

      let shards = Int.random(in: 2...6, using: &generator)
      let parts = try (0..<shards).map { shard in
        let part = shuffled.indices.filter { $0 % shards == shard }.map { shuffled[$0] }
        let data = CalibrationFile.encode(try calibrate(graph, part, sampleLimit: limit))
        return try CalibrationFile.decode(data, path: "p", inputs: inputShapes(graph))
      }
      let merged = try Calibration.merge(parts.shuffled(using: &generator))
      #expect(CalibrationFile.encode(merged) == whole)
      let pairwise = try parts.dropFirst().reduce(parts[0]) { try Calibration.merge([$0, $1]) }
      #expect(CalibrationFile.encode(pairwise) == whole)
    }
  }

  @Test func roundTrips() throws {
    let graph = try smallNetwork()
    let samples = Self.samples(9, seed: 5)
    let calibration = try calibrate(graph, samples)
    let data = CalibrationFile.encode(calibration)
    let read = try CalibrationFile.decode(data, path: "p", inputs: inputShapes(graph))
    #expect(read.sampleCount == 9)
    #expect(read.keptSamples == 9)
    #expect(read.modelDigest == someDigest)
    #expect(read.tensors == calibration.tensors)
    #expect(CalibrationFile.encode(read) == data)
    let kept = Set(read.summary.samples.map { $0[0].floats.map(\.bitPattern) })
    #expect(kept == Set(samples.map { $0[0].floats.map(\.bitPattern) }))
  }

  @Test func keepsSamplesWithinTheLimit() throws {
    let graph = try smallNetwork()
    let samples = Self.samples(50, seed: 8)
    for (limit, kept) in [(0, 0), (191, 0), (192, 1), (192 * 7 + 5, 7), (1 << 20, 50)] {
      #expect(try calibrate(graph, samples, sampleLimit: limit).keptSamples == kept)
    }
  }

  @Test func packsFewValuesIntoAQuarter() throws {
    var generator = SeededGenerator(seed: 3)
    for (distinct, isSmall) in [(1, true), (200, true), (256, true), (257, false)] {
      let values = (0..<4096).map { i in
        Float(i < distinct ? i : Int.random(in: 0..<distinct, using: &generator)) / 255 - 0.3
      }
      let tensor = Tensor(values, [1, 64, 64])
      var reservoir = SampleReservoir(limit: 1 << 20, shapes: [tensor.shape])
      reservoir.add([tensor])
      #expect(reservoir.samples == [[tensor]])
      let size = reservoir.parts(of: reservoir.entries[0])[0].count
      #expect(size == (isSmall ? 4096 + 4 * distinct : 4 * 4096))
    }
  }

  @Test func forgetsSamplesThatHadToGo() {
    var generator = SeededGenerator(seed: 4)
    var reservoir = SampleReservoir(limit: 64 * 1024 * 4, shapes: [[1024]])
    var all: [(UInt64, [Float])] = []
    for _ in 0..<2000 {
      let values = (0..<1024).map { _ in Float.random(in: 0...1, using: &generator) }
      let tensor = Tensor(values, [1024])
      reservoir.add([tensor])
      all.append((SampleReservoir.key([tensor]), values))
    }
    let wanted = all.sorted { $0.0 < $1.0 }.prefix(64).map(\.1)
    #expect(reservoir.samples.map { $0[0].floats } == wanted)
  }

  @Test func refusesToMergeWhatDoesNotBelongTogether() throws {
    let graph = try smallNetwork()
    let a = try calibrate(graph, Self.samples(3, seed: 1))
    var otherModel = a
    otherModel.modelDigest = Digest(of: [9])
    var otherTensors = a
    otherTensors.tensors.removeLast()
    let otherLimit = try calibrate(graph, Self.samples(3, seed: 1), sampleLimit: 12)
    for (b, id) in [
      (otherModel, "calibration.merge.model"), (otherTensors, "calibration.merge.tensors"),
      (otherLimit, "calibration.merge.limit"),
    ] {
      #expect { try Calibration.merge([a, b]) } throws: { ($0 as? Diagnostic)?.id == id }
    }
    #expect { try Calibration.merge([]) } throws: {
      ($0 as? Diagnostic)?.id == "calibration.merge.empty"
    }
  }

  /// Damaged files are refused, or what they hold is sound: it can be merged, encoded and summarised.
  @Test func survivesDamage() throws {
    let graph = try smallNetwork()
    let shapes = inputShapes(graph)
    let original = CalibrationFile.encode(try calibrate(graph, Self.samples(6, seed: 2)))
    let other = CalibrationFile.encode(try calibrate(graph, Self.samples(40, seed: 3)))
    let bytes = [UInt8](original)
    let otherBytes = [UInt8](other)
    var generator = SeededGenerator(seed: 11)
    var refused = 0
    var accepted = 0
    for round in 0..<12_000 {
      var mutant = bytes
      switch round % 5 {
      case 0, 1:
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
          let place = Int.random(in: 0..<mutant.count, using: &generator)
          mutant[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        }
      case 2: mutant.removeLast(Int.random(in: 1...mutant.count, using: &generator))
      case 3:
        let start = Int.random(in: 0..<mutant.count, using: &generator)
        let source = Int.random(in: 0..<otherBytes.count, using: &generator)
        let length = min(Int.random(in: 1...200, using: &generator), otherBytes.count - source)
        mutant.replaceSubrange(
          start..<min(start + Int.random(in: 0...200, using: &generator), mutant.count),
          with: otherBytes[source..<source + length])
      default:
        let place = Int.random(in: 0..<mutant.count, using: &generator)
        mutant[place] = UInt8.random(in: 0...255, using: &generator)
      }
      let result = Result { try CalibrationFile.decode(Data(mutant), path: "m", inputs: shapes) }
      switch result {
      case .success(let calibration):
        accepted += 1
        if accepted % 4 == 0 { try use(calibration) }
      case .failure(let error):
        refused += 1
        #expect(diagnostics(of: error)[0].id.hasPrefix("calibration.file."))
      }
    }
    #expect(refused > 1000 && accepted > 100)
  }

  private func use(_ calibration: Calibration) throws {
    let merged = try Calibration.merge([calibration, calibration])
    _ = CalibrationFile.encode(merged)
    #expect(calibration.summary.samples.count == calibration.keptSamples)
    for tensor in calibration.tensors { #expect(tensor.minimum <= tensor.maximum) }
  }

  /// Counts that would overflow a sum, in one file or by merging.
  @Test func refusesCountsBeyondReason() throws {
    let graph = try smallNetwork()
    var calibration = try calibrate(graph, Self.samples(3, seed: 1))
    calibration.tensors[0].counts[0] = 1 << 56
    let decode = {
      try CalibrationFile.decode(
        CalibrationFile.encode(calibration), path: "m", inputs: inputShapes(graph))
    }
    #expect(throws: Diagnostic.self) { try decode() }
    calibration.tensors[0].counts[0] = 1
    calibration.tensors[0].nonFinite = .max
    #expect(throws: Diagnostic.self) { try decode() }
    calibration.tensors[0].nonFinite = 0
    #expect(throws: Never.self) { try decode() }
  }

  /// Two bytes each make a structure of a hundred.
  @Test func refusesAFloodOfEmptyTensors() {
    var data = Data([0x08, 1])
    for _ in 0..<200_000 { data.append(contentsOf: [0x22, 0]) }
    #expect(throws: Diagnostic.self) { try CalibrationFile.decode(data, path: "m", inputs: []) }
  }
}
