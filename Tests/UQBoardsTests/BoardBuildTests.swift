import Foundation
import Testing
import UQBoards
import UQSupport

private let boards = Board.all.filter { $0.emulator != nil && $0.missingTools.isEmpty }
private let hasM4 = boards.contains { $0.name == "mps2-an386" }

@Suite(
  "Exports on emulated boards",
  .enabled(if: !boards.isEmpty, "needs a cross compiler, gcc and QEMU"))
struct BoardBuildTests {
  @Test("A right export is identical on every board", arguments: boards)
  func identical(board: Board) throws {
    let tiny = try TinyExport()
    let export = try tiny.read()
    let inputs = VerificationInputs.records(for: export, count: 30)
    let result = try Verifier.verify(
      export: export, builds: [.board(board, "-O2")], inputs: inputs,
      expected: inputs.map(TinyExport.expected))
    #expect(result.isIdentical, "\(result.problems)")
    let build = try #require(result.builds.first)
    #expect(build.samples == Verifier.boardSamples)
    #expect(try #require(build.instructions) > 50)
    #expect(try #require(build.instructions) < 1000)
    #expect(try (64..<300).contains(#require(build.stackBytes)))
  }

  @Test("Faults are reported from the board too", .enabled(if: hasM4, "needs the Cortex-M4 tools"))
  func faults() throws {
    let board = try Board.named("mps2-an386")
    for (fault, id) in [
      (TinyExport.Fault.arenaOverrun, "verify.arena.overrun"),
      (.arenaUnderrun, "verify.arena.overrun"), (.outputOverrun, "verify.output.overrun"),
      (.inputWritten, "verify.input.written"), (.shortArenaAccepted, "verify.arena.short"),
      (.nullAccepted, "verify.pointer.null"), (.uninitializedRead, "verify.output.mismatch"),
      (.warning, "verify.compile.failed"),
    ] {
      let tiny = try TinyExport(fault)
      let export = try tiny.read()
      let inputs = VerificationInputs.records(for: export, count: 4)
      let result = try Verifier.verify(
        export: export, builds: [.board(board, "-O2")], inputs: inputs,
        expected: inputs.map(TinyExport.expected))
      #expect(result.problems.map(\.id) == [id], "\(result.problems)")
    }
    let endless = try TinyExport(.endlessLoop)
    let build = try BoardBuild(try endless.read(), board: board, timeLimit: 1)
    let error = #expect(throws: Diagnostic.self) { try build.run([Array(repeating: 0, count: 16)]) }
    #expect(error?.id == "verify.run.timeout")
  }

  @Test("An arena beyond the board's memory", .enabled(if: hasM4, "needs the Cortex-M4 tools"))
  func tooLarge() throws {
    let tiny = try TinyExport()
    try tiny.replace("ARENA_BYTES 32u", by: "ARENA_BYTES 8000000u", in: "uq_tiny.h")
    try tiny.replace("\"arena_bytes\": 32", by: "\"arena_bytes\": 8000000", in: "manifest.json")
    let export = try tiny.read()
    let board = try Board.named("mps2-an386")
    let error = #expect(throws: Diagnostics.self) { try BoardBuild(export, board: board) }
    #expect(error?.all.map(\.id) == ["verify.link.failed"])
    #expect(error?.description.contains("RAM") == true, "\(String(describing: error))")
    #expect(error?.all.first?.place.file == export.folder)
  }

  @Test("Counts repeat and fall to layers", .enabled(if: hasM4, "needs the Cortex-M4 tools"))
  func benchmark() throws {
    let board = try Board.named("mps2-an386")
    let tiny = try TinyExport()
    let export = try tiny.read()
    let first = try Benchmark.measure(export, on: board)
    #expect(try Benchmark.measure(export, on: board) == first)
    #expect(first.layers.map(\.name) == ["add", "copy", "triple"])
    // Eight rounds of at least load, load, add, store, or load, multiply, store.
    #expect(first.layers[0].instructions > 32)
    #expect(first.layers[1].instructions > 2)
    #expect(first.layers[2].instructions > 24)
    let inLayers = first.layers.map(\.instructions).reduce(0, +)
    #expect(inLayers < first.instructions)
    #expect(inLayers > first.instructions - 60)
    #expect(first.loads > 24)
    #expect(first.stores > 16)
    #expect(first.ramBytes == 32)
    #expect((100..<500).contains(first.flashBytes))
    let output = TinyExport.expected(VerificationInputs.baseline(byteCount: 16))
    #expect(first.outputDigest == fnv1a32(output))

    let json = try JSONEncoder().encode(first)
    let read = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
    #expect(
      Set(read.keys) == [
        "board", "instructions", "loads", "stores", "stack_bytes", "flash_bytes", "ram_bytes",
        "layers", "output_fnv1a32",
      ])
  }

  @Test("A manifest with other layers is refused", .enabled(if: hasM4, "needs the Cortex-M4 tools"))
  func otherLayers() throws {
    let tiny = try TinyExport()
    try tiny.replace("\"uq_copy\"", by: "\"uq_other\"", in: "manifest.json")
    let board = try Board.named("mps2-an386")
    let export = try tiny.read()
    let error = #expect(throws: Diagnostic.self) { try Benchmark.measure(export, on: board) }
    #expect(error?.id == "bench.layers.mismatch")
  }

  @Test("Footprints count constants and code of the export alone", arguments: boards)
  func footprint(board: Board) throws {
    let tiny = try TinyExport()
    let export = try tiny.read()
    let footprint = try Footprint.measure(export, on: board)
    // Eight factors of two bytes; compilers may align them.
    #expect((16...20).contains(footprint.constantBytes))
    #expect((60..<400).contains(footprint.codeBytes))
    #expect(footprint.variableBytes == 0)
    #expect(footprint.ramBytes == 32)
    try tiny.replace(
      "void uq_copy(", by: "void uq_unused(void) { }\nint uq_counter = 3;\nvoid uq_copy(",
      in: "uq_kernels.c")
    try tiny.replace(
      "void uq_add(", by: "void uq_unused(void);\nextern int uq_counter;\nvoid uq_add(",
      in: "uq_kernels.h")
    #expect(try Footprint.measure(try tiny.read(), on: board) == footprint)
  }
}

@Suite("Boards")
struct BoardTests {
  @Test("Boards are found by name")
  func named() throws {
    #expect(try Board.named("host") == .host)
    #expect(try Board.named("mps2-an386").core == "Cortex-M4")
    let error = #expect(throws: Diagnostic.self) { try Board.named("mps9") }
    #expect(error?.id == "board.name.unknown")
    #expect(error?.message.contains("mps3-an547 (Cortex-M55)") == true)
    #expect(Board.all.count == 9)
  }

  @Test("This machine counts no instructions")
  func host() throws {
    let tiny = try TinyExport()
    let export = try tiny.read()
    let error = #expect(throws: Diagnostic.self) { try BoardBuild(export, board: .host) }
    #expect(error?.id == "board.name.host")
  }

  @Test("The footprint of this machine's code", .enabled(if: Tool.gcc.isInstalled, "needs gcc"))
  func footprint() throws {
    let tiny = try TinyExport()
    let footprint = try Footprint.measure(try tiny.read(), on: .host)
    #expect(footprint.codeBytes > 60)
    #expect(footprint.variableBytes == 0)
  }
}
