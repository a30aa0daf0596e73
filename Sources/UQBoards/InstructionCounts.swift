import Foundation
import UQSupport

/// What a piece of an emulated program executed.
public struct ExecutionCount: Hashable, Sendable {
  /// Instructions, those with a false condition too.
  public var instructions: Int
  /// Loads; one of four registers is four.
  public var loads: Int
  /// Stores, likewise.
  public var stores: Int

  /// Creates a count.
  public init(instructions: Int = 0, loads: Int = 0, stores: Int = 0) {
    self.instructions = instructions
    self.loads = loads
    self.stores = stores
  }

  static func += (a: inout ExecutionCount, b: ExecutionCount) {
    a.instructions += b.instructions
    a.loads += b.loads
    a.stores += b.stores
  }
}

/// A call that the model's entry point makes.
public struct CountedCall: Hashable, Sendable {
  /// Address of the calling instruction.
  public var site: Int
  /// Name of the function in C.
  public var function: String
  /// How often it was called from there, in all runs.
  public var times: Int
  /// What it and all that it calls executed, in all runs.
  public var total: ExecutionCount
}

/// Exact counts of emulated inferences, the same every time.
public struct InstructionCounts: Hashable, Sendable {
  /// One inference each, from the call of the entry point to its return.
  public var runs: [ExecutionCount]
  /// Calls that the entry point makes, in the order of their first execution.
  public var calls: [CountedCall]

  /// The first inference.
  public var first: ExecutionCount { runs.first ?? ExecutionCount() }
  /// The most instructions of an inference.
  public var mostInstructions: Int { runs.map(\.instructions).max() ?? 0 }

  /// Reads what `count_plugin.c` wrote.
  ///
  /// - Throws: `board.counts.damaged`.
  init(report: String) throws(Diagnostic) {
    runs = []
    calls = []
    var isComplete = false
    for line in report.split(separator: "\n") {
      let words = line.split(separator: " ")
      switch words.first {
      case "run" where words.count == 5:
        runs.append(try Self.count(words[2...]))
      case "call" where words.count == 8:
        guard let site = Int(words[1], radix: 16), let times = Int(words[3]) else {
          throw Self.damaged(line)
        }
        calls.append(
          CountedCall(
            site: site, function: Self.plainName(words[7]), times: times,
            total: try Self.count(words[4...6])))
      case "end": isComplete = words.count == 2 && Int(words[1]) == runs.count
      case "uq-count", "function": break
      default: throw Self.damaged(line)
      }
    }
    guard isComplete else { throw Self.damaged("no 'end'") }
  }

  private static func count(_ words: ArraySlice<Substring>) throws(Diagnostic) -> ExecutionCount {
    let values = words.compactMap { Int($0) }
    guard values.count == 3 else { throw damaged(words.joined(separator: " ")) }
    return ExecutionCount(instructions: values[0], loads: values[1], stores: values[2])
  }

  private static func damaged(_ line: some StringProtocol) -> Diagnostic {
    Diagnostic(
      id: "board.counts.damaged", "the emulator's counts do not read: '\(line.prefix(100))'")
  }

  /// The name without what a compiler appends to clones: `f.constprop.0` is `f`.
  private static func plainName(_ name: Substring) -> String {
    String(name.prefix { $0 != "." })
  }

  /// Distributes the calls over an export's layers, in the manifest's order.
  ///
  /// The entry point calls the layers' kernels one after the other. A call of the next layer's kernel
  /// begins that layer; any other call, a memcpy or a second part, belongs to the layer at hand, or to the
  /// first one where none has begun. Where the manifest names no kernels, the calls of anything but memcpy,
  /// memset and the compiler's helpers are the layers. What the entry point itself executes belongs to no
  /// layer.
  ///
  /// - Throws: `bench.layers.mismatch` where a layer is left over, or a call without kernel names.
  public func perLayer(_ layers: [ExportLayer]) throws(Diagnostic) -> [ExecutionCount] {
    var result = [ExecutionCount](repeating: ExecutionCount(), count: layers.count)
    var next = 0
    for call in calls {
      let isNext: Bool
      if next < layers.count, let kernel = layers[next].kernel {
        isNext = call.function == kernel
      } else {
        isNext = !Self.isHelper(call.function) && !layers.contains { $0.kernel != nil }
        if isNext, next == layers.count {
          throw mismatch("\(call.function) is called after the last of \(layers.count) layers")
        }
      }
      if isNext { next += 1 }
      if !layers.isEmpty { result[max(0, next - 1)] += call.total }
    }
    guard next == layers.count else {
      throw mismatch(
        "layer \(next) '\(layers[next].name)' (\(layers[next].kernel ?? "any kernel")) is called "
          + "nowhere in order")
    }
    return result
  }

  private static func isHelper(_ function: String) -> Bool {
    function.hasPrefix("mem") || function.hasPrefix("__") || function == "?"
  }

  private func mismatch(_ text: String) -> Diagnostic {
    Diagnostic(
      id: "bench.layers.mismatch", "the export's calls are not its manifest's layers: \(text)")
  }
}
