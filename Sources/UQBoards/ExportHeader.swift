import Foundation
import UQSupport

/// What a model's header declares, as interface version 1 writes it.
struct ExportHeader {
  var arenaBytes: Int
  var arenaAlignment: Int
  var inputs: [ExportPort]
  var outputs: [ExportPort]

  /// Reads the macros and the two argument structures of `uq_NAME.h`.
  ///
  /// - Throws: `verify.export.damaged`.
  init(_ text: String, name: String, path: String) throws(Diagnostic) {
    let macro = "UQ_\(name.uppercased())_"
    let code = Self.withoutComments(text)
    var values: [Substring: Substring] = [:]
    for line in code.split(whereSeparator: \.isNewline) where line.hasPrefix("#define ") {
      let parts = line.split(separator: " ", maxSplits: 2)
      if parts.count == 3, parts[1].hasPrefix(macro) {
        values[parts[1].dropFirst(macro.count)] = parts[2]
      }
    }

    func damaged(_ message: String) -> Diagnostic {
      Diagnostic(
        id: "verify.export.damaged", "\(message): export again", at: SourcePlace(file: path))
    }
    func value(_ key: String, in range: ClosedRange<Int>) throws(Diagnostic) -> Int {
      guard let text = values[Substring(key)] else {
        throw damaged("\(macro)\(key) is not defined")
      }
      guard let value = Self.integer(text), range.contains(value) else {
        throw damaged(
          "\(macro)\(key) is '\(text)', not from \(range.lowerBound) to \(range.upperBound)")
      }
      return value
    }
    func ports(_ kind: String) throws(Diagnostic) -> [ExportPort] {
      let structure = "uq_\(name)_\(kind.lowercased())s"
      let fields = try Self.fields(of: structure, in: code).orThrow {
        damaged("'\(structure)' is no structure of pointers to integers")
      }
      let count = try value("\(kind)_COUNT", in: 1...Export.mostEntries)
      guard count == fields.count else {
        throw damaged("\(macro)\(kind)_COUNT is \(count), '\(structure)' has \(fields.count) fields")
      }
      var result: [ExportPort] = []
      var total = 0
      for (index, field) in fields.enumerated() {
        let elements = try value("\(kind)_\(index)_ELEMENTS", in: 1...Export.mostMemory)
        let port = ExportPort(name: field.name, cType: field.type, elements: elements)
        total += port.byteCount
        guard total <= Export.mostMemory else {
          throw damaged("\(kind.lowercased())s of more than \(Export.mostMemory) bytes")
        }
        result.append(port)
      }
      return result
    }

    let abi = try value("ABI", in: 0...Int.max)
    guard abi == 1 else {
      throw Diagnostic(
        id: "verify.export.version",
        "the export's interface is version \(abi), this program knows version 1",
        at: SourcePlace(file: path))
    }
    arenaBytes = try value("ARENA_BYTES", in: 0...Export.mostMemory)
    arenaAlignment = try value("ARENA_ALIGN", in: 1...4096)
    guard arenaAlignment & (arenaAlignment - 1) == 0 else {
      throw damaged("\(macro)ARENA_ALIGN is \(arenaAlignment), no power of two")
    }
    inputs = try ports("INPUT")
    outputs = try ports("OUTPUT")
  }

  /// The text with every comment replaced by a space.
  private static func withoutComments(_ text: String) -> String {
    var result: [UInt8] = []
    let bytes = Array(text.utf8)
    let (slash, star, end) = (UInt8(ascii: "/"), UInt8(ascii: "*"), UInt8(ascii: "\n"))
    var index = 0
    while index < bytes.count {
      let next = index + 1 < bytes.count ? bytes[index + 1] : 0
      if bytes[index] == slash, next == star {
        index += 2
        while index < bytes.count,
          !(bytes[index] == slash && bytes[index - 1] == star)
        {
          index += 1
        }
        result.append(UInt8(ascii: " "))
        index += 1
      } else if bytes[index] == slash, next == slash {
        while index < bytes.count, bytes[index] != end { index += 1 }
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// A literal such as `490`, `16000u` or `0x10UL`, perhaps in parentheses.
  private static func integer(_ text: Substring) -> Int? {
    var digits = text.drop { $0 == " " || $0 == "(" }
    while let last = digits.last, " )uUlL\r\t".contains(last) { digits.removeLast() }
    if digits.hasPrefix("0x") || digits.hasPrefix("0X") { return Int(digits.dropFirst(2), radix: 16) }
    return Int(digits)
  }

  /// Types and names of the fields of `typedef struct { [const] TYPE *NAME; ... } structure;`.
  private static func fields(of structure: String, in code: String) -> [(type: String, name: String)]?
  {
    guard let end = code.range(of: "} \(structure);")?.lowerBound,
      let start = code[..<end].lastIndex(of: "{")
    else { return nil }
    var result: [(type: String, name: String)] = []
    let statements = code[code.index(after: start)..<end].split(separator: ";")
    for statement in statements {
      let words = statement.split { $0.isWhitespace || $0 == "*" }.filter { $0 != "const" }
      if words.isEmpty { continue }
      guard words.count == 2, statement.filter({ $0 == "*" }).count == 1,
        ExportPort.bytes[String(words[0])] != nil
      else { return nil }
      result.append((String(words[0]), String(words[1])))
    }
    return result
  }
}

extension Optional {
  /// The value, or an error.
  fileprivate func orThrow<E: Error>(_ error: () -> E) throws(E) -> Wrapped {
    guard let self else { throw error() }
    return self
  }
}
