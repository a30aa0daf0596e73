import UQSupport

/// A way of compiling and running an export.
public enum BuildConfiguration: Hashable, Sendable, CustomStringConvertible {
  /// On this machine, with a compiler and its flags.
  case host(Tool, [String])
  /// On an emulated board, with the compiler's optimisation flag.
  case board(Board, String)

  /// Compiler and flags, or the board.
  public var description: String {
    switch self {
    case .host(let compiler, let flags): ([compiler.name] + flags).joined(separator: " ")
    case .board(let board, _): board.name
    }
  }

  /// gcc and clang, without and with full optimisation, and with sanitizers.
  public static let hostBuilds: [BuildConfiguration] = [Tool.gcc, Tool.clang].flatMap { compiler in
    [["-O0"], ["-O3"], ["-O1", "-fsanitize=undefined,address"]].map { .host(compiler, $0) }
  }

  /// What is needed and not installed.
  public var missingTools: [Diagnostic] {
    switch self {
    case .board(let board, _): return board.missingTools
    case .host(let compiler, _):
      do throws(Diagnostic) {
        _ = try compiler.locate()
        return []
      } catch { return [error] }
    }
  }

  /// The export, compiled.
  ///
  /// - Throws: What ``HostBuild`` and ``BoardBuild`` throw.
  public func build(_ export: Export) throws -> any ExportBuild {
    switch self {
    case .host(let compiler, let flags): try HostBuild(export, compiler: compiler, flags: flags)
    case .board(let board, let flag): try BoardBuild(export, board: board, optimization: flag)
    }
  }
}

/// The first byte at which compiled C and the expected bytes differ.
public struct OutputMismatch: Hashable, Sendable, Encodable, CustomStringConvertible {
  /// Number of the record, from 0.
  public var sample: Int
  /// Name of the output.
  public var output: String
  /// Place in the output, in bytes from 0.
  public var byte: Int
  /// What it should be.
  public var expected: UInt8
  /// What the compiled C gave.
  public var actual: UInt8

  /// In words.
  public var description: String {
    "sample \(sample), output '\(output)', byte \(byte): expected \(Int8(bitPattern: expected)), "
      + "got \(Int8(bitPattern: actual))"
  }
}

/// What verifying one build gave.
public struct BuildVerification: Sendable {
  /// Compiler and flags, or the board.
  public var name: String
  /// Records that were run.
  public var samples: Int
  /// Output bytes that were compared.
  public var compared: Int
  /// Output bytes that differ.
  public var mismatches: Int
  /// The first of them.
  public var firstMismatch: OutputMismatch?
  /// Instructions of the first inference; `nil` on this machine.
  public var instructions: Int?
  /// The most instructions of an inference.
  public var mostInstructions: Int?
  /// Bytes of stack; `nil` on this machine.
  public var stackBytes: Int?
  /// Why nothing was compared: it does not compile, it crashed, it wrote where it may not.
  public var problems: [Diagnostic]
}

/// What verifying an export gave.
public struct VerificationResult: Sendable {
  /// Output bytes that were compared, over all builds.
  public var outputs: Int
  /// Output bytes that differ.
  public var mismatches: Int
  /// The builds in the order asked for.
  public var builds: [BuildVerification]

  /// Problems of all builds, and a `verify.output.mismatch` for each that differs.
  public var problems: [Diagnostic] {
    builds.flatMap { build in
      build.problems
        + (build.firstMismatch.map { mismatch in
          [
            Diagnostic(
              id: "verify.output.mismatch",
              "\(build.name): \(build.mismatches) of \(build.compared) output bytes differ, first "
                + "\(mismatch)")
          ]
        } ?? [])
    }
  }

  /// Whether every build ran and no byte differs.
  public var isIdentical: Bool { problems.isEmpty && mismatches == 0 && outputs > 0 }
}

/// Compares compiled exports with expected output bytes.
public enum Verifier {
  /// Most records that an emulated board is given; it is slower than this machine.
  public static let boardSamples = 20

  /// Compiles an export in several ways, runs each on records and compares every output byte.
  ///
  /// A build that fails is reported in the result and does not keep the others from being compared.
  ///
  /// - Parameters:
  ///   - export: The export.
  ///   - builds: The ways.
  ///   - inputs: Records of input bytes.
  ///   - expected: The record of output bytes for each.
  ///   - boardSamples: How many of the records, from the first, emulated boards are given.
  ///   - progress: Is told of each build that is done.
  /// - Throws: `board.tool.missing` for everything that is not installed, before any work;
  ///   `verify.input.size`, `verify.expected.size`.
  public static func verify(
    export: Export, builds: [BuildConfiguration], inputs: [[UInt8]], expected: [[UInt8]],
    boardSamples: Int = Verifier.boardSamples, progress: (BuildConfiguration) -> Void = { _ in }
  ) throws(Diagnostics) -> VerificationResult {
    var problems: [Diagnostic] = []
    for problem in builds.flatMap(\.missingTools) where !problems.contains(problem) {
      problems.append(problem)
    }
    problems += sizeProblems(export, inputs, expected)
    if !problems.isEmpty { throw Diagnostics(problems) }

    var result = VerificationResult(outputs: 0, mismatches: 0, builds: [])
    for configuration in builds {
      var count = inputs.count
      if case .board = configuration { count = min(count, boardSamples) }
      let build = verify(
        export, configuration, Array(inputs.prefix(count)), Array(expected.prefix(count)))
      result.outputs += build.compared
      result.mismatches += build.mismatches
      result.builds.append(build)
      progress(configuration)
    }
    return result
  }

  private static func sizeProblems(
    _ export: Export, _ inputs: [[UInt8]], _ expected: [[UInt8]]
  ) -> [Diagnostic] {
    let place = SourcePlace(file: export.folder)
    if inputs.count != expected.count {
      return [
        Diagnostic(
          id: "verify.expected.size",
          "\(inputs.count) input records and \(expected.count) expected records", at: place)
      ]
    }
    if let index = inputs.firstIndex(where: { $0.count != export.inputBytes }) {
      return [
        Diagnostic(
          id: "verify.input.size",
          "input record \(index) has \(inputs[index].count) bytes, the model's inputs have "
            + "\(export.inputBytes)", at: place)
      ]
    }
    if let index = expected.firstIndex(where: { $0.count != export.outputBytes }) {
      return [
        Diagnostic(
          id: "verify.expected.size",
          "expected record \(index) has \(expected[index].count) bytes, the model's outputs have "
            + "\(export.outputBytes)", at: place)
      ]
    }
    return []
  }

  private static func verify(
    _ export: Export, _ configuration: BuildConfiguration, _ inputs: [[UInt8]],
    _ expected: [[UInt8]]
  ) -> BuildVerification {
    var result = BuildVerification(
      name: configuration.description, samples: 0, compared: 0, mismatches: 0, problems: [])
    do {
      let run = try configuration.build(export).run(inputs)
      result.samples = inputs.count
      result.instructions = run.counts?.first.instructions
      result.mostInstructions = run.counts?.mostInstructions
      result.stackBytes = run.stackBytes
      for (sample, (actual, expected)) in zip(run.outputs, expected).enumerated() {
        result.compared += expected.count
        if actual == expected { continue }
        for (index, (a, e)) in zip(actual, expected).enumerated() where a != e {
          result.mismatches += 1
          if result.firstMismatch == nil {
            let place = export.output(at: index)
            result.firstMismatch = OutputMismatch(
              sample: sample, output: place.name, byte: place.byte, expected: e, actual: a)
          }
        }
      }
    } catch { result.problems = diagnostics(of: error) }
    return result
  }
}

extension Export {
  /// The output, and the byte in it, of a byte of an output record.
  fileprivate func output(at index: Int) -> (name: String, byte: Int) {
    var start = 0
    for port in outputs {
      if index < start + port.byteCount { return (port.name, index - start) }
      start += port.byteCount
    }
    return ("", index)
  }
}
