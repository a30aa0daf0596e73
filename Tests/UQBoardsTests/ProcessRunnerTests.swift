import Foundation
import Testing
import UQBoards
import UQSupport

@Suite("Running programs")
struct ProcessRunnerTests {
  private func shell(_ script: String, timeLimit: Double = 30) throws -> FinishedProcess {
    try ProcessRunner.run("/bin/sh", ["-c", script], in: "/", timeLimit: timeLimit)
  }

  @Test("Status, signal and both outputs are told")
  func endings() throws {
    let finished = try shell("pwd; echo error >&2; cat; exit 7")
    #expect(finished.ending == .status(7))
    #expect(finished.output == "/\n")
    #expect(finished.errors == "error\n")
    #expect(try shell("kill -9 $$").ending == .signal(9))
  }

  @Test("Much output on both streams neither blocks nor grows without bound")
  func muchOutput() throws {
    let finished = try shell(
      "head -c 20000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero | tr '\\0' y >&2")
    #expect(finished.succeeded)
    #expect(finished.output.utf8.count == ProcessRunner.longestCapture)
    #expect(finished.errors.utf8.count == 3_000_000)
  }

  @Test(
    "What takes too long is killed",
    arguments: [
      "sleep 60", "while :; do :; done", "exec >&- 2>&-; sleep 60",
      "trap '' TERM; sleep 60; sleep 60",
    ])
  func timeLimit(script: String) throws {
    let start = Date()
    #expect(try shell(script, timeLimit: 0.3).ending == .timeLimit)
    #expect(Date().timeIntervalSince(start) < 10)
  }

  @Test(
    "Programs can be interrupted",
    .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/status"), "needs /proc"))
  func signals() async throws {
    let finished = try await Task.detached {
      try ProcessRunner.run(
        "/bin/sh", ["-c", "grep SigBlk /proc/self/status"], in: "/", timeLimit: 30)
    }.value
    #expect(finished.output == "SigBlk:\t0000000000000000\n")
  }

  @Test("Arguments are passed as they are")
  func arguments() throws {
    let given = ["a b", "$HOME", "'", "", "--", "ü"]
    let finished = try ProcessRunner.run(
      try Tool("printf", packages: "coreutils").locate(), ["%s|"] + given, in: "/", timeLimit: 30)
    #expect(finished.output == given.map { "\($0)|" }.joined())
  }

  @Test("A missing tool is named with its package")
  func missingTool() throws {
    let tool = Tool("uq-no-such-tool", packages: "some-package")
    #expect(!tool.isInstalled)
    let error = #expect(throws: Diagnostic.self) { try tool.locate() }
    #expect(error?.id == "board.tool.missing")
    #expect(error?.message.contains("some-package") == true)
  }

  @Test("Programs started at the same time do not wait for each other")
  func concurrent() async throws {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<8 {
        group.addTask { try shell("echo \(index); sleep 0.2").output == "\(index)\n" }
      }
      for try await isRight in group { #expect(isRight) }
    }
  }
}
