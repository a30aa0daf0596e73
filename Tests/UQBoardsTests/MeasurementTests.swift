import Testing
import UQSupport

@testable import UQBoards

@Suite("Reading what tools print")
struct MeasurementTests {
  private static let report = """
    uq-count 1
    run 0 100 20 10
    run 1 104 20 10
    call 8000 9000 2 60 12 6 uq_a.constprop.0
    call 8004 9100 2 8 0 0 memcpy
    call 8008 9000 2 40 8 4 uq_a.constprop.0
    call 800c 9200 2 80 16 8 uq_b
    function 9000 100 20 10 uq_a.constprop.0
    end 2

    """

  private func layer(_ name: String, _ kernel: String?) -> ExportLayer {
    ExportLayer(name: name, operatorName: "Op", kernel: kernel)
  }

  @Test("Counts are read")
  func counts() throws {
    let counts = try InstructionCounts(report: Self.report)
    #expect(counts.first == ExecutionCount(instructions: 100, loads: 20, stores: 10))
    #expect(counts.mostInstructions == 104)
    #expect(counts.calls.map(\.function) == ["uq_a", "memcpy", "uq_a", "uq_b"])
    #expect(counts.calls[0].site == 0x8000)
  }

  @Test(
    "Damaged counts are refused",
    arguments: [
      "", "uq-count 1\nend 1\n", "uq-count 1\nrun 0 1 2\nend 1\n", "run 0 a b c\nend 1\n",
      "call 0 0 0 0 0 0 f\n", "nothing\nend 0\n",
    ])
  func damaged(report: String) {
    let error = #expect(throws: Diagnostic.self) { try InstructionCounts(report: report) }
    #expect(error?.id == "board.counts.damaged")
  }

  @Test("Calls fall to layers in order")
  func layers() throws {
    let counts = try InstructionCounts(report: Self.report)
    func perLayer(_ layers: ExportLayer...) throws -> [Int] {
      try counts.perLayer(layers).map(\.instructions)
    }
    let named = try perLayer(layer("1", "uq_a"), layer("2", "uq_a"), layer("3", "uq_b"))
    #expect(named == [68, 40, 80])
    // One layer of two calls.
    #expect(try perLayer(layer("1", "uq_a"), layer("3", "uq_b")) == [108, 80])
    #expect(try perLayer(layer("1", nil), layer("2", nil), layer("3", nil)) == [68, 40, 80])
    for wrong in [[layer("1", "uq_b"), layer("2", "uq_a")], [layer("1", nil), layer("2", nil)]] {
      let error = #expect(throws: Diagnostic.self) { try counts.perLayer(wrong) }
      #expect(error?.id == "bench.layers.mismatch")
    }
  }

  @Test("Linker maps are summed over the export's objects")
  func linkerMap() {
    let map = """
      Discarded input sections

       .text          0x00000000      0x100 /tmp/0.o

      Linker script and memory map

      .text           0x00000000     0x1234
       .text.f        0x00000100       0x20 /tmp/0.o
       .text.a_function_with_a_long_name
                      0x00000120       0x40 /tmp/1.o
       *fill*         0x00000160        0x8
       .text.other    0x00000168      0x100 /tmp/own0.o
       .rodata.w      0x00000268        0xa /tmp/1.o
       .rodata.str1.4
                      0x00000272        0x4 /tmp/1.o
                                        0x8 (size before relaxing)
       .data.x        0x20000000        0x4 /tmp/0.o
       .bss.y         0x20000004        0x8 /tmp/0.o
       .comment       0x00000000       0x20 /tmp/0.o
       .text          0x00000300       0x10 /usr/lib/libc.a(lib_a-memcpy.o)
      """
    let footprint = Footprint(mapText: map, objects: ["/tmp/0.o", "/tmp/1.o"], arenaBytes: 100)
    #expect(footprint.codeBytes == 0x60)
    #expect(footprint.constantBytes == 0xE)
    #expect(footprint.flashBytes == 0x72)
    #expect(footprint.ramBytes == 112)
  }

  @Test("The plugin's interface follows the emulator's version")
  func pluginInterface() {
    #expect(
      CountingPlugin.interface(of: "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)\nC") == 1)
    #expect(CountingPlugin.interface(of: "QEMU emulator version 8.2.2 (Debian)") == 1)
    #expect(CountingPlugin.interface(of: "QEMU emulator version 9.0.0") == 2)
    #expect(CountingPlugin.interface(of: "QEMU emulator version 10.0.2 (Debian)") == 2)
    #expect(CountingPlugin.interface(of: "") == 1)
  }
}
