import Foundation

/// Checks documents against the part of JSON Schema (draft 2020-12) that Schemas/report.schema.json uses.
///
/// A keyword that is not known is a failure, so that the schema cannot say what is not checked.
struct SchemaValidator {
  private let root: [String: Any]
  private static let silent: Set<String> = ["$schema", "$defs", "title", "description"]

  init(contentsOf url: URL) throws {
    let any = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
    root = any as? [String: Any] ?? [:]
  }

  /// What is wrong with a document, each problem with its path.
  func problems(_ document: Any) -> [String] {
    var found: [String] = []
    check(document, root, "$", &found)
    return found
  }

  private func check(_ value: Any, _ schema: [String: Any], _ path: String, _ found: inout [String])
  {
    for (keyword, rule) in schema.sorted(by: { $0.key < $1.key }) {
      switch keyword {
      case _ where Self.silent.contains(keyword): continue
      case "$ref":
        let name = (rule as? String ?? "").split(separator: "/").last.map(String.init) ?? ""
        guard let target = (root["$defs"] as? [String: Any])?[name] as? [String: Any] else {
          found.append("\(path): no definition '\(name)'")
          continue
        }
        check(value, target, path, &found)
      case "type":
        let wanted = rule as? [String] ?? [rule as? String ?? ""]
        if !wanted.contains(where: { Self.isType(value, $0) }) {
          found.append("\(path): is no \(wanted.joined(separator: " or "))")
        }
      case "const", "enum":
        let allowed = keyword == "const" ? [rule] : rule as? [Any] ?? []
        if !allowed.contains(where: { ($0 as? NSObject)?.isEqual(value) ?? false }) {
          found.append("\(path): \(value) is none of \(allowed)")
        }
      case "minimum", "maximum":
        guard let number = Self.number(value), let bound = Self.number(rule) else { continue }
        if keyword == "minimum" ? number < bound : number > bound {
          found.append("\(path): \(number) is beyond the \(keyword) \(bound)")
        }
      case "pattern":
        guard let text = value as? String else { continue }
        if text.range(of: rule as? String ?? "", options: .regularExpression) == nil {
          found.append("\(path): '\(text.prefix(60))' does not match \(rule)")
        }
      default: checkNested(value, schema, keyword, rule, path, &found)
      }
    }
  }

  private func checkNested(
    _ value: Any, _ schema: [String: Any], _ keyword: String, _ rule: Any, _ path: String,
    _ found: inout [String]
  ) {
    let object = value as? [String: Any]
    let array = value as? [Any]
    switch keyword {
    case "required":
      for name in rule as? [String] ?? [] where object != nil && object?[name] == nil {
        found.append("\(path): '\(name)' is missing")
      }
    case "properties":
      for (name, inner) in rule as? [String: Any] ?? [:] {
        if let member = object?[name] {
          check(member, inner as? [String: Any] ?? [:], "\(path).\(name)", &found)
        }
      }
    case "additionalProperties":
      let known = schema["properties"] as? [String: Any] ?? [:]
      for (name, member) in object ?? [:] where known[name] == nil {
        if let inner = rule as? [String: Any] {
          check(member, inner, "\(path).\(name)", &found)
        } else {
          found.append("\(path): '\(name)' is not allowed")
        }
      }
    case "anyOf":
      let isMet = (rule as? [[String: Any]] ?? []).contains { schema in
        var problems: [String] = []
        check(value, schema, path, &problems)
        return problems.isEmpty
      }
      if !isMet { found.append("\(path): \(value) is none of what is allowed") }
    case "multipleOf":
      if let number = value as? Int, let unit = rule as? Int, number % unit != 0 {
        found.append("\(path): \(number) is no multiple of \(unit)")
      }
    case "items":
      for (index, element) in (array ?? []).enumerated() {
        check(element, rule as? [String: Any] ?? [:], "\(path)[\(index)]", &found)
      }
    case "minItems", "maxItems":
      guard let array, let bound = rule as? Int else { return }
      if keyword == "minItems" ? array.count < bound : array.count > bound {
        found.append("\(path): \(array.count) elements, \(keyword) is \(bound)")
      }
    default: found.append("\(path): the validator does not know '\(keyword)'")
    }
  }

  private static func number(_ value: Any) -> Double? {
    value is NSNull || value is String ? nil : (value as? NSNumber)?.doubleValue
  }

  private static func isType(_ value: Any, _ type: String) -> Bool {
    let number = value as? NSNumber
    let isBool = number.map { String(cString: $0.objCType) == "c" } ?? false
    switch type {
    case "null": return value is NSNull
    case "boolean": return isBool
    case "string": return value is String
    case "array": return value is [Any]
    case "object": return value is [String: Any]
    case "number": return number != nil && !isBool
    case "integer":
      guard let number, !isBool else { return false }
      return number.doubleValue == number.doubleValue.rounded()
    default: return false
    }
  }
}
