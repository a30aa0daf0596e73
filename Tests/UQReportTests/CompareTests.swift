import Foundation
import Testing
import UQBoards
import UQCalibration
import UQKernels
import UQNumerics
import UQQuantizer
import UQReport
import UQSamples
import UQSupport
import UQToolkit

/// A calibration of the example, made once.
private enum Prepared {
  private static let made = Result<Scratch, any Error> {
    let scratch = try Scratch()
    _ = try CalibrateTask(
      workspace: workspace(), data: "\(digits)/samples/calib",
      output: scratch.file("calibration.uqcal"), threads: 2, isQuiet: true
    ).run()
    return scratch
  }

  static func calibration() throws -> String { try made.get().file("calibration.uqcal") }
}

private func workspace() throws -> Workspace {
  try Workspace(model: "\(digits)/model.onnx", folder: "/nonexistent")
}

private func task(
  _ variants: [String], data: String = "\(digits)/samples/eval", limit: Int? = 60, threads: Int = 2
) throws -> CompareTask {
  CompareTask(
    workspace: try workspace(), data: data, calibrationPath: try Prepared.calibration(),
    variants: variants, limit: limit, options: CompileOptions(method: .minmax, threads: threads),
    isQuiet: true)
}

/// Samples as `inputs.npy` with what is given beside it.
private func arrays(_ count: Int, labels: [Int64]? = nil, in scratch: Scratch) throws -> String {
  let samples = try SampleFolder(path: "\(digits)/samples/eval")
  var values: [Float] = []
  for index in 0..<count {
    values += try samples.sample(at: index * 7 % samples.count).inputs[0].tensor.floats
  }
  let folder = scratch.file("data")
  _ = try scratch.write(NumPyFile.data(Tensor(values, [count, 1, 8, 8])), "data/inputs.npy")
  if let labels {
    _ = try scratch.write(NumPyFile.data(Tensor(labels, [labels.count])), "data/labels.npy")
  }
  return folder
}

@Suite struct CompareTests {
  @Test func documentValidates() throws {
    var compare = try task(["float", "8", "2"])
    compare.settings.board = nil
    let (report, _) = try compare.run()
    let validator = try SchemaValidator(
      contentsOf: tree.appendingPathComponent("Schemas/report.schema.json"))
    #expect(validator.problems(try object(report.json)) == [])
    let eight = report.variants[1]
    #expect(eight.layers.count > 10)
    #expect(eight.layers.contains { $0.sensitivity != nil && $0.weightRange != nil })
    #expect(report.histograms.contains { $0.weights != nil && $0.activations != nil })
    #expect(eight.arena?.buffers.isEmpty == false)
    #expect(eight.flash?.isEstimate == true)
    #expect(report.changedSamples.allSatisfy { $0.preview != nil })
    #expect(report.html.utf8.count < 2_000_000)
  }

  @Test func threadsDoNotMatter() throws {
    let one = try task(["float", "4"], threads: 1).run().report
    let three = try task(["float", "4"], threads: 3).run().report
    #expect(one.json.pretty == three.json.pretty)
  }

  @Test func damagedCacheIsNoCache() throws {
    let scratch = try Scratch()
    for text in ["", "{}", "{\"entries\":{\"x\":1}}"] {
      var compare = try task(["float", "8"], limit: 20)
      compare.settings.cachePath = try scratch.write(Data(text.utf8), "r.uqcompare")
      #expect(try compare.run().report.variants.allSatisfy { $0.problem == nil })
    }
  }

  /// The figures of the report are those of the compiled C over the same samples.
  @Test(.enabled(if: Tool.gcc.isInstalled), arguments: ["2", "mixed", "mixed:3K"])
  func accuracyIsThatOfTheCompiledC(_ width: String) throws {
    let scratch = try Scratch()
    var options = CompileOptions(method: .minmax, threads: 2)
    options.width = try #require(WidthRequest(width))
    let folder = scratch.file("export")
    _ = try ExportTask(
      workspace: workspace(), calibrationPath: try Prepared.calibration(), name: "digits",
      target: try Target.named("generic"), options: options, output: folder
    ).run()
    let report = try task(["float", width, folder], limit: 180).run().report
    let (simulated, compiled) = (report.variants[1], report.variants[2])
    #expect(compiled.problem == nil)
    #expect(simulated.accuracy == compiled.accuracy)
    #expect(simulated.confusion == compiled.confusion)
    #expect(simulated.outputSQNR == compiled.outputSQNR)
    #expect(compiled.bits == simulated.bits)
  }

  /// Flash and RAM are those of the object that `uq bench` measures.
  @Test(
    .enabled(if: Board.all.contains { $0.name == "mps2-an386" && $0.missingTools.isEmpty }),
    arguments: ["4", "mixed"])
  func sizesAreThoseOfTheObject(_ width: String) throws {
    let scratch = try Scratch()
    var options = CompileOptions(method: .minmax, threads: 2)
    options.width = try #require(WidthRequest(width))
    let folder = scratch.file("export")
    _ = try ExportTask(
      workspace: workspace(), calibrationPath: try Prepared.calibration(), name: "digits",
      target: try Target.named("cortex-m4"), options: options, output: folder
    ).run()
    let bench = try Benchmark.measure(Export(folder: folder), on: Board.named("mps2-an386"))
    var compare = try task(["float", width], limit: 20)
    compare.settings.board = try Target.named("cortex-m4").board
    let four = try compare.run().report.variants[1]
    #expect(four.isFlashMeasured)
    #expect(four.flashBytes == bench.flashBytes)
    #expect(four.ramBytes == bench.ramBytes)
    #expect(four.stackBytes == bench.stackBytes)
    #expect(four.instructions == bench.instructions)
    #expect(four.flash?.weights == four.weightBytes)
    let layers = four.layers.compactMap(\.instructions).reduce(0, +)
    #expect(layers > 0 && layers <= bench.instructions)
  }

  @Test func failedVariantsAreNamed() throws {
    let report = try task(["float", "8", "5", "nowhere"], limit: 20).run().report
    #expect(report.variants.map { $0.problem == nil } == [true, true, false, false])
    #expect(report.variants[2].problem?.contains("compare.variant.unknown") == true)
    #expect(report.variants[2].problem?.hasPrefix("'5' is no variant") == true)
    #expect(report.html.contains("compare.variant.unknown"))
    #expect(report.recommendation.variant == "8")
  }

  /// Widths, mixed widths, recipes by name and by file, an export, another model: all in one report.
  @Test(.enabled(if: Tool.gcc.isInstalled)) func everyKindOfVariantIsJudged() throws {
    let scratch = try Scratch()
    let recipe = try scratch.write(
      Data(#"{"bits": 2, "layers": {"@last": 8}}"#.utf8), "own.json")
    let other = scratch.file("other.onnx")
    try FileManager.default.copyItem(atPath: "\(digits)/model.onnx", toPath: other)
    try FileManager.default.copyItem(
      atPath: try Prepared.calibration(), toPath: scratch.file("other.uqcal"))
    let folder = scratch.file("export")
    _ = try ExportTask(
      workspace: workspace(), calibrationPath: try Prepared.calibration(), name: "digits",
      target: try Target.named("generic"),
      options: CompileOptions(bits: 2, method: .minmax, threads: 2),
      output: folder
    ).run()
    var compare = try task(
      ["float", "4", "2", "mixed", "w2a8-ends8", recipe, folder, "\(other):4"], limit: 30)
    compare.frontierPoints = 2
    let report = try compare.run().report
    #expect(report.variants.allSatisfy { $0.problem == nil }, "\(report.table)")
    #expect(report.variants.count == 10)
    func variant(_ name: String) throws -> VariantReport {
      try #require(report.variants.first { $0.name == name })
    }
    func last(_ name: String) throws -> Int? { try variant(name).layers.compactMap(\.bits).last }
    #expect(try last(recipe) == 8)
    #expect(try last("w2a8-ends8") == 8)
    #expect(try variant("\(other):4").label == "other.onnx, 4 bits")
    #expect(try variant("\(other):4").confusion == variant("4").confusion)
    #expect(try variant(folder).weightBytes == variant("2").weightBytes)
    #expect(
      try variant(folder).allocation?.layers
        == variant("2").allocation?.layers.map {
          var layer = $0
          layer.options = nil
          return layer
        })
    #expect(report.frontier.count > 0)
    let validator = try SchemaValidator(
      contentsOf: tree.appendingPathComponent("Schemas/report.schema.json"))
    #expect(validator.problems(try object(report.json)) == [])
  }

  /// Activations narrow where the arena needs it, on the frontier too; mixed widths use the flash there is.
  @Test func variantsKeepWithinLimits() throws {
    var compare = try task(["float", "8", "mixed"], limit: 20)
    compare.options.target = try Target.named("cortex-m4")
    (compare.options.flash, compare.options.ram) = (16 << 10, 2048)
    compare.frontierPoints = 2
    let report = try compare.run().report
    #expect(report.limits == Limits(flash: 16 << 10, ram: 2048))
    #expect(report.variants.allSatisfy { $0.problem == nil }, "\(report.table)")
    #expect(report.integers.count == 3 && report.integers.allSatisfy { $0.ramBytes <= 2048 })
    let mixed = try #require(report.variants.first { $0.name == "mixed" })
    let allocation = try #require(mixed.allocation)
    #expect(allocation.flashBytes <= 16 << 10 && allocation.flashBytes > 15 << 10)
    #expect(mixed.layers.contains { $0.activationBits == 4 })
    // The bytes of weights may be more than those of 4 bits: flash is what counts.
    let alone = try task(["mixed"], limit: 20).run().report.variants[0]
    #expect(alone.weightBytes != mixed.weightBytes && alone.ramBytes > 2048)
    let table = report.table
    #expect(table.contains("within 16,384 B of flash and 2,048 B of RAM"))
    if report.integers.allSatisfy(\.isFlashMeasured) {
      #expect(report.fitting.allSatisfy { $0.name != "8" } && table.contains("8 bits: "))
      #expect(table.contains("does not fit: flash") && report.html.contains("does not fit"))
    }
  }

  /// The explanation has the bits and bytes of the network that was judged.
  @Test(arguments: ["mixed:3K", "2"]) func choicesAreThoseOfTheNetwork(_ name: String) throws {
    let report = try task([name], limit: 20).run().report
    let variant = report.variants[0]
    let allocation = try #require(variant.allocation)
    #expect(allocation.weightBytes == variant.weightBytes)
    let bits = Dictionary(
      variant.layers.compactMap { layer in layer.bits.map { (layer.name, $0) } },
      uniquingKeysWith: { first, _ in first })
    #expect(bits.count == allocation.layers.count)
    for layer in allocation.layers {
      #expect(bits[layer.name] == layer.bits)
      let chosen = try #require(layer.options?.first { $0.bits == layer.bits })
      #expect(chosen.loss == layer.loss && chosen.weightBytes == layer.weightBytes)
    }
    #expect(Set(bits.values).count > 1)
    #expect(report.html.contains("Why each layer got its bits"))
  }

  @Test func otherModelsThatDoNotFitAreNamed() throws {
    let scratch = try Scratch()
    let alone = scratch.file("alone.onnx")
    try FileManager.default.copyItem(atPath: "\(digits)/model.onnx", toPath: alone)
    let broken = try scratch.write(Data("no model".utf8), "broken.onnx")
    let report = try task(["float", "8", alone, broken, "\(alone):7"], limit: 20).run().report
    #expect(report.variants.map { $0.problem == nil } == [true, true, false, false, false])
    #expect(report.variants[2].problem?.contains("compare.model.calibration") == true)
    #expect(report.variants[4].problem?.contains("compare.variant.unknown") == true)
    #expect(report.recommendation.variant == "8")
    for variant in report.variants.dropFirst(2) {
      #expect(
        report.html.contains("<strong><bdi>\(variant.label)</bdi></strong> could not be made"))
    }
  }

  @Test func missingLabelsAreNamed() throws {
    let scratch = try Scratch()
    let report = try task(["float", "8"], data: arrays(30, in: scratch), limit: nil).run().report
    #expect(report.metric == .agreement)
    #expect(report.notes.map(\.id).contains("compare.labels.missing"))
    #expect(report.variants[1].outputSQNR ?? 0 > 20)
    #expect(report.variants[1].confusion == nil)
  }

  @Test func classesWithoutSamplesAreNamed() throws {
    let scratch = try Scratch()
    let data = try arrays(20, labels: [Int64](repeating: 1, count: 20), in: scratch)
    _ = try scratch.write(Data("zero\none\ntwo\n".utf8), "data/classes.txt")
    let report = try task(["float", "8"], data: data, limit: nil).run().report
    let note = report.notes.first { $0.id == "compare.classes.empty" }
    #expect(note?.message.contains("zero, two") == true)
    #expect(report.variants[1].accuracy != nil)
  }

  @Test func samplesOfAWrongShapeAreNamed() throws {
    let scratch = try Scratch()
    for index in 0..<12 {
      let shape: Shape = index == 5 ? [1, 7, 8] : [1, 8, 8]
      _ = try scratch.write(
        NumPyFile.data(Tensor(zeros: .float32, shape)), "data/\(index).npy")
    }
    let report = try task(["float", "8"], data: scratch.file("data"), limit: nil).run().report
    #expect(report.samples == 11)
    #expect(report.notes.contains { $0.message.contains("left out") && $0.id.hasPrefix("sample") })
    #expect(report.html.contains("left out"))
  }

  @Test func ownMetricReadsOutputs() throws {
    var compare = try task(["float", "8"], limit: 40)
    // Bytes of the file: a header of 128 and 40 rows of ten floats.
    compare.settings.metricCommand = "wc -c < \"$UQ_OUTPUTS\"; test -s \"$UQ_LABELS\""
    let report = try compare.run().report
    #expect(report.metric == .command)
    #expect(report.variants.map(\.accuracy) == [1728, 1728])
    compare.settings.metricCommand = "echo much"
    #expect(try compare.run().report.variants[1].problem?.contains("compare.metric.failed") == true)
  }

  @Test func regressionReadsTargets() throws {
    let scratch = try Scratch()
    let data = try arrays(25, in: scratch)
    _ = try scratch.write(Data(#"{"metric": "mae"}"#.utf8), "data/dataset.json")
    let missing = try task(["float", "8"], data: data, limit: nil).run().report
    #expect(missing.notes.map(\.id).contains("compare.targets.missing"))
    #expect(missing.metric == .agreement)
    let targets = Tensor([Float](repeating: 0.1, count: 250), [25, 10])
    _ = try scratch.write(NumPyFile.data(targets), "data/targets.npy")
    let report = try task(["float", "8"], data: data, limit: nil).run().report
    #expect(report.metric == .meanAbsoluteError)
    // Nine outputs near 0 and one near 1 lie 0.18 from 0.1 in the mean.
    #expect(((report.variants[0].accuracy ?? 0) - 0.18).magnitude < 0.02)
  }
}

@Suite struct DebugTests {
  private func debug(_ bits: Int, export: String? = nil) throws -> DebugReport {
    try DebugTask(
      workspace: workspace(), data: "\(digits)/samples/eval",
      calibrationPath: try Prepared.calibration(),
      options: CompileOptions(bits: bits, method: .minmax, threads: 2), exportFolder: export,
      limit: 8
    ).run().report
  }

  @Test func namesTheWorstLayer() throws {
    let report = try debug(2)
    let worst = try #require(report.worst)
    let least = try #require(report.layers[worst].sensitivity)
    #expect(report.layers.allSatisfy { $0.bits == 8 || ($0.sensitivity ?? 200) >= least })
    #expect(report.advice.contains { $0.contains("--layer '\(report.layers[worst].name):8'") })
    #expect(try debug(8).outputSQNR ?? 0 > (report.outputSQNR ?? 0) + 3)
  }

  /// A byte of one layer's weights is changed in the export: that layer is the first that diverges.
  @Test(.enabled(if: Tool.gcc.isInstalled)) func findsTheFirstDivergentLayer() throws {
    let scratch = try Scratch()
    let folder = scratch.file("export")
    _ = try ExportTask(
      workspace: workspace(), calibrationPath: try Prepared.calibration(), name: "digits",
      target: try Target.named("generic"),
      options: CompileOptions(bits: 8, method: .minmax, threads: 2),
      output: folder
    ).run()
    let same = try debug(8, export: folder)
    #expect(same.firstDivergent == nil)
    #expect(same.layers.allSatisfy { $0.differingBytes == 0 })

    let path = "\(folder)/uq_digits_weights.c"
    var text = try String(contentsOfFile: path, encoding: .utf8)
    let array = try #require(text.range(of: "uq_digits_blocks_blocks_2_pointwise_conv_weights"))
    let brace = try #require(text.range(of: "{", range: array.upperBound..<text.endIndex))
    let digit = try #require(
      text.range(
        of: "-?[0-9]+", options: .regularExpression, range: brace.upperBound..<text.endIndex))
    let value = try #require(Int(text[digit]))
    text.replaceSubrange(digit, with: "\(value > 0 ? value - 90 : value + 90)")
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let changed = try debug(8, export: folder)
    let first = try #require(changed.firstDivergent)
    #expect(changed.layers[first].name == "/blocks/blocks.2/pointwise/Conv")
    #expect(changed.text.contains("diverges first at '/blocks/blocks.2/pointwise/Conv'"))
  }
}
