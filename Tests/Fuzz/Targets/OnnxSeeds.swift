import Foundation
import UQGraph
import UQOperators

/// Small ONNX models, written field by field: one for each operator and number of operands.
enum OnnxSeeds {
  /// `y = Op(x)` and `y = Op(x, w)` for every operator that is read.
  static var models: [[UInt8]] {
    let rules = allOperators.flatMap { $0.imports }.filter {
      $0.dialect == .onnx && $0.domain.isEmpty
    }
    return Set(rules.map(\.operatorName)).sorted().flatMap { name in
      [["x"], ["x", "w"]].map { model(name, $0) }
    }
  }

  private static func model(_ operatorName: String, _ inputs: [String]) -> [UInt8] {
    let node =
      inputs.flatMap { text(1, $0) } + text(2, "y") + text(4, operatorName)
      + bytes(5, text(1, "axis") + number(3, 1) + number(20, 2))
    let graph =
      bytes(1, node) + text(2, "g") + bytes(5, weights) + bytes(11, value("x", [1, 2, 4, 4]))
      + bytes(12, value("y", [1, 2, 4, 4]))
    return number(1, 8) + bytes(7, graph) + bytes(8, text(1, "") + number(2, 13))
  }

  /// A TensorProto of the name `w`, float32 `[2, 2, 1, 1]`.
  private static var weights: [UInt8] {
    [2, 2, 1, 1].flatMap { number(1, $0) } + number(2, 1) + text(8, "w")
      + bytes(9, [UInt8](repeating: 0x3F, count: 16))
  }

  /// A ValueInfoProto of float32.
  private static func value(_ name: String, _ extents: [Int]) -> [UInt8] {
    let shape = extents.flatMap { bytes(1, number(1, $0)) }
    return text(1, name) + bytes(2, bytes(1, number(1, 1) + bytes(2, shape)))
  }

  // MARK: Fields

  private static func varint(_ value: Int) -> [UInt8] {
    var rest = UInt64(bitPattern: Int64(value))
    var result: [UInt8] = []
    repeat {
      result.append(UInt8(rest & 127) | (rest > 127 ? 128 : 0))
      rest >>= 7
    } while rest > 0
    return result
  }

  private static func number(_ field: Int, _ value: Int) -> [UInt8] {
    varint(field << 3) + varint(value)
  }

  private static func bytes(_ field: Int, _ content: [UInt8]) -> [UInt8] {
    varint(field << 3 | 2) + varint(content.count) + content
  }

  private static func text(_ field: Int, _ content: String) -> [UInt8] {
    bytes(field, Array(content.utf8))
  }
}
