import Foundation
import UQSupport

/// Compiles and links C for one machine.
struct Compilation: Sendable {
  /// Path of the compiler.
  var compiler: String
  /// What messages call it: `gcc -O3`.
  var name: String
  /// Processor, optimisation and sanitizer flags.
  var flags: [String]

  /// The flags under which an export's own files must compile.
  static let strictFlags = [
    "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror",
    "-ffreestanding",
  ]
  /// Seconds for one file.
  private static let timeLimit = 600.0

  private var isSanitized: Bool { flags.contains { $0.hasPrefix("-fsanitize") } }

  /// Compiles an export's files, each to an object in `folder`.
  ///
  /// Sanitizers make gcc warn of what cannot happen, so with them warnings are not errors.
  ///
  /// - Throws: `verify.compile.failed` for every error of every file.
  func compile(_ export: Export, headers: [String] = [], into folder: String) throws(Diagnostics)
    -> [String]
  {
    let includes = headers.flatMap { ["-I", $0] } + export.includeFlags
    let strict = Self.strictFlags.filter { $0 != "-Werror" || !isSanitized }
    let jobs = export.sources.enumerated().map { index, source in
      (source: "\(export.root)/\(source)", object: "\(folder)/\(index).o")
    }
    return try concurrentMap(jobs) { job throws(Diagnostics) in
      try compile(job.source, to: job.object, strict + includes)
      return job.object
    }
  }

  /// Compiles files of ours, each to an object in `folder`.
  func compile(_ sources: [String], _ extra: [String], into folder: String) throws(Diagnostics)
    -> [String]
  {
    let jobs = sources.enumerated().map { (source: $1, object: "\(folder)/own\($0).o") }
    return try concurrentMap(jobs) { job throws(Diagnostics) in
      try compile(job.source, to: job.object, extra)
      return job.object
    }
  }

  private func compile(_ source: String, to object: String, _ extra: [String])
    throws(Diagnostics)
  {
    try perform(
      extra + flags + ["-ffunction-sections", "-fdata-sections", "-c", source, "-o", object],
      source: source, id: "verify.compile.failed")
  }

  /// Links objects to a program, writing a map beside it.
  ///
  /// - Throws: `verify.link.failed`.
  func link(_ objects: [String], _ extra: [String], to program: String) throws(Diagnostics) {
    try perform(
      flags + objects + extra + ["-Wl,--gc-sections", "-Wl,-Map=\(program).map", "-o", program],
      source: program, id: "verify.link.failed")
  }

  private func perform(_ arguments: [String], source: String, id: String) throws(Diagnostics) {
    let finished: FinishedProcess
    do throws(Diagnostic) {
      finished = try ProcessRunner.run(
        compiler, arguments, in: "/", timeLimit: Self.timeLimit)
    } catch { throw Diagnostics([error]) }
    guard !finished.succeeded else { return }
    throw Diagnostics(problems(finished, source: source, id: id))
  }

  /// A diagnostic for each of the compiler's errors, at most 20.
  private func problems(_ finished: FinishedProcess, source: String, id: String) -> [Diagnostic] {
    let lines = finished.errors.split(whereSeparator: \.isNewline)
    var result: [Diagnostic] = []
    for line in lines where result.count < 20 {
      guard let mark = line.range(of: "error: ") else { continue }
      let parts = line[..<mark.lowerBound].split(separator: ":")
      var place = SourcePlace(file: source)
      if parts.count >= 3, let row = Int(parts[1]), let column = Int(parts[2]) {
        place = SourcePlace(file: String(parts[0]), line: row, column: column)
      }
      result.append(Diagnostic(id: id, "\(name): \(line[mark.upperBound...])", at: place))
    }
    if !result.isEmpty { return result }
    // A linker puts no "error:" before most of what it says.
    let first =
      lines.first { $0.contains("undefined reference") || $0.contains("overflowed") }
      ?? lines.last ?? "no message"
    return [
      Diagnostic(id: id, "\(name): \(finished.endingText): \(first)", at: SourcePlace(file: source))
    ]
  }
}
