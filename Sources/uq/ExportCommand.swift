import ArgumentParser
import UQKernels
import UQNumerics
import UQQuantizer
import UQSupport
import UQToolkit

extension PortLayouts.Layout: ExpressibleByArgument {}

struct ExportCommand: DiagnosedCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes the network as integer C99 that allocates nothing.",
    discussion: """
      EXAMPLES
        uq export --bits 8
        uq export --bits 4 --name kws --target cortex-m4 --ram 20K --output firmware/kws
        cc -std=c99 export/*.c -o selftest && ./selftest
      """)

  @OptionGroup var model: ModelOption
  @OptionGroup var common: CommonOptions
  @OptionGroup var quantization: QuantizationFlags

  @Option(help: "Calibration of the model.", completion: .file(extensions: ["uqcal"]))
  var calibration: String?

  @Option(
    help:
      "Bits of the weights: 8, 4, 3, 2, 1, mixed, or mixed:40K for so many bytes (default: 8). Below 8, small layers may take more; --layer '*:4' forbids it."
  )
  var bits: WeightBits?

  @Option(help: "Chip to generate for: \(Target.all.map(\.name).joined(separator: ", ")).")
  var target: String?

  @Option(
    help:
      "Keep within so much flash, by --bits mixed, or refuse: 65536, 64K, 1M. Code counts where the target's is known."
  )
  var flash: ByteCount?

  @Option(
    help:
      "Keep the arena within so much, by activations of 4 bits where it needs them, or refuse: 65536, 64K, 1M."
  )
  var ram: ByteCount?

  @Option(help: "Keep within so many instructions of an inference; with --bits mixed.")
  var instructions: ByteCount?

  @Option(help: "Name in C: uq_NAME_run (default: made from the model's file).")
  var name: String?

  @Option(help: "What to write: c.")
  var format = "c"

  @Option(help: "Layout of the inputs in C: nhwc or nchw (default: the model's).")
  var inputLayout: PortLayouts.Layout?

  @Option(help: "Layout of the outputs in C: nhwc or nchw (default: the model's).")
  var outputLayout: PortLayouts.Layout?

  @Option(help: "Leave out a lossless pass; may be repeated.")
  var disablePass: [String] = []

  @Option(name: .shortAndLong, help: "Folder to write.", completion: .directory)
  var output = "export"

  func validate() throws {
    if format != "c" { throw ValidationError("--format takes c, not '\(format)'") }
  }

  func perform() throws {
    let workspace = try model.workspace()
    let target = try Target.named(target ?? workspace.configuration.target ?? "generic")
    var options = try quantization.options(
      bits: bits, threads: common.threadCount, target: target)
    options.flash = flash?.bytes
    options.ram = ram?.bytes
    options.instructions = instructions?.bytes
    let task = ExportTask(
      workspace: workspace, calibrationPath: workspace.calibrationPath(calibration),
      name: try workspace.exportName(name),
      target: target, options: options,
      layouts: PortLayouts(input: inputLayout, output: outputLayout),
      disabledPasses: Set(disablePass), output: output)
    let compiled = try task.run()
    common.warn(compiled.quantized.warnings)
    let choices =
      trained(compiled) + steps(compiled) + equalized(compiled)
      + (compiled.activations?.table.map { "\n\($0)" } ?? "")
      + (compiled.choices.map { "\n\($0.table)" } ?? "")
    common.show(
      """
      \(output)/uq_\(task.name).h: \(compiled.program.calls.count) kernel calls
        weights  \(compiled.program.weightBytes) bytes\(widths(compiled))
        arena    \(compiled.plan.byteCount) bytes
        work     \(compiled.program.macs) multiply-accumulates\(foreseen(compiled, target))\(choices)
      """,
      [
        "output": .string(output), "name": .string(task.name),
        "weight_bytes": .integer(compiled.program.weightBytes),
        "arena_bytes": .integer(compiled.plan.byteCount), "macs": .integer(compiled.program.macs),
        "flash_bytes": compiled.flashBytes(on: target).map { .integer($0) } ?? .null,
        "instructions": compiled.instructions(on: target).map { .integer($0) } ?? .null,
      ])
  }

  /// How many layers have more bits than their weights were trained for, and which bits keep them.
  private func trained(_ compiled: CompiledModel) -> String {
    let fewer = compiled.trainedBits.filter { name, bits in
      bits < compiled.layerFormats[name]?.bits ?? 0
    }
    guard let bits = fewer.values.max() else { return "" }
    let layers = fewer.count == 1 ? "1 layer" : "\(fewer.count) layers"
    return "\n  trained  weights of \(layers) for \(bits) bits or fewer, which --bits \(bits) keeps"
  }

  /// What became of the steps that activations were rounded to before.
  private func steps(_ compiled: CompiledModel) -> String {
    let (count, kept) = compiled.trainedSteps
    return count == 0
      ? "" : "\n  steps    \(kept) of the \(count) activations that the model rounds keep its steps"
  }

  /// The layers whose results have scaled channels.
  private func equalized(_ compiled: CompiledModel) -> String {
    let layers = compiled.quantized.equalized.flatMap(\.layers)
    guard !layers.isEmpty else { return "" }
    return "\n  scaled   channels of \(layers.count) layers: \(layers.joined(separator: ", "))"
  }

  /// What the target's tables say of it.
  private func foreseen(_ compiled: CompiledModel, _ target: Target) -> String {
    let flash = compiled.flashBytes(on: target).map {
      "\n  flash    \($0) bytes on \(target.name), with code"
    }
    let instructions = compiled.instructions(on: target).map {
      "\n  time     about \($0) instructions on \(target.name)"
    }
    return (flash ?? "") + (instructions ?? "")
  }

  /// Where one width was asked for and some layers have more: how many have which.
  private func widths(_ compiled: CompiledModel) -> String {
    let counts = compiled.layerFormats.values.reduce(into: [WeightFormat: Int]()) {
      $0[$1, default: 0] += 1
    }
    guard counts.count > 1, compiled.choices == nil else { return "" }
    let parts = counts.sorted { $0.key < $1.key }.map { format, count in
      let groups = format.groupSize.map { " in groups of \($0)" } ?? ""
      return "\(count) of \(format.bits) bits\(groups)"
    }
    return "; layers: \(parts.joined(separator: ", "))"
  }
}
