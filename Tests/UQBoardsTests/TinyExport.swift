import Foundation
import UQBoards
import UQSupport

/// An export written by hand: sum = a + b modulo 256, wide = 3 a, by way of an arena of 32 bytes.
final class TinyExport {
  /// What is wrong with it.
  enum Fault {
    case none
    /// The fourth sum is one too high where a[3] is 77.
    case wrongByte
    case arenaOverrun, arenaUnderrun, outputOverrun, inputWritten
    case shortArenaAccepted, nullAccepted
    case statusReturned, endlessLoop, undefinedShift, warning, syntaxError
    /// The second output depends on what the arena held before.
    case uninitializedRead
  }

  let path: String

  init(_ fault: Fault = .none) throws {
    path =
      FileManager.default.temporaryDirectory.appending(path: "uq tiny, \(UUID().uuidString)")
      .path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try write("uq_tiny.h", header)
    try write("uq_tiny.c", model(fault))
    try write("uq_kernels.h", kernelHeader)
    try write("uq_kernels.c", kernels(fault))
    try write("uq_status.h", "#include <stdint.h>\ntypedef int32_t uq_status;\n")
    try write("selftest.c", "#error not part of the model\n")
    try write("manifest.json", manifest)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ text: String) throws {
    try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
  }

  func replace(_ old: String, by new: String, in name: String) throws {
    let text = try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
    try write(name, text.replacingOccurrences(of: old, with: new))
  }

  func remove(_ name: String) throws {
    try FileManager.default.removeItem(atPath: "\(path)/\(name)")
  }

  func read() throws(Diagnostics) -> Export { try Export(folder: path) }

  /// What a run must give.
  static func expected(_ record: [UInt8]) -> [UInt8] {
    let (a, b) = (record[..<8], record[8...])
    let sum = zip(a, b).map { $0 &+ $1 }
    let wide = a.flatMap { byte in
      let value = Int16(Int8(bitPattern: byte)) * 3
      return [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
    }
    return sum + wide
  }

  private let header = """
    /* The model. */
    #ifndef UQ_TINY_H
    #define UQ_TINY_H
    #include <stddef.h>
    #include <stdint.h>
    #include "uq_status.h"
    #define UQ_TINY_ABI 1
    #define UQ_TINY_ARENA_BYTES 32u
    #define UQ_TINY_ARENA_ALIGN 16u
    #define UQ_TINY_INPUT_COUNT 2
    #define UQ_TINY_INPUT_0_ELEMENTS 8
    #define UQ_TINY_INPUT_1_ELEMENTS 8
    #define UQ_TINY_OUTPUT_COUNT 2
    #define UQ_TINY_OUTPUT_0_ELEMENTS 8
    #define UQ_TINY_OUTPUT_1_ELEMENTS 8
    typedef struct {
        /* left; [8] */
        const int8_t *a;
        const int8_t *b;
    } uq_tiny_inputs;
    typedef struct {
        int8_t *sum;
        int16_t *wide;
    } uq_tiny_outputs;
    uq_status uq_tiny_run(const uq_tiny_inputs *in, const uq_tiny_outputs *out, void *arena,
                          size_t arena_bytes);
    #endif

    """

  private let kernelHeader = """
    #include <stdint.h>
    void uq_add(const int8_t *a, const int8_t *b, int8_t *to);
    void uq_triple(const int8_t *from, int16_t *to);
    void uq_copy(const int8_t *from, int8_t *to);

    """

  private let manifest = """
    {
      "name": "tiny", "target": "generic", "arena_bytes": 32,
      "inputs": [
        {"name": "left", "shape": [1, 8], "type": "int8", "scale": 1, "zero_point": 0},
        {"name": "right", "shape": [1, 8], "type": "int8", "scale": 1, "zero_point": 0}
      ],
      "outputs": [
        {"name": "sum", "shape": [1, 8], "type": "int8", "scale": 1, "zero_point": 0},
        {"name": "wide", "shape": [8], "type": "int16", "scale": 1, "zero_point": 0}
      ],
      "layers": [
        {"name": "add", "operator": "Add", "kernel": "uq_add"},
        {"name": "copy", "operator": "Identity", "kernel": "uq_copy"},
        {"name": "triple", "operator": "Mul", "kernel": "uq_triple"}
      ],
      "files": [{"name": "uq_tiny.c"}, {"name": "uq_kernels.c"}]
    }

    """

  private func model(_ fault: Fault) -> String {
    let size = fault == .shortArenaAccepted ? "UQ_TINY_ARENA_BYTES - 1u" : "UQ_TINY_ARENA_BYTES"
    let inner = fault == .nullAccepted ? "" : "|| !out->wide"
    let before =
      switch fault {
      case .statusReturned: "if (in->a[0] == 5) return 0x107;"
      case .endlessLoop: "for (volatile int i = 0; i < 1;) { }"
      case .warning: "int unused;"
      case .syntaxError: "unknown = 1;"
      default: ""
      }
    let after =
      switch fault {
      case .arenaOverrun: "memory[32] = 1;"
      case .arenaUnderrun: "*(memory - 3) = 1;"
      case .outputOverrun: "out->sum[8] = 1;"
      case .inputWritten: "*(int8_t *)(uintptr_t)&in->b[2] = 99;"
      case .uninitializedRead: "out->wide[1] = memory[20];"
      default: ""
      }
    return """
      #include "uq_tiny.h"
      #include "uq_kernels.h"
      uq_status uq_tiny_run(const uq_tiny_inputs *in, const uq_tiny_outputs *out, void *arena,
                            size_t arena_bytes) {
          if (!arena) return 0x101;
          if (arena_bytes < \(size)) return 0x102;
          if (!in || !out || !in->a || !in->b || !out->sum \(inner)) return 0x201;
          int8_t *memory = arena;
          \(before)
          uq_add(in->a, in->b, memory);
          uq_copy(memory, out->sum);
          uq_triple(in->a, out->wide);
          \(after)
          return 0;
      }

      """
  }

  private func kernels(_ fault: Fault) -> String {
    let extra = fault == .wrongByte ? "+ (i == 3 && a[i] == 77)" : ""
    let shifted = fault == .undefinedShift ? "(from[i] << (from[i] & 63)) * 0 + " : ""
    return """
      #include <string.h>
      #include "uq_kernels.h"
      void uq_add(const int8_t *a, const int8_t *b, int8_t *to) {
          for (int i = 0; i < 8; i++)
              to[i] = (int8_t)(a[i] + b[i] \(extra));
      }
      static const int16_t factors[8] = {3, 3, 3, 3, 3, 3, 3, 3};
      void uq_triple(const int8_t *from, int16_t *to) {
          for (int i = 0; i < 8; i++)
              to[i] = (int16_t)(\(shifted)from[i] * factors[i]);
      }
      void uq_copy(const int8_t *from, int8_t *to) { memcpy(to, from, 8); }

      """
  }
}
