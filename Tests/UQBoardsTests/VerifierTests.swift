import Foundation
import Testing
import UQBoards
import UQSupport

private let needsCompilers: ConditionTrait = .enabled(
  if: Tool.gcc.isInstalled && Tool.clang.isInstalled, "needs gcc and clang")

@Suite("Verifying exports on this machine", needsCompilers)
struct VerifierTests {
  private func verify(
    _ fault: TinyExport.Fault, _ builds: [BuildConfiguration], count: Int = 40,
    change: ([[UInt8]]) -> [[UInt8]] = { $0 }
  ) throws -> VerificationResult {
    let tiny = try TinyExport(fault)
    let export = try tiny.read()
    let inputs = change(VerificationInputs.records(for: export, count: count))
    return try Verifier.verify(
      export: export, builds: builds, inputs: inputs, expected: inputs.map(TinyExport.expected))
  }

  private static let plain: [BuildConfiguration] = [.host(.gcc, ["-O2"])]

  @Test("A right export is identical in every build")
  func identical() throws {
    let result = try verify(.none, BuildConfiguration.hostBuilds, count: 1000)
    #expect(result.problems.isEmpty, "\(result.problems)")
    #expect(result.isIdentical)
    #expect(result.builds.map(\.name).contains("clang -O1 -fsanitize=undefined,address"))
    #expect(result.builds.allSatisfy { $0.samples == 1000 && $0.compared == 24_000 })
    #expect(result.outputs == 6 * 24_000)
    let json = try JSONEncoder().encode(result)
    let read = try JSONSerialization.jsonObject(with: json) as? [String: Any]
    #expect(read?["mismatches"] as? Int == 0)
  }

  @Test("A wrong byte is found at its place")
  func wrongByte() throws {
    let result = try verify(.wrongByte, [.host(.gcc, ["-O0"]), .host(.clang, ["-O3"])]) { inputs in
      var inputs = inputs
      for index in inputs.indices { inputs[index][3] = 0 }
      inputs[17][3] = 77
      inputs[30][3] = 77
      return inputs
    }
    #expect(!result.isIdentical)
    #expect(result.mismatches == 4)
    for build in result.builds {
      #expect(build.mismatches == 2)
      let first = try #require(build.firstMismatch)
      #expect(first.sample == 17)
      #expect(first.output == "sum")
      #expect(first.byte == 3)
      #expect(first.actual == first.expected &+ 1)
    }
    #expect(result.problems.map(\.id) == ["verify.output.mismatch", "verify.output.mismatch"])
  }

  @Test(
    "What a model may not do is reported",
    arguments: [
      (TinyExport.Fault.arenaOverrun, "verify.arena.overrun"),
      (.arenaUnderrun, "verify.arena.overrun"), (.outputOverrun, "verify.output.overrun"),
      (.inputWritten, "verify.input.written"), (.shortArenaAccepted, "verify.arena.short"),
      (.nullAccepted, "verify.run.crash"), (.statusReturned, "verify.run.status"),
      (.warning, "verify.compile.failed"), (.syntaxError, "verify.compile.failed"),
      (.uninitializedRead, "verify.output.mismatch"),
    ])
  func faults(fault: TinyExport.Fault, id: String) throws {
    let result = try verify(fault, Self.plain) { inputs in
      var inputs = inputs
      inputs[9][0] = 5
      return inputs
    }
    #expect(result.problems.map(\.id) == [id], "\(result.problems)")
    #expect(!result.isIdentical)
  }

  @Test("Sanitizers see what gives the right bytes by luck")
  func sanitizers() throws {
    let builds: [BuildConfiguration] = [
      .host(.gcc, ["-O1", "-fsanitize=undefined,address"]),
      .host(.clang, ["-O1", "-fsanitize=undefined,address"]),
    ]
    #expect(try verify(.undefinedShift, Self.plain).isIdentical)
    let shift = try verify(.undefinedShift, builds)
    #expect(shift.problems.map(\.id) == ["verify.run.crash", "verify.run.crash"])
    #expect(shift.problems.allSatisfy { $0.message.contains("shift") }, "\(shift.problems)")
    let overrun = try verify(.arenaOverrun, builds)
    #expect(overrun.problems.allSatisfy { $0.message.contains("AddressSanitizer") })
    #expect(overrun.problems.count == 2)
  }

  @Test("An inference without end is stopped")
  func endless() throws {
    let tiny = try TinyExport(.endlessLoop)
    let build = try HostBuild(try tiny.read(), flags: ["-O2"], timeLimit: 0.5)
    let error = #expect(throws: Diagnostic.self) { try build.run([Array(repeating: 0, count: 16)]) }
    #expect(error?.id == "verify.run.timeout")
  }

  @Test("Records of a wrong size and missing tools are refused before any work")
  func refused() throws {
    let tiny = try TinyExport()
    let export = try tiny.read()
    func ids(_ builds: [BuildConfiguration], _ inputs: [[UInt8]], _ expected: [[UInt8]]) -> [String]
    {
      do throws(Diagnostics) {
        _ = try Verifier.verify(export: export, builds: builds, inputs: inputs, expected: expected)
        return []
      } catch { return error.all.map(\.id) }
    }
    let input = [UInt8](repeating: 0, count: 16)
    let output = [UInt8](repeating: 0, count: 24)
    #expect(ids(Self.plain, [input], []) == ["verify.expected.size"])
    #expect(ids(Self.plain, [output], [output]) == ["verify.input.size"])
    #expect(ids(Self.plain, [input], [input]) == ["verify.expected.size"])
    let absent = Tool("uq-no-such-compiler", packages: "p")
    let builds: [BuildConfiguration] = [.host(absent, ["-O0"]), .host(absent, ["-O3"])]
    #expect(ids(builds, [input], [output]) == ["board.tool.missing"])
  }

  @Test("Nothing stays in the folder for temporary files")
  func temporaryFolders() throws {
    let base = FileManager.default.temporaryDirectory
    // Other tests have folders of their own at the same time; this alignment is this test's.
    func folders() throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: base.path).filter { name in
        let header = base.appending(path: name).appending(path: "support/verify_model.h")
        let text = try? String(contentsOf: header, encoding: .utf8)
        return text?.contains("MODEL_ALIGNMENT 2048u") == true
      }.count
    }
    let tiny = try TinyExport(.syntaxError)
    try tiny.replace("ARENA_ALIGN 16u", by: "ARENA_ALIGN 2048u", in: "uq_tiny.h")
    let export = try tiny.read()
    #expect(throws: Diagnostics.self) { try HostBuild(export, flags: ["-O0"]) }
    #expect(try folders() == 0)
    try tiny.replace("unknown = 1;", by: "", in: "uq_tiny.c")
    var build: HostBuild? = try HostBuild(export, flags: ["-O0"])
    #expect(build?.footprint.arenaBytes == 32)
    #expect(try folders() == 1)
    build = nil
    #expect(try folders() == 0)
  }

  @Test("Inputs are the same every time, and reach the extremes")
  func inputs() throws {
    let export = try TinyExport().read()
    let records = VerificationInputs.records(for: export, count: 50)
    #expect(records == VerificationInputs.records(for: export, count: 50))
    #expect(records[0] == VerificationInputs.baseline(byteCount: 16))
    #expect(records[0][..<6] == [60, 94, 129, 180, 12, 94])
    #expect(records[1].allSatisfy { $0 == 0x80 })
    #expect(records[2].allSatisfy { $0 == 0x7F })
    #expect(Set(records).count == 50)
  }

  @Test("FNV-1a") func digest() {
    #expect(fnv1a32([]) == 0x811C_9DC5)
    #expect(fnv1a32("foobar".utf8) == 0xBF9C_F968)
  }
}
