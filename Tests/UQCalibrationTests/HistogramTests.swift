import Testing
import UQGraph
import UQSupport

@testable import UQCalibration

@Suite struct HistogramTests {
  private static func add(_ values: [Float], channels: Int, to histogram: inout ActivationHistogram)
  {
    var copy = values
    copy.withUnsafeMutableBufferPointer { histogram.add($0, channels: channels) }
  }

  @Test(arguments: 0..<60) func equalsNaiveCounting(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    let count = [1, 5, 48, 1000, 20000][seed % 5]
    let samples = (0..<6).map { _ in generator.wildSample(count) }
    var histogram = ActivationHistogram()
    for sample in samples { Self.add(sample, channels: 3, to: &histogram) }
    let result = histogram.finished(name: "x")

    let all = samples.flatMap { $0 }
    #expect(result.minimum == all.min())
    #expect(result.maximum == all.max())
    #expect(result.counts.count <= ActivationHistogram.binLimit)
    // 20000 elements are counted in steps of 4, which shares no factor with 3 channels.
    let step = count == 20000 ? 4 : 1
    var naive = [UInt64](repeating: 0, count: result.counts.count)
    for sample in samples {
      for i in stride(from: 0, to: count, by: step) {
        let bin = Int((Double(sample[i]) / result.binWidth).rounded(.down)) - result.firstBin
        naive[bin] += 1
      }
    }
    #expect(result.counts == naive)
  }

  @Test(arguments: 0..<40) func mergesToTheWhole(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    let samples = (0..<12).map { _ in generator.wildSample(96) }
    var whole = ActivationHistogram()
    for sample in samples { Self.add(sample, channels: 3, to: &whole) }

    var parts = [ActivationHistogram](
      repeating: ActivationHistogram(), count: Int.random(in: 1...5, using: &generator))
    for sample in samples.shuffled(using: &generator) {
      let index = Int.random(in: 0..<parts.count, using: &generator)
      Self.add(sample, channels: 3, to: &parts[index])
    }
    var merged = ActivationHistogram()
    for part in parts.shuffled(using: &generator) {
      // Through finished statistics, as files do.
      merged.merge(
        Bool.random(using: &generator) ? part : ActivationHistogram(part.finished(name: "x")))
    }
    #expect(merged.finished(name: "x") == whole.finished(name: "x"))
  }

  @Test func knowsOnlyFiniteElements() {
    var histogram = ActivationHistogram()
    Self.add([.nan, .infinity, -.infinity], channels: 1, to: &histogram)
    let empty = histogram.finished(name: "x")
    #expect(empty.nonFinite == 3)
    #expect(empty.counts.isEmpty && empty.minimum == 0 && empty.maximum == 0)

    Self.add([.nan, 1, 2], channels: 1, to: &histogram)
    let result = histogram.finished(name: "x")
    #expect(result.nonFinite == 4)
    #expect(result.minimum == 1 && result.maximum == 2)
    #expect(result.counts.reduce(0, +) == 2)
  }

  @Test func keepsRangesOfChannels() {
    var histogram = ActivationHistogram()
    Self.add([1, -1, 5, 2, -1, 9], channels: 3, to: &histogram)
    Self.add([0, -1, 7, 1, -1, 6], channels: 3, to: &histogram)
    let result = histogram.finished(name: "x")
    #expect(result.channelMinimum == [0, -1, 5])
    #expect(result.channelMaximum == [2, -1, 9])
  }
}
