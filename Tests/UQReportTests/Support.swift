import Foundation
import Testing
import UQReport
import UQSupport
import UQToolkit

let tree = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardizedFileURL

/// The example of the tree.
let digits = tree.appendingPathComponent("Examples/digits").path

/// A folder that goes with the test.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("uq-report-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func write(_ data: Data, _ name: String) throws -> String {
    let url = URL(fileURLWithPath: file(name))
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: url)
    return url.path
  }
}

/// Names that would be markup, escape sequences or text from right to left.
let hostile = "<script>alert(1)</script>\"'&\u{202E}\u{1B}[31m"

/// A report made by hand, with everything that one can hold.
func sampleReport(name: String = "kws.onnx", layer: String = "conv1") -> ComparisonReport {
  func layers(_ bits: Int, _ ratio: Double) -> [LayerReport] {
    var first = LayerReport(
      name: layer, operatorName: "conv2d", bits: bits, sqnr: ratio, weightBytes: 1000 * bits,
      macs: 1_000_000)
    first.sensitivity = ratio - 2
    first.instructions = 300_000
    first.weightRange = ValueRange(low: -1, high: 0.9)
    first.activationRange = ValueRange(low: 0, high: 6)
    let second = LayerReport(
      name: "softmax", operatorName: "softmax", bits: nil, sqnr: ratio - 4.5, weightBytes: 0)
    return [first, second]
  }
  func variant(_ name: String, _ bits: Double, correct: Int) -> VariantReport {
    var entry = VariantReport(name: name, bits: bits)
    entry.accuracy = Double(correct) / 450
    entry.confidence = .wilson(successes: correct, of: 450)
    entry.agreement = name == "float" ? 1 : Double(correct + 30) / 450
    entry.changed = name == "float" ? 0 : 420 - correct
    entry.confusion = [[correct / 2, 20], [430 - correct, correct / 2]]
    entry.weightBytes = name == "float" ? 96_000 : Int(bits) * 3000
    entry.macs = 2_656_768
    return entry
  }
  var float = variant("float", 32, correct: 411)
  float.metrics = [MetricValue(name: "top5", value: 0.98, confidence: .init(low: 0.96, high: 0.99))]
  var eight = variant("8", 8, correct: 408)
  eight.pValue = 0.508
  var four = variant("4", 4, correct: 404)
  four.pValue = 0.167
  four.metrics = float.metrics
  for index in 0..<2 {
    let flash = FlashUse(
      weights: index == 0 ? 24_000 : 12_000, tables: 2368, kernelCode: 5120, glue: 744,
      core: "Cortex-M4")
    let arena = ArenaUse(
      steps: [layer, "softmax"],
      buffers: [
        ArenaBuffer(name: layer, isScratch: false, offset: 0, bytes: 4096, first: 0, last: 1),
        ArenaBuffer(name: "scratch", isScratch: true, offset: 4096, bytes: 512, first: 0, last: 0),
      ])
    var entry = index == 0 ? eight : four
    entry.flash = flash
    entry.arena = arena
    entry.ramBytes = 4608
    entry.stackBytes = 668
    entry.instructions = 9_143_585 + index * 600_000
    entry.outputSQNR = index == 0 ? 31.2 : 14.9
    entry.layers = layers(index == 0 ? 8 : 4, index == 0 ? 38 : 19)
    if index == 1 {
      entry.allocation = AllocationReport(
        layers: [
          AllocationReport.Layer(
            name: layer, bits: 4, loss: 0.0125, weightBytes: 4000, savedBytes: 4000,
            options: [
              .init(bits: 8, loss: 0, weightBytes: 8000),
              .init(bits: 4, groupSize: 32, loss: 0.005, weightBytes: 4250),
              .init(bits: 4, loss: 0.0125, weightBytes: 4000),
            ]),
          AllocationReport.Layer(
            name: "grouped", bits: 3, groupSize: 16, loss: 0, weightBytes: 0, savedBytes: 0,
            options: []),
        ], loss: 0.0125, gap: 0.001, weightBytes: 4000, flashBytes: 21_000)
    }
    if index == 0 { eight = entry } else { four = entry }
  }
  var broken = VariantReport(name: "2", bits: 2)
  broken.problem = "error: \(layer) cannot be quantized [quantize.weights.nonfinite]"
  var report = ComparisonReport(
    model: name, samples: 450, metric: .top1, variants: [float, eight, four, broken])
  report.toolVersion = "0.1.0"
  report.modelDigest = String(repeating: "ab", count: 32)
  report.dataDigest = String(repeating: "cd", count: 32)
  report.device = "measured for Cortex-M4"
  report.classes = [name, "no"]
  report.histograms = [
    LayerHistograms(
      name: layer, operatorName: "conv2d",
      weights: Histogram(low: -1, high: 1, counts: [1, 20, 300, 15, 2]),
      activations: Histogram(low: 0, high: 7, counts: [900, 40, 0, 3]))
  ]
  report.changedSamples = [
    ChangedSample(
      index: 7, name: "\(layer)/7.wav", label: 1, predictions: [1, 1, 0, nil],
      preview: .waveform(paths: ["M0 1L2 3"], width: 160, height: 48)),
    ChangedSample(
      index: 9, name: "9.png", label: nil, predictions: [0, 1, 0, nil],
      preview: .picture(uri: "data:image/png;base64,AAAA", width: 8, height: 8)),
  ]
  report.notes = [
    Diagnostic(
      .warning, id: "compare.classes.empty", "no sample belongs to class \(name)",
      at: SourcePlace(file: layer))
  ]
  report.commands = [
    ReportCommand(purpose: "make this report", line: "uq compare --data '\(layer)'"),
    ReportCommand(purpose: "export 8 bits", line: "uq export --bits 8", variant: "8"),
  ]
  return report
}

/// The document as Foundation reads it.
func object(_ value: JSONValue) throws -> [String: Any] {
  let any = try JSONSerialization.jsonObject(with: Data(value.pretty.utf8))
  return try #require(any as? [String: Any])
}
