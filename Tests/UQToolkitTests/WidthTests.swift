import Foundation
import Testing
import UQBoards
import UQKernels
import UQNumerics
import UQQuantizer
import UQSupport

@testable import UQToolkit

@Suite struct LayerRuleTests {
  private let names = ["conv1", "conv2", "block/conv3", "dense"]

  @Test(
    arguments: [
      (["conv1:8"], ["conv1": 8]), (["conv?:4"], ["conv1": 4, "conv2": 4]),
      (["*conv*:2", "conv2:8"], ["conv1": 2, "conv2": 8, "block/conv3": 2]),
      (["@first:8", "@last:4"], ["conv1": 8, "dense": 4]), (["*:3"], nil),
    ] as [([String], [String: Int]?)])
  func rulesNameLayers(_ flags: [String], _ expected: [String: Int]?) throws {
    let found = try LayerRule.resolve(flags.map { try LayerRule(flag: $0) }, names: names)
      .mapValues(\.bits)
    #expect(found == expected ?? Dictionary(uniqueKeysWithValues: names.map { ($0, 3) }))
  }

  /// What a rule says of groups counts more than what the network has.
  @Test func rulesNameGroups() throws {
    let rules = try ["conv?:4g16", "conv2:2", "dense:w3g0a8"].map { try LayerRule(flag: $0) }
    let found = try LayerRule.resolve(rules, names: names, groupSize: 32)
    #expect(
      found == [
        "conv1": .init(bits: 4, groupSize: 16), "conv2": .init(bits: 2, groupSize: 32), "dense": 3,
      ])
    #expect(rules.map(\.widthText) == ["4g16", "2", "w3g0a8"] && rules[2].activationBits == 8)
  }

  /// A name may have a colon, and the signs of a pattern.
  @Test func namesAreTakenAsTheyAre() throws {
    let rule = try LayerRule(flag: "a:0*:4")
    #expect(try LayerRule.resolve([rule], names: ["a:0*", "a:01"]) == ["a:0*": 4])
  }

  @Test func unknownNamesListCloseOnes() throws {
    do {
      _ = try LayerRule.resolve([LayerRule("cnv2", bits: 4)], names: names)
      Issue.record("accepted")
    } catch {
      #expect(error.all.map(\.id) == ["layer.name.unknown"])
      #expect(error.all[0].message.contains("close are conv2, conv1"))
    }
    #expect(
      try LayerRule.resolve([LayerRule("x*", bits: 4, isOptional: true)], names: names).isEmpty)
    #expect(
      problems {
        _ = try LayerRule.resolve([LayerRule("x", bits: 4, isOptional: true)], names: names)
      } == ["layer.name.unknown"])
  }

  @Test(
    arguments: [
      ("x:8", 8, nil, "8"), ("x:w4", 4, nil, "4"), ("x:a4", nil, 4, "a4"), ("x:w2a8", 2, 8, "w2a8"),
    ] as [(String, Int?, Int?, String)])
  func rulesGiveWeightsAndOutputsTheirBits(
    _ flag: String, _ weights: Int?, _ output: Int?, _ text: String
  ) throws {
    let rule = try LayerRule(flag: flag)
    #expect(rule.bits == weights && rule.activationBits == output && rule.widthText == text)
  }

  @Test(
    arguments: [
      "", "conv1", ":8", "conv1:", "conv1:5", "conv1:eight", "conv1:a3", "conv1:a16", "conv1:w",
      "conv1:w4a", "conv1:4a4", "conv1:a", "conv1:w4b4", "conv1:+4", "conv1:4g", "conv1:8g32",
      "conv1:4g20", "conv1:g32", "conv1:4g32a8", "conv1:4g16g0",
    ])
  func rulesThatAreNone(_ flag: String) {
    #expect(problems { _ = try LayerRule(flag: flag) } == ["layer.rule.malformed"])
  }

  /// What would be exponential by trying, takes no time.
  @Test func patternsOfManyStarsAreQuick() {
    let pattern = Array(String(repeating: "*a", count: 200) + "b")
    #expect(!LayerRule.match(pattern, Array(repeating: "a", count: 2000)))
  }
}

@Suite struct WidthRequestTests {
  @Test(
    arguments: [
      ("8", .uniform(8)), ("1", .uniform(1)), ("mixed", .mixed(MixedBudget())),
      ("mixed:40K", .mixed(MixedBudget(weightBytes: 40960))),
      ("mixed:1", .mixed(MixedBudget(weightBytes: 1))), ("5", nil), ("mixed:", nil),
      ("mixed:-1", nil), ("mixed:9999999999999999K", nil), ("Mixed", nil),
    ] as [(String, WidthRequest?)])
  func textsAreRequests(_ text: String, _ expected: WidthRequest?) {
    #expect(WidthRequest(text) == expected)
  }
}

@Suite struct RecipeTests {
  private let calibration = URL(fileURLWithPath: #filePath)
    .appendingPathComponent("../../../Calibration").standardizedFileURL.path

  @Test func everyFileIsEmbeddedUnderItsName() throws {
    for (folder, names) in [
      ("recipes", Recipe.all.map(\.name)), ("targets", Target.all.map(\.name)),
    ] {
      let files = try FileManager.default.contentsOfDirectory(atPath: "\(calibration)/\(folder)")
      #expect(files.map { String($0.dropLast(5)) }.sorted() == names.sorted())
    }
  }

  @Test func entriesAreRead() throws {
    let recipe = try Recipe(
      text: """
        {"name": "x", "mixed": {"flash": "64K", "averageBits": 2.5}, "groupSize": 32,
         "layers": {"conv*": 8, "dense": "w4g16"},
         "method": "mse", "rounding": "double", "activationBits": 16}
        """, path: "x.json")
    #expect(recipe.width == .mixed(MixedBudget(averageBits: 2.5, flash: 65536)))
    #expect(recipe.groupSize == 32 && recipe.layers.map(\.groupSize) == [nil, 16])
    #expect(recipe.layers.map(\.pattern) == ["conv*", "dense"])
    #expect(recipe.layers.map(\.bits) == [8, 4])
    #expect(recipe.method == .mse && recipe.rounding == .double && recipe.activationBits == 16)
  }

  @Test(
    arguments: [
      ("", "recipe.file.malformed", nil), ("bits: 8", "recipe.file.malformed", nil),
      ("{\"bits\": 8", "recipe.file.malformed", nil), ("{\"bits\": 5}", "recipe.entry.invalid", 1),
      ("{\"bits\": 8,\n \"bit\": 4}", "recipe.entry.unknown", 2),
      ("{\"bits\": 8,\n\n \"layers\": {\"a\": 9}}", "recipe.entry.invalid", 3),
      ("{\"mixed\": {\"bytes\": 9}}", "recipe.entry.unknown", 1),
      ("{\"mixed\": {\"flash\": -9}}", "recipe.entry.invalid", 1),
      ("{\"mixed\": {\"averageBits\": 0}}", "recipe.entry.invalid", 1),
      ("{\"bits\": 4, \"mixed\": {}}", "recipe.entry.invalid", 1),
      ("{\"name\": \"x\"}", "recipe.entry.invalid", 1),
      ("{\"bits\": 8, \"method\": \"best\"}", "recipe.entry.invalid", 1),
      ("{\"bits\": 8, \"activationBits\": 5}", "recipe.entry.invalid", 1),
      ("{\"bits\": 4, \"groupSize\": 20}", "recipe.entry.invalid", 1),
      ("{\"bits\": 4, \"groupSize\": \"all\"}", "recipe.entry.invalid", 1),
      ("{\"bits\": 4,\n \"layers\": {\"a\": \"w8g32\"}}", "recipe.entry.invalid", 2),
    ] as [(String, String, Int?)])
  func problemsAreLocated(_ text: String, _ id: String, _ line: Int?) {
    do {
      _ = try Recipe(text: text, path: "r.json")
      Issue.record("accepted")
    } catch {
      let found = diagnostics(of: error)
      #expect(found.map(\.id) == [id])
      #expect(found[0].place.file == "r.json")
      if let line { #expect(found[0].place.line == line) }
    }
  }

  @Test func deepTextsAreRefused() {
    let deep = "{\"bits\": " + String(repeating: "[", count: 100_000)
    #expect(problems { _ = try Recipe(text: deep, path: "r") } == ["recipe.file.malformed"])
  }
}

@Suite struct TargetTests {
  @Test func closedWidthsAreRefused() throws {
    let scratch = try Scratch()
    let path = scratch.file("chip.json")
    let text = #"{"name": "chip", "summary": "a chip", "weight_bits": [8, 4]}"#
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    let target = try Target.named(path)
    try target.check([8, 4])
    #expect(problems { try target.check([8, 2]) } == ["target.bits.closed"])
    let grouped = WeightFormat(bits: 4, groupSize: 32)
    #expect(problems { try target.check([grouped]) } == ["target.groups.closed"])
  }

  /// Activations, roundings and alignment are data, too.
  @Test func descriptionsOpenAndCloseOptions() throws {
    let target = try Target(
      text: #"""
        {"name": "chip", "summary": "", "weight_bits": [8, 4], "activation_bits": [8],
         "weight_groups": [32], "roundings": ["shift"], "alignment": 1, "board": "riscv32"}
        """#, path: "t")
    try target.check([8, WeightFormat(bits: 4, groupSize: 32)])
    #expect(problems { try target.check(groupSize: 16) } == ["target.groups.closed"])
    #expect(target.board?.core == "RV32IMC")
    #expect(target.defaultRounding == .shift && target.alignment == 1)
    try target.check(activationBits: 8, .shift)
    #expect(problems { try target.check(activationBits: 16, .shift) } == ["target.bits.closed"])
    #expect(
      problems { try target.check(activationBits: 8, .single) } == ["target.rounding.closed"])
    let plain = try Target(
      text: #"{"name": "chip", "summary": "", "weight_bits": [8]}"#, path: "t")
    #expect(plain.defaultRounding == .single && plain.alignment == 4 && plain.board == nil)
    for rounding in [Rounding.single, .double, .shift] {
      try plain.check(activationBits: 16, rounding)
    }
  }

  @Test(
    arguments: [
      "{}", "[", #"{"name": "x", "summary": "", "weight_bits": []}"#,
      #"{"name": "x", "summary": "", "weight_bits": [8], "activation_bits": [4]}"#,
      #"{"name": "x", "summary": "", "weight_bits": [8], "roundings": ["up"]}"#,
      #"{"name": "x", "summary": "", "weight_bits": [8], "alignment": 3}"#,
      #"{"name": "x", "summary": "", "weight_bits": [8], "board": "absent"}"#,
      #"{"name": "x", "summary": "", "weight_bits": [5]}"#,
      #"{"name": "x", "summary": "", "weight_bits": [8], "weight_groups": [20]}"#,
      #"{"name": "x", "summary": "", "weight_bits": [8], "instructions": {"board": "b", "kernels": {"k": {"mac": -1, "output": 0}}}}"#,
    ])
  func descriptionsThatAreNone(_ text: String) {
    #expect(problems { _ = try Target(text: text, path: "t") } == ["target.file.malformed"])
  }

  /// Functions may call each other.
  @Test func codeIsCountedOnce() {
    let code = TargetCode(
      compiler: "",
      functions: [
        "a": TargetCode.Function(bytes: 1, calls: ["b", "c"]),
        "b": TargetCode.Function(bytes: 2, calls: ["a"]),
        "c": TargetCode.Function(bytes: 4, calls: ["gone"]),
      ], base: 0, call: 0, argument: 0)
    #expect(code.closure(of: "a") == ["a", "b", "c"])
    #expect(code.closure(of: "gone").isEmpty)
  }
}
