/// A piece of an HTML page or of an SVG drawing in it; all text in it is escaped when it is printed.
indirect enum Markup: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
  /// Text.
  case text(String)
  /// An element with attributes and content.
  case element(String, [(name: String, value: String)], [Markup])
  /// Pieces one after the other.
  case group([Markup])
  /// Text of ours that is printed as it is: the style sheet, and JSON without `<`.
  case verbatim(String)

  /// Text.
  init(stringLiteral value: String) { self = .text(value) }

  /// Elements that have no content and no end tag.
  private static let void: Set<String> = ["meta", "img", "br", "hr"]

  /// The text of the document.
  var rendered: String {
    var result = ""
    render(&result)
    return result
  }

  private func render(_ result: inout String) {
    switch self {
    case .text(let text): result += Markup.escaped(text)
    case .verbatim(let text): result += text
    case .group(let pieces): for piece in pieces { piece.render(&result) }
    case .element(let name, let attributes, let content):
      result += "<" + name
      for attribute in attributes {
        result += " \(attribute.name)=\"\(Markup.escaped(attribute.value))\""
      }
      result += ">"
      guard !Markup.void.contains(name) else { return }
      for piece in content { piece.render(&result) }
      result += "</\(name)>"
    }
  }

  /// Text without what HTML would take for markup, and without characters that it does not allow.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
        result.unicodeScalars.append("\u{FFFD}")
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

/// An element.
func tag(
  _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ content: Markup...
) -> Markup {
  .element(name, attributes.map { (name: $0.key, value: $0.value) }, content)
}

/// An element around a list of pieces.
func tag(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], of content: [Markup])
  -> Markup
{
  .element(name, attributes.map { (name: $0.key, value: $0.value) }, content)
}

/// A name that others chose; its writing direction cannot spill over.
func foreign(_ text: String) -> Markup { tag("bdi", [:], .text(text)) }

/// A number as people read it, with the exact value of the JSON document.
func datum(_ value: Int, _ text: String? = nil) -> Markup {
  tag("data", ["value": "\(value)"], .text(text ?? thousands(value)))
}

/// A number as people read it, with the exact value of the JSON document.
func datum(_ value: Double, _ text: String) -> Markup {
  tag("data", ["value": "\(value)"], .text(text))
}

/// A table that scrolls by itself where it is too wide.
///
/// - Parameters:
///   - label: what the table is, for those who do not see it.
///   - header: column headers; the first column is of row headers.
func table(_ label: String, header: [Markup], rows: [[Markup]], style: String = "") -> Markup {
  let head = tag("tr", [:], of: header.map { tag("th", ["scope": "col"], $0) })
  let body = rows.map { row in
    tag(
      "tr", [:],
      of: row.enumerated().map { index, cell in
        index == 0 ? tag("th", ["scope": "row"], cell) : tag("td", [:], cell)
      })
  }
  return tag(
    "div", ["class": "scroll", "role": "region", "tabindex": "0", "aria-label": label],
    tag("table", ["class": style], tag("thead", [:], head), tag("tbody", [:], of: body)))
}
