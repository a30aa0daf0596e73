import Testing
import UQBoards
import UQSupport

@Suite("Reading exports")
struct ExportTests {
  @Test("Header and manifest are read")
  func reads() throws {
    let export = try TinyExport().read()
    #expect(export.name == "tiny")
    #expect(export.entryPoint == "uq_tiny_run")
    #expect(export.sources == ["uq_kernels.c", "uq_tiny.c"])
    #expect(export.inputs.map(\.name) == ["left", "right"])
    #expect(export.outputs.map(\.cType) == ["int8_t", "int16_t"])
    #expect(export.inputBytes == 16)
    #expect(export.outputBytes == 24)
    #expect(export.arenaBytes == 32)
    #expect(export.arenaAlignment == 16)
    #expect(export.layers.map(\.operatorName) == ["Add", "Identity", "Mul"])
    #expect(export.target == "generic")
  }

  private func ids(_ change: (TinyExport) throws -> Void) throws -> [String] {
    let tiny = try TinyExport()
    try change(tiny)
    do throws(Diagnostics) {
      _ = try tiny.read()
      return []
    } catch { return error.all.map(\.id) }
  }

  @Test("What is missing is named")
  func missing() throws {
    #expect(throws: Diagnostics.self) { try Export(folder: "/nonexistent") }
    #expect(try ids { try $0.remove("manifest.json") } == ["verify.export.missing"])
    #expect(try ids { try $0.remove("uq_tiny.h") } == ["verify.export.missing"])
    #expect(
      try ids { try $0.remove("uq_tiny.c") } == ["verify.export.missing", "verify.export.missing"])
    #expect(try ids { try $0.remove("uq_kernels.c") } == ["verify.export.missing"])
  }

  @Test(
    "A damaged header is refused",
    arguments: [
      ("ARENA_BYTES 32u", "ARENA_BYTES many"), ("ARENA_BYTES 32u", "ARENA_BYTES 99999999999999999"),
      ("ARENA_ALIGN 16u", "ARENA_ALIGN 24u"), ("ARENA_ALIGN 16u", "ARENA_ALIGN 0"),
      ("INPUT_COUNT 2", "INPUT_COUNT 3"), ("INPUT_COUNT 2", "INPUT_COUNT -1"),
      ("INPUT_1_ELEMENTS 8", "INPUT_1_ELEMENTS 0"),
      ("OUTPUT_1_ELEMENTS 8", "OUTPUT_1_ELEMENTS 9223372036854775807"),
      ("int16_t *wide", "float *wide"), ("int16_t *wide", "int16_t wide"),
      ("} uq_tiny_outputs;", "}"), ("#define UQ_TINY_OUTPUT_COUNT 2", "/* unterminated"),
    ])
  func damagedHeader(old: String, new: String) throws {
    #expect(
      try ids { try $0.replace(old, by: new, in: "uq_tiny.h") } == ["verify.export.damaged"])
  }

  @Test("A damaged manifest is refused")
  func damagedManifest() throws {
    for text in [
      "", "{", "[]", "{\"inputs\": 3}", String(repeating: "[", count: 100_000), "\u{0}",
    ] {
      #expect(try ids { try $0.write("manifest.json", text) } == ["verify.export.damaged"])
    }
  }

  @Test("Manifest and header must agree, and every difference is told")
  func mismatch() throws {
    let found = try ids {
      try $0.replace("\"arena_bytes\": 32", by: "\"arena_bytes\": 33", in: "manifest.json")
      try $0.replace("[1, 8]", by: "[1, 9]", in: "manifest.json")
      try $0.replace("\"int16\"", by: "\"int32\"", in: "manifest.json")
    }
    #expect(found == Array(repeating: "verify.export.mismatch", count: 5))
  }

  @Test("Another version of the interface is refused")
  func version() throws {
    #expect(
      try ids { try $0.replace("TINY_ABI 1", by: "TINY_ABI 2", in: "uq_tiny.h") }
        == ["verify.export.version"])
  }
}
