import ArgumentParser
import UQCalibration
import UQGraph
import UQSupport
import UQToolkit

struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Collects the ranges of all activations over a folder of samples.",
    discussion: """
      One pass keeps what every range method needs, and samples for rounding from data. The file is the
      same for any number of threads, order of samples and split into shards.

      `uq calibrate collect --help` lists the options.

      EXAMPLES
        uq calibrate --data samples/
        uq calibrate --data samples/ --samples 200 --output calibration.uqcal
        uq calibrate --data samples/ --shard 1/4 --output part1.uqcal
        uq calibrate merge part1.uqcal part2.uqcal part3.uqcal part4.uqcal --output calibration.uqcal
      """,
    subcommands: [CollectCommand.self, MergeCommand.self], defaultSubcommand: CollectCommand.self)
}

struct CollectCommand: DiagnosedCommand {
  static let configuration = CommandConfiguration(
    commandName: "collect", abstract: "Calibrates with samples (what `uq calibrate` does).",
    discussion: """
      EXAMPLES
        uq calibrate --data samples/
        uq calibrate --data samples/ --keep 4M --output calibration.uqcal
      """)

  @OptionGroup var model: ModelOption
  @OptionGroup var common: CommonOptions

  @Option(help: "Folder of samples.", completion: .directory)
  var data: String

  @Option(help: "Use at most so many samples, spread evenly over the folder.")
  var samples: Int?

  @Option(help: "Use part I of N of the samples: I/N, I from 1.")
  var shard: Shard?

  @Option(help: "Bytes of samples to keep in the file for export: 32M, 0 for none.")
  var keep: KeptBytes = KeptBytes(bytes: 32 << 20)

  @Option(name: .shortAndLong, help: "File to write.")
  var output = "calibration.uqcal"

  func validate() throws {
    if let samples, samples < 1 { throw ValidationError("--samples takes a number from 1") }
  }

  func perform() throws {
    let task = CalibrateTask(
      workspace: try model.workspace(), data: data, limit: samples,
      shard: shard.map { ($0.index, $0.count) }, sampleLimit: keep.bytes, output: output,
      threads: common.threadCount, isQuiet: common.quiet)
    let (calibration, warnings) = try task.run()
    common.warn(warnings)
    common.show(
      "\(output): \(calibration.tensors.count) tensors over \(calibration.sampleCount) samples, "
        + "\(calibration.keptSamples) samples kept",
      [
        "output": .string(output), "samples": .integer(calibration.sampleCount),
        "kept_samples": .integer(calibration.keptSamples),
        "tensors": .integer(calibration.tensors.count),
        "warnings": .array(warnings.map { .string($0.description) }),
      ])
  }
}

struct MergeCommand: DiagnosedCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Merges calibrations of one model made from parts of the samples.",
    discussion: """
      EXAMPLES
        uq calibrate merge part1.uqcal part2.uqcal --output calibration.uqcal
      """)

  @OptionGroup var model: ModelOption
  @OptionGroup var common: CommonOptions

  @Argument(help: "Calibration files.", completion: .file(extensions: ["uqcal"]))
  var parts: [String]

  @Option(name: .shortAndLong, help: "File to write.")
  var output = "calibration.uqcal"

  func perform() throws {
    let merged = try CalibrateTask.merge(parts, workspace: try model.workspace(), output: output)
    common.show(
      "\(output): \(parts.count) files, \(merged.sampleCount) samples",
      ["output": .string(output), "samples": .integer(merged.sampleCount)])
  }
}

/// `I/N`.
struct Shard: ExpressibleByArgument {
  let index: Int
  let count: Int

  init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let index = parts[0], let count = parts[1], count > 0,
      (1...count).contains(index)
    else { return nil }
    self.index = index
    self.count = count
  }
}

/// A number of bytes from 0.
struct KeptBytes: ExpressibleByArgument {
  let bytes: Int

  init(bytes: Int) { self.bytes = bytes }

  init?(argument: String) {
    if argument == "0" {
      bytes = 0
    } else if let count = ByteCount(argument: argument) {
      bytes = count.bytes
    } else {
      return nil
    }
  }

  var defaultValueDescription: String { "32M" }
}
