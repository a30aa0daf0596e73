import Foundation
import Testing
import UQReport
import UQSupport

@Suite struct SchemaTests {
  private let validator: SchemaValidator

  init() throws {
    validator = try SchemaValidator(
      contentsOf: tree.appendingPathComponent("Schemas/report.schema.json"))
  }

  @Test(arguments: ["kws.onnx", hostile])
  func everyReportValidates(_ name: String) throws {
    #expect(validator.problems(try object(sampleReport(name: name, layer: name).json)) == [])
    let empty = ComparisonReport(model: name, samples: 0, metric: .agreement, variants: [])
    var made = empty
    made.modelDigest = String(repeating: "0", count: 64)
    made.dataDigest = made.modelDigest
    #expect(validator.problems(try object(made.json)) == [])
  }

  /// Each change makes a document that is not a report.
  private static let damages: [(String, @Sendable (inout [String: Any]) -> Void)] = [
    ("missing", { $0["variants"] = nil }),
    ("unknown member", { $0["surprise"] = 1 }),
    ("wrong type", { $0["samples"] = "450" }),
    ("fraction", { $0["samples"] = 4.5 }),
    ("bool for a number", { $0["samples"] = true }),
    ("below the minimum", { $0["samples"] = -1 }),
    ("other version", { $0["format"] = 2 }),
    ("pattern", { $0["model_sha256"] = "xyz" }),
    ("nested", { $0["recommendation"] = ["variant": 8, "reason": "", "rule": ""] }),
    ("element", { $0["classes"] = ["a", 1] }),
    (
      "enumeration",
      { $0["notes"] = [["severity": "bad", "id": "a.b", "message": "", "file": "x"]] }
    ),
  ]

  @Test(arguments: damages.indices) func damagedReportsDoNot(_ index: Int) throws {
    var document = try object(sampleReport().json)
    Self.damages[index].1(&document)
    #expect(!validator.problems(document).isEmpty, "\(Self.damages[index].0)")
  }
}
