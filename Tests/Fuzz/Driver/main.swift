import CFuzzDriver
import Foundation
import FuzzTargets

// `uq-fuzz seeds TARGET FOLDER` writes the seeds and the dictionary; any other arguments are libFuzzer's,
// with the target's name in UQ_FUZZ_TARGET: libFuzzer starts itself again with its own arguments only.

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data("uq-fuzz: \(message)\n".utf8))
  exit(64)
}

func knownTarget(_ name: String?) -> FuzzTarget {
  guard let found = FuzzTarget(rawValue: name ?? "") else {
    let known = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    fail("there is no target '\(name ?? "")'; known are \(known)")
  }
  return found
}

func writeSeeds(_ target: FuzzTarget, _ folder: URL) throws {
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  for (index, seed) in try FuzzSeeds.seeds(for: target).enumerated() {
    try Data(seed).write(to: folder.appendingPathComponent("seed-\(index)"))
  }
  let words = folder.deletingLastPathComponent().appendingPathComponent("\(target).dict")
  try Data(FuzzSeeds.dictionary(for: target).utf8).write(to: words)
}

/// What the running target needs, made once.
enum Session {
  static let target = knownTarget(ProcessInfo.processInfo.environment["UQ_FUZZ_TARGET"])
  static let folder: FuzzFolder = {
    do { return try FuzzFolder() } catch { fail("cannot write: \(error)") }
  }()
}

let arguments = CommandLine.arguments
if arguments.count == 4, arguments[1] == "seeds" {
  do { try writeSeeds(knownTarget(arguments[2]), URL(fileURLWithPath: arguments[3])) } catch {
    fail("\(error)")
  }
  exit(0)
}
_ = Session.target
atexit { Session.folder.remove() }
exit(
  uq_fuzz_run(CommandLine.argc, CommandLine.unsafeArgv) { data, size in
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    do { _ = try Session.target.run(bytes, in: Session.folder) } catch {
      fatalError("\(error)")
    }
    return 0
  })
