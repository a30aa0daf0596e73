import Foundation
import Testing

/// Recipes and targets of the tree are of the form that their schemas state.
@Suite struct DataFileSchemaTests {
  @Test(arguments: ["recipe", "target"])
  func everyFileValidates(_ kind: String) throws {
    let validator = try SchemaValidator(
      contentsOf: tree.appendingPathComponent("Schemas/\(kind).schema.json"))
    let folder = tree.appendingPathComponent("Calibration/\(kind)s")
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    #expect(files.count > 5)
    for file in files {
      var document = try #require(
        try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
      #expect(validator.problems(document) == [], "\(file.lastPathComponent)")
      document["surprise"] = 1
      #expect(validator.problems(document) == ["$: 'surprise' is not allowed"])
    }
  }

  @Test(arguments: ["4", "w4", "4g32", "w3g16", "w2g64a8", "w4g0", "a4", "w8a4"])
  func layersHaveFormats(_ text: String) throws {
    let validator = try SchemaValidator(
      contentsOf: tree.appendingPathComponent("Schemas/recipe.schema.json"))
    #expect(validator.problems(["name": "x", "bits": 4, "layers": ["a": text]]) == [])
  }

  @Test(
    arguments: [
      ("recipe", "bits", 5), ("recipe", "name", 1), ("recipe", "mixed", "all"),
      ("recipe", "groupSize", 20), ("recipe", "layers", ["a": "w8g32"]),
      ("recipe", "layers", ["a": 5]), ("target", "weight_groups", [20]),
      ("target", "weight_bits", [5]), ("target", "weight_bits", [Int]()),
      ("target", "roundings", ["up"]), ("target", "alignment", 3), ("target", "board", 1),
    ] as [(String, String, any Sendable)])
  func othersDoNot(_ kind: String, _ entry: String, _ value: any Sendable) throws {
    let validator = try SchemaValidator(
      contentsOf: tree.appendingPathComponent("Schemas/\(kind).schema.json"))
    var document: [String: Any] =
      kind == "recipe"
      ? ["name": "x", "bits": 4] : ["name": "x", "summary": "", "weight_bits": [8]]
    #expect(validator.problems(document) == [])
    document[entry] = value
    #expect(!validator.problems(document).isEmpty)
  }
}
