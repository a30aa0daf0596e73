import Foundation
import UQCalibration
import UQEngine
import UQKernels
import UQQuantizer
import UQReport
import UQSupport

/// Networks of mixed widths along the whole range of sizes, each made and judged.
///
/// What was finished lies in a folder beside the calibration, under the digest of everything that it
/// depends on: an interrupted run goes on where it stopped and gives the same report.
struct FrontierTask {
  /// The comparison that the points belong to.
  let compare: CompareTask
  /// Number of points, at least 2.
  let points: Int

  /// The points by ascending weight bytes.
  ///
  /// - Throws: what choosing widths, compiling and judging throw.
  func run(_ model: LoadedModel, _ calibration: Calibration) throws -> [VariantReport] {
    let store = FrontierStore(compare, model: model, calibration: calibration)
    let progress = Progress("frontier", total: points, unit: "points", silent: compare.isQuiet)
    defer { progress.finish() }
    let plans = try store.value("widths-\(points)") { try plan(model, calibration) }
    return try plans.map { plan in
      defer { progress.advance() }
      let key = plan.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      return try store.value("point-" + Digest(of: key.joined(separator: "\n").utf8).description) {
        try judge(plan)
      }
    }
  }

  /// Widths by layer for each point; points of equal widths are one.
  private func plan(_ model: LoadedModel, _ calibration: Calibration) throws -> [[String: Int]] {
    let graph = model.optimized
    let fixed = try LayerRule.resolve(
      compare.options.layers, names: graph.weightedLayers.map(\.name))
    let quantizer = try CompiledModel.quantizer(graph, calibration, compare.options)
    let choices = try MixedPrecision(
      graph: graph, calibration: calibration.summary, options: compare.options,
      quantizer: quantizer
    ).evenly(points, fixed: fixed)
    var plans: [[String: Int]] = []
    for choice in choices {
      let widths = Dictionary(
        choice.layers.map { ($0.name, $0.bits) }, uniquingKeysWith: { first, _ in first })
      if plans.last != widths { plans.append(widths) }
    }
    return plans
  }

  private func judge(_ widths: [String: Int]) throws -> VariantReport {
    var single = compare
    single.frontierPoints = 0
    single.calibrationData = nil
    single.variants = ["8"]
    single.isQuiet = true
    single.options.layers = widths.sorted { $0.key < $1.key }.map {
      LayerRule($0.key, bits: $0.value)
    }
    var entry = try single.run().report.variants[0]
    entry.name = "mixed:\(entry.weightBytes)"
    return entry
  }
}

/// Finished work in a folder beside the calibration.
private struct FrontierStore {
  private let folder: String?
  private let key: String

  /// Without a calibration file of its own nothing is kept.
  init(_ compare: CompareTask, model: LoadedModel, calibration: Calibration) {
    folder = compare.calibrationData == nil ? compare.calibrationPath + ".frontier" : nil
    let options = compare.options
    var stream = DigestStream()
    var parts = [
      toolVersion, model.digest.description, "\(options.method)", "\(options.rounding)",
      "\(options.activationBits)", options.target?.name ?? "", "\(compare.limit ?? 0)",
    ]
    parts += options.layers.map { "\($0.pattern)=\($0.bits)" }
    parts += Self.listing(of: compare.data)
    stream.update(parts.joined(separator: "\n").utf8)
    stream.update(CalibrationFile.encode(calibration))
    key = String(stream.finish().description.prefix(24))
  }

  /// Path, size and time of every file of the samples.
  private static func listing(of data: String) -> [String] {
    let names = ((try? FileManager.default.subpathsOfDirectory(atPath: data)) ?? []).sorted()
    return names.map { name in
      let attributes = try? FileManager.default.attributesOfItem(atPath: "\(data)/\(name)")
      let time = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      return "\(name) \(attributes?[.size] as? Int ?? 0) \(time)"
    }
  }

  /// What is kept under a name, else what `make` makes, which is then kept. A damaged file is made again.
  func value<T: Codable>(_ name: String, _ make: () throws -> T) throws -> T {
    guard let folder else { return try make() }
    let path = "\(folder)/\(key)-\(name).json"
    if let data = FileManager.default.contents(atPath: path),
      let kept = try? JSONDecoder().decode(T.self, from: data)
    {
      return kept
    }
    let made = try make()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let data = try encoder.encode(made)
    try AtomicFile.write(data, to: path)
    // Numbers are what the file says, whether it was there or not.
    return try JSONDecoder().decode(T.self, from: data)
  }
}
