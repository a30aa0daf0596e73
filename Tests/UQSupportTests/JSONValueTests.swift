import Foundation
import Testing
import UQSupport

struct JSONValueTests {
  private let document: JSONValue = [
    "zebra": [1, 2, 3], "apple": ["nested": [["a": 0.1]], "none": nil, "empty": [], "hole": [:]],
    "text": "tab\t \"quote\" \\ \u{1} \u{2028} é", "scale": .number(1e-5), "yes": true,
    "infinite": .number(.infinity), "low": .integer(.min),
  ]

  @Test func membersKeepTheirOrder() {
    #expect(
      document.compact
        == #"{"zebra":[1,2,3],"apple":{"nested":[{"a":0.1}],"none":null,"empty":[],"hole":{}},"#
        + #""text":"tab\t \"quote\" \\ \u0001 \u2028 é","scale":1e-05,"yes":true,"infinite":null,"#
        + #""low":-9223372036854775808}"#)
    #expect(document["scale"] == .number(1e-5))
    #expect(document["missing"] == nil)
  }

  @Test func prettyTextIsStable() {
    let value: JSONValue = ["a": [1, 2.5], "b": [["c": "d"], []], "e": [:]]
    #expect(
      value.pretty == """
        {
          "a": [1, 2.5],
          "b": [
            {
              "c": "d"
            },
            []
          ],
          "e": {}
        }

        """)
  }

  @Test func foundationReadsWhatIsPrinted() throws {
    for text in [document.compact, document.pretty] {
      let read = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      #expect(read?["text"] as? String == "tab\t \"quote\" \\ \u{1} \u{2028} é")
      #expect(read?["scale"] as? Double == 1e-5)
      #expect(read?["zebra"] as? [Int] == [1, 2, 3])
    }
  }
}
