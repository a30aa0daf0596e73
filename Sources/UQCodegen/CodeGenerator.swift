import Foundation
import UQKernels
import UQSupport

/// Turns a program and its plan into the files of an export.
public enum CodeGenerator {
  /// The files of an export, sorted by name.
  ///
  /// They are the model, its weights, the part of the runtime that it calls, the manifest and the
  /// self-test. The same arguments give the same bytes.
  ///
  /// - Throws: `codegen.name.invalid`, `codegen.name.reserved`, `codegen.inputs.none`,
  ///   `codegen.outputs.none`, `codegen.port.type`, `codegen.port.empty`, `codegen.plan.mismatch`,
  ///   `codegen.golden.size`, `codegen.call.argument`, `codegen.runtime.missing`.
  public static func generate(
    _ program: KernelProgram, _ plan: ArenaPlan, _ options: CodegenOptions
  ) throws(Diagnostic) -> [(name: String, data: Data)] {
    try generate(program, plan, options, runtime: RuntimeFiles.files)
  }

  /// Text of every file of the runtime, sorted by name.
  public static var runtimeFiles: [(name: String, text: String)] { RuntimeFiles.files }

  static func generate(
    _ program: KernelProgram, _ plan: ArenaPlan, _ options: CodegenOptions,
    runtime: [(name: String, text: String)]
  ) throws(Diagnostic) -> [(name: String, data: Data)] {
    let model = try GeneratedModel(program, plan, options)
    let closure = RuntimeClosure(runtime)
    var files: [(name: String, data: Data)] = [
      ("\(model.prefix).h", model.headerFile().data), ("\(model.prefix).c", model.modelFile().data),
    ]
    if !program.constants.isEmpty {
      files.append(("\(model.prefix)_weights.h", model.weightsHeader().data))
      files.append(("\(model.prefix)_weights.c", model.weightsFile().data))
    }
    for file in files where closure.contains(file.name) {
      throw Diagnostic(
        id: "codegen.name.reserved",
        "'\(options.name)' would replace the runtime's \(file.name): choose another --name")
    }
    let kernels = program.calls.map(\.kernel)
    let roots =
      (kernels + kernels.compactMap(\.callee)).flatMap { [$0.header, $0.source] } + ["uq_status.h"]
    for file in try closure.files(for: roots) { files.append((file.name, Data(file.text.utf8))) }
    files.append(("selftest.c", model.selfTestFile().data))
    files.sort { $0.name < $1.name }
    files.append(("manifest.json", Data(model.manifest(files).pretty.utf8)))
    return files.sorted { $0.name < $1.name }
  }
}
