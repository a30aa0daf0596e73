import Foundation

/// Writes C99 declaration by declaration, in LLVM style with four spaces and 100 columns.
///
/// Text of the model enters only through expressions and comments, which cannot be left from inside.
struct CWriter {
  /// Columns of a line.
  static let width = 100

  private var bytes: [UInt8] = []
  private var depth = 0

  /// The file.
  var data: Data { Data(bytes) }

  /// The file as text.
  var text: String { String(decoding: bytes, as: UTF8.self) }

  // Lines.

  /// An empty line.
  mutating func blank() { bytes.append(UInt8(ascii: "\n")) }

  private mutating func line(_ text: String) {
    for _ in 0..<depth { bytes.append(contentsOf: "    ".utf8) }
    bytes.append(contentsOf: text.utf8)
    bytes.append(UInt8(ascii: "\n"))
  }

  private mutating func directive(_ text: String) {
    bytes.append(contentsOf: text.utf8)
    bytes.append(UInt8(ascii: "\n"))
  }

  // Comments.

  /// A comment of words that are wrapped; each element starts a new line, an empty one separates
  /// paragraphs.
  mutating func comment(_ paragraphs: String...) { comment(paragraphs) }

  /// A comment of words that are wrapped; each element starts a new line.
  mutating func comment(_ paragraphs: [String]) {
    let clean = paragraphs.map(Self.commentText)
    if clean.count == 1, clean[0].utf8.count + 6 + 4 * depth <= Self.width {
      return line("/* \(clean[0]) */")
    }
    line("/*")
    for paragraph in clean { wrapped(paragraph, indentation: "") }
    line(" */")
  }

  /// A comment whose lines are kept as they are: a table.
  mutating func table(_ title: String, _ rows: [String]) {
    line("/*")
    wrapped(Self.commentText(title), indentation: "")
    line(" *")
    for row in rows { line(" *   \(Self.commentText(row))") }
    line(" */")
  }

  private mutating func wrapped(_ text: String, indentation: String) {
    var current = " *"
    for word in text.split(separator: " ") {
      if current.utf8.count > 2, current.utf8.count + 1 + word.utf8.count + 4 * depth > Self.width {
        line(current)
        current = " *" + indentation
      }
      current += " \(word)"
    }
    line(current)
  }

  /// Printable ASCII that neither ends a comment nor starts one or a trigraph.
  static func commentText(_ text: String) -> String {
    var result: [UInt8] = []
    for scalar in text.unicodeScalars.prefix(2000) {
      let byte =
        scalar.isASCII && scalar.value >= 0x20 && scalar.value < 0x7F
        ? UInt8(scalar.value) : UInt8(ascii: "?")
      switch (result.last, byte) {
      case (UInt8(ascii: "*"), UInt8(ascii: "/")), (UInt8(ascii: "/"), UInt8(ascii: "*")):
        result.append(contentsOf: [UInt8(ascii: " "), byte])
      case (UInt8(ascii: "?"), UInt8(ascii: "?")): break
      default: result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  // Preprocessor.

  /// `#include "file"`.
  mutating func include(_ file: String) { directive("#include \"\(file)\"") }

  /// `#include <file>`.
  mutating func include(system file: String) { directive("#include <\(file)>") }

  /// `#define name value`.
  mutating func define(_ name: String, _ value: CExpression) {
    directive("#define \(name) \(value.text)")
  }

  /// `#define name text`, for attributes.
  mutating func define(_ name: String, tokens: String) { directive("#define \(name) \(tokens)") }

  /// A header that may be included more than once.
  mutating func guarded(_ name: String, _ body: (inout CWriter) -> Void) {
    directive("#ifndef \(name)")
    directive("#define \(name)")
    blank()
    body(&self)
    blank()
    directive("#endif")
  }

  /// Lines under a condition of the preprocessor.
  mutating func conditional(
    _ condition: String, _ body: (inout CWriter) -> Void,
    otherwise: ((inout CWriter) -> Void)? = nil
  ) {
    directive(condition)
    body(&self)
    if let otherwise {
      directive("#else")
      otherwise(&self)
    }
    directive("#endif")
  }

  /// Declarations with C linkage in C++ too.
  mutating func linkage(_ body: (inout CWriter) -> Void) {
    directive("#ifdef __cplusplus")
    directive("extern \"C\" {")
    directive("#endif")
    blank()
    body(&self)
    blank()
    directive("#ifdef __cplusplus")
    directive("}")
    directive("#endif")
  }

  // Declarations.

  /// `typedef struct { ... } name;`.
  mutating func structure(
    _ name: String, _ fields: [(type: String, name: String, comment: String)]
  ) {
    line("typedef struct {")
    depth += 1
    for field in fields {
      comment(field.comment)
      line("\(Self.declarator(field.type, field.name));")
    }
    depth -= 1
    line("} \(name);")
  }

  /// `enum { a = 0, ... };`.
  mutating func enumeration(_ members: [(name: String, value: Int)]) {
    line("enum {")
    depth += 1
    for (index, member) in members.enumerated() {
      line(
        "\(member.name) = \(CExpression.literal(member.value))\(index + 1 < members.count ? "," : "")"
      )
    }
    depth -= 1
    line("};")
  }

  /// `type name;` or `type name = value;`.
  mutating func variable(_ type: String, _ name: String, _ value: CExpression? = nil) {
    let start = Self.declarator(type, name)
    guard let value = value?.text else { return line("\(start);") }
    if 4 * depth + start.utf8.count + value.utf8.count + 4 <= Self.width {
      return line("\(start) = \(value);")
    }
    line("\(start) =")
    line("    \(value);")
  }

  /// `type name[extents];`.
  mutating func array(_ type: String, _ name: String, extents: [CExpression]) {
    line(Self.declarator(type, name) + extents.map { "[\($0.text)]" }.joined() + ";")
  }

  /// `type name[count] = {values};`.
  mutating func array<Values: Collection>(
    _ type: String, _ name: String, count: Int, _ values: Values
  ) where Values.Element == Int {
    line("\(Self.declarator(type, name))[\(count)] = {")
    numbers(values)
    line("};")
  }

  /// `type name[rows][count] = {{values}, ...};`.
  mutating func array(_ type: String, _ name: String, rows: [[Int]], count: Int) {
    line("\(Self.declarator(type, name))[\(rows.count)][\(count)] = {")
    depth += 1
    for row in rows {
      line("{")
      numbers(row)
      line("},")
    }
    depth -= 1
    line("};")
  }

  /// `type name = {.field = value, ...};`; dotted names are fields of nested structures.
  mutating func structure(
    _ type: String, _ name: String, fields: [(name: String, values: [Int], isArray: Bool)]
  ) {
    line("\(Self.declarator(type, name)) = {")
    depth += 1
    initializers(fields)
    depth -= 1
    line("};")
  }

  private mutating func initializers(
    _ fields: [(name: String, values: [Int], isArray: Bool)]
  ) {
    var rest = fields[...]
    while let field = rest.popFirst() {
      if let dot = field.name.firstIndex(of: ".") {
        let outer = String(field.name[..<dot])
        var inner = [field]
        while let next = rest.first, next.name.hasPrefix(outer + ".") {
          inner.append(next)
          rest.removeFirst()
        }
        line(".\(outer) = {")
        depth += 1
        initializers(
          inner.map { (String($0.name.dropFirst(outer.count + 1)), $0.values, $0.isArray) })
        depth -= 1
        line("},")
      } else {
        let values = field.values.map(CExpression.literal).joined(separator: ", ")
        line(".\(field.name) = \(field.isArray ? "{\(values)}" : values),")
      }
    }
  }

  private mutating func numbers(_ values: some Collection<Int>) {
    let indentation = [UInt8](repeating: UInt8(ascii: " "), count: 4 * (depth + 1))
    var column = 0
    for value in values {
      let text = CExpression.literal(value)
      let length = text.utf8.count
      if column == 0 || column + length + 2 > Self.width {
        if column > 0 { blank() }
        bytes.append(contentsOf: indentation)
        column = indentation.count
      } else {
        bytes.append(UInt8(ascii: " "))
        column += 1
      }
      bytes.append(contentsOf: text.utf8)
      bytes.append(UInt8(ascii: ","))
      column += length + 1
    }
    if column > 0 { blank() }
  }

  /// A function's declaration.
  mutating func prototype(_ type: String, _ name: String, _ parameters: [String]) {
    list(Self.declarator(type, name) + "(", parameters, end: ");")
  }

  /// A function's definition.
  mutating func function(
    _ type: String, _ name: String, _ parameters: [String], _ body: (inout CWriter) -> Void
  ) {
    list(Self.declarator(type, name) + "(", parameters.isEmpty ? ["void"] : parameters, end: ")")
    line("{")
    depth += 1
    body(&self)
    depth -= 1
    line("}")
  }

  // Statements.

  /// `function(arguments);`.
  mutating func call(_ function: String, _ arguments: [CExpression]) {
    list("\(function)(", arguments.map(\.text), end: ");")
  }

  /// `target = value;`.
  mutating func assign(_ target: CExpression, _ value: CExpression) {
    line("\(target.text) = \(value.text);")
  }

  /// `target++;`.
  mutating func increment(_ target: String) { line("\(target)++;") }

  /// `return value;`.
  mutating func returning(_ value: CExpression) { line("return \(value.text);") }

  /// `if (a || b ...)` and one statement.
  mutating func when(any conditions: [CExpression], _ body: (inout CWriter) -> Void) {
    list("if (", conditions.map(\.text), separator: " ||", end: ")")
    depth += 1
    body(&self)
    depth -= 1
  }

  /// `if (condition) { ... }`.
  mutating func when(_ condition: CExpression, block body: (inout CWriter) -> Void) {
    line("if (\(condition.text)) {")
    depth += 1
    body(&self)
    depth -= 1
    line("}")
  }

  /// `while (condition)` and one statement.
  mutating func whileLoop(_ condition: CExpression, _ body: (inout CWriter) -> Void) {
    line("while (\(condition.text))")
    depth += 1
    body(&self)
    depth -= 1
  }

  /// `for (type name = 0; name < count; name++) { ... }`.
  mutating func loop(
    _ type: String, _ name: String, below count: CExpression, _ body: (inout CWriter) -> Void
  ) {
    line("for (\(type) \(name) = 0; \(name) < \(count.text); \(name)++) {")
    depth += 1
    body(&self)
    depth -= 1
    line("}")
  }

  /// `int8_t *name` without a space after the star, `int name` with one before the name.
  static func declarator(_ type: String, _ name: String) -> String {
    type.hasSuffix("*") ? type + name : "\(type) \(name)"
  }

  /// A list in parentheses: on one line where it fits, else filled lines below the parenthesis.
  private mutating func list(
    _ start: String, _ parts: [String], separator: String = ",", end: String
  ) {
    let hanging = 4 * depth + start.utf8.count
    let longest = parts.map(\.utf8.count).max() ?? 0
    let fitsBelow = hanging + longest + 3 <= Self.width
    let continuation = String(repeating: " ", count: fitsBelow ? start.utf8.count : 4)
    var current = start
    var isFresh = true
    for (index, part) in parts.enumerated() {
      let piece = part + (index + 1 < parts.count ? separator : end)
      if !isFresh, 4 * depth + current.utf8.count + 1 + piece.utf8.count > Self.width {
        line(current)
        current = continuation + piece
      } else {
        current += (isFresh ? "" : " ") + piece
      }
      isFresh = false
    }
    if parts.isEmpty { current += end }
    line(current)
  }
}
