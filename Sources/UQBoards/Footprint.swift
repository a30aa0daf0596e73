import Foundation
import UQSupport

/// Memory that an export takes: what the linker kept of its own files, without start-up code, C library
/// and the caller.
public struct Footprint: Hashable, Sendable {
  /// Instructions.
  public var codeBytes: Int
  /// Constant data: weights, biases, scales, tables, parameters.
  public var constantBytes: Int
  /// Initialised and zeroed variables; an export has none.
  public var variableBytes: Int
  /// The part of the variables whose initial values lie in flash.
  public var initializedBytes: Int
  /// The arena, which the caller provides.
  public var arenaBytes: Int

  /// Code, constants and initial values.
  public var flashBytes: Int { codeBytes + constantBytes + initializedBytes }
  /// Arena and variables; inputs, outputs and stack are the caller's.
  public var ramBytes: Int { arenaBytes + variableBytes }

  /// Compiles and links an export for a board and measures it.
  ///
  /// - Throws: `board.tool.missing`, `verify.compile.failed`, `verify.link.failed`.
  public static func measure(
    _ export: Export, on board: Board, optimization: String = "-O2"
  ) throws -> Footprint {
    if board.emulator == nil {
      return try HostBuild(export, flags: [optimization]).footprint
    }
    return try BoardBuild(export, board: board, optimization: optimization).footprint
  }

  /// Sums a GNU linker map's sections that come from some object files.
  ///
  /// The map has a line `section address size file` for each, broken after a long section name.
  ///
  /// - Throws: `verify.link.failed` where the map is missing.
  init(map path: String, objects: [String], arenaBytes: Int) throws(Diagnostic) {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Diagnostic(
        id: "verify.link.failed", "the linker wrote no map", at: SourcePlace(file: path))
    }
    self.init(
      mapText: String(decoding: data, as: UTF8.self), objects: objects, arenaBytes: arenaBytes)
  }

  init(mapText: String, objects: [String], arenaBytes: Int) {
    codeBytes = 0
    constantBytes = 0
    variableBytes = 0
    initializedBytes = 0
    self.arenaBytes = arenaBytes
    let wanted = Set(objects.map { Substring($0) })
    var isMap = false
    var pending: Substring?
    for line in mapText.split(whereSeparator: \.isNewline) {
      // Above this line stand the sections that were dropped.
      if line.hasPrefix("Linker script and memory map") { isMap = true }
      guard isMap else { continue }
      var words = line.split(separator: " ", maxSplits: 3)
      if let name = pending, words.first?.hasPrefix("0x") == true {
        words = [name] + line.split(separator: " ", maxSplits: 2)
      }
      pending = nil
      if words.count == 1, line.hasPrefix(" .") { pending = words[0] }
      guard words.count == 4, words[1].hasPrefix("0x"), words[2].hasPrefix("0x"),
        wanted.contains(words[3]), let size = Int(words[2].dropFirst(2), radix: 16)
      else { continue }
      add(size, section: words[0])
    }
  }

  private mutating func add(_ size: Int, section: Substring) {
    func isOneOf(_ names: String...) -> Bool {
      names.contains { section == $0 || section.hasPrefix($0 + ".") }
    }
    if isOneOf(".text") {
      codeBytes += size
    } else if isOneOf(
      ".data.rel.ro", ".rodata", ".srodata", ".sdata2", ".progmem", ".ARM.exidx", ".ARM.extab")
    {
      constantBytes += size
    } else if isOneOf(".data", ".sdata") {
      variableBytes += size
      initializedBytes += size
    } else if isOneOf(".bss", ".sbss") || section == "COMMON" {
      variableBytes += size
    }
  }
}
