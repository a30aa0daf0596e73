import Foundation
import UQSupport

/// Splits comma-separated text into fields (RFC 4180; also `;` and tab, LF and CRLF).
struct CSVReader {
  private let bytes: UnsafeRawBufferPointer
  private var position: Int
  private let separator: UInt8
  /// Line of the row that was read last, from 1.
  private(set) var line = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    let first = bytes[position...].prefix { $0 != 10 && $0 != 13 }
    separator =
      [UInt8(ascii: ","), UInt8(ascii: ";"), 9].first { first.contains($0) } ?? UInt8(ascii: ",")
  }

  /// The fields of the next row that is not blank, without surrounding spaces; `nil` at the end.
  mutating func row() -> [String]? {
    while position < bytes.count {
      line += 1
      var fields: [String] = []
      var isBlank = true
      repeat {
        let field = field()
        if !field.isEmpty { isBlank = false }
        fields.append(field)
      } while take(separator)
      if take(13) { _ = take(10) } else { _ = take(10) }
      if !isBlank || fields.count > 1 { return fields }
    }
    return nil
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func field() -> String {
    while position < bytes.count, bytes[position] == 32, separator != 32 { position += 1 }
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
      let start = position
      skipPlain()
      var end = position
      while end > start, bytes[end - 1] == 32 || bytes[end - 1] == 9 { end -= 1 }
      return String(decoding: bytes[start..<end], as: UTF8.self)
    }
    position += 1
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: "\"") {
        guard take(UInt8(ascii: "\"")) else { break }
      }
      if byte == 10 { line += 1 }
      text.append(byte)
    }
    skipPlain()
    return String(decoding: text, as: UTF8.self)
  }

  private mutating func skipPlain() {
    while position < bytes.count {
      let byte = bytes[position]
      if byte == separator || byte == 10 || byte == 13 { return }
      position += 1
    }
  }
}

/// A series: rows of numbers under an optional header.
struct CSVTable: Sendable {
  /// Names of the columns, where the first row is no row of numbers.
  var header: [String]?
  var columnCount: Int
  var rowCount: Int
  /// `[rows, columns]`; the label's column, if any, is 0 where it is no number.
  var values: [Float]
  /// Text of the label's column, one for each row; empty without one.
  var labels: [String]

  /// Reads the whole file.
  ///
  /// - Throws: `samples.csv.empty`, `samples.csv.ragged`, `samples.csv.number`,
  ///   `samples.csv.column`.
  init(
    _ bytes: UnsafeRawBufferPointer, labelColumn: Preprocessing.Column?, place: SourcePlace
  ) throws(Diagnostic) {
    var reader = CSVReader(bytes)
    guard let first = reader.row() else {
      throw Diagnostic(id: "samples.csv.empty", "the series has no rows", at: place)
    }
    columnCount = first.count
    rowCount = 0
    values = []
    labels = []
    var pending: [String]? = first
    if Self.isHeader(first, labelColumn) {
      header = first
      pending = reader.row()
    }
    let label = try labelColumn.map { column throws(Diagnostic) in
      try Self.resolve(column, header, columnCount, place)
    }
    while let row = pending {
      var here = place
      here.line = reader.line
      guard row.count == columnCount else {
        throw Diagnostic(
          id: "samples.csv.ragged", "\(row.count) fields, the first row has \(columnCount)",
          at: here)
      }
      for (index, field) in row.enumerated() {
        if index == label { labels.append(field) }
        if let number = Self.number(field) {
          values.append(number)
        } else if index == label {
          values.append(0)
        } else {
          throw Diagnostic(
            id: "samples.csv.number",
            "field \(index + 1) is '\(field.prefix(40))', not a finite number", at: here)
        }
      }
      rowCount += 1
      pending = reader.row()
    }
    guard rowCount > 0 else {
      throw Diagnostic(id: "samples.csv.empty", "the series has a header but no rows", at: place)
    }
  }

  private static func isHeader(_ row: [String], _ label: Preprocessing.Column?) -> Bool {
    if case .name? = label { return true }
    if case .index(let index)? = label, row.count > 1 {
      return row.enumerated().contains { $0.offset != index && number($0.element) == nil }
    }
    return row.contains { number($0) == nil }
  }

  private static func number(_ field: String) -> Float? {
    guard let value = Float(field), value.isFinite else { return nil }
    return value
  }

  /// The number of a column.
  ///
  /// - Throws: `samples.csv.column`, listing the columns.
  func index(of column: Preprocessing.Column, place: SourcePlace) throws(Diagnostic) -> Int {
    try Self.resolve(column, header, columnCount, place)
  }

  private static func resolve(
    _ column: Preprocessing.Column, _ header: [String]?, _ count: Int, _ place: SourcePlace
  ) throws(Diagnostic) -> Int {
    switch column {
    case .index(let index) where index < count: return index
    case .index(let index):
      throw Diagnostic(
        id: "samples.csv.column", "column \(index) is asked for, there are 0...\(count - 1)",
        at: place)
    case .name(let name):
      if let index = header?.firstIndex(of: name) { return index }
      let found = header.map { "there are: " + $0.prefix(40).joined(separator: ", ") }
      throw Diagnostic(
        id: "samples.csv.column",
        "column '\(name)' is asked for, \(found ?? "the file has no header")", at: place)
    }
  }
}
