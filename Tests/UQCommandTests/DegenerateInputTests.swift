import Foundation
import Testing
import UQBoards
import UQSupport

/// Data and networks that say little or nothing give a diagnostic or sound C, at every width.
@Suite struct DegenerateInputTests {
  static let widths = ["8", "4", "2", "1", "mixed"]

  /// Pictures of 8 × 8 for the digits network.
  enum Samples: String, CaseIterable, CustomTestStringConvertible {
    case oneNotANumber, oneInfinite, constant, zero, single, huge

    var testDescription: String { rawValue }

    var pictures: [[Float]] {
      var random = SeededGenerator(seed: 4)
      var result = (0..<8).map { _ in
        (0..<64).map { _ in Float.random(in: 0...16, using: &random).rounded() }
      }
      switch self {
      case .oneNotANumber: result[2][17] = .nan
      case .oneInfinite: result[5][40] = .infinity
      case .constant: result = result.map { _ in [Float](repeating: 5, count: 64) }
      case .zero: result = result.map { _ in [Float](repeating: 0, count: 64) }
      case .single: result = [result[0]]
      case .huge: result = result.map { $0.map { $0 * 1e30 } }
      }
      return result
    }
  }

  /// An export is sound where its manifest's numbers are, its C runs, and its self-test agrees.
  private func expectSound(_ folder: Folder, _ name: String) throws {
    let text = String(decoding: try #require(folder.data("\(name)/manifest.json")), as: UTF8.self)
    #expect(!text.lowercased().contains("nan") && !text.lowercased().contains("inf\""))
    let manifest = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    for port in ["inputs", "outputs"].flatMap({ manifest[$0] as? [[String: Any]] ?? [] }) {
      let scale = try #require(port["scale"] as? Double)
      #expect(scale.isFinite && scale > 0)
    }
    let built = try ProcessRunner.run(
      "/bin/sh", ["-c", "gcc -std=c99 -O1 *.c -o selftest && ./selftest"],
      in: folder.file(name), timeLimit: 120)
    #expect(built.succeeded, "\(built.errors.suffix(400))")
  }

  @Test(arguments: Samples.allCases)
  func samples(_ samples: Samples) throws {
    let folder = try Folder()
    try folder.writeSamples(samples.pictures, "data")
    let calibrated = try folder.uq("calibrate", "--data", "data")
    #expect(calibrated.succeeded, "\(calibrated.errors)")
    if samples == .oneNotANumber || samples == .oneInfinite {
      #expect(calibrated.errors.contains("[calibrate.lint.nonfinite]"))
    }
    for bits in Self.widths {
      let made = try folder.uq("export", "--bits", bits, "--output", bits, timeLimit: 240)
      #expect(made.succeeded, "\(bits): \(made.errors)")
      if made.succeeded { try expectSound(folder, bits) }
    }
  }

  /// The sample that is no number is left out of the rounding: what is exported is what the others give.
  @Test func oneBadSampleChangesNoWeights() throws {
    let folder = try Folder()
    let pictures = Samples.huge.pictures.map { $0.map { $0 / 1e30 } }
    try folder.writeSamples(pictures, "good")
    var spoiled = pictures
    spoiled.append([Float](repeating: .nan, count: 64))
    try folder.writeSamples(spoiled, "spoiled")
    for name in ["good", "spoiled"] {
      #expect(try folder.uq("calibrate", "--data", name, "--output", "\(name).uqcal").succeeded)
      #expect(
        try folder.uq(
          "export", "--bits", "4", "--name", "net", "--calibration", "\(name).uqcal", "--output",
          name + "-c"
        ).succeeded)
    }
    #expect(
      folder.data("good-c/uq_net_weights.c") == folder.data("spoiled-c/uq_net_weights.c"))
  }

  @Test func nothingButNotANumber() throws {
    let folder = try Folder()
    try folder.writeSamples(
      [[Float]](repeating: [Float](repeating: .nan, count: 64), count: 3), "d")
    #expect(failsWith("calibrate.samples.nonfinite", try folder.uq("calibrate", "--data", "d")))
    #expect(!folder.exists("calibration.uqcal"))
  }

  /// Every layer once all zero, every layer at once too.
  @Test(arguments: widths)
  func layersOfZeros(_ bits: String) throws {
    for all in [false, true] {
      let folder = try Folder()
      var model = try #require(folder.data("model.onnx"))
      let weights = OnnxBytes(model).initializers.filter { $0.name.hasSuffix("weight") }
      #expect(weights.count > 5)
      for initializer in all ? weights[...] : weights[1...2] {
        model.replaceSubrange(
          initializer.bytes, with: [UInt8](repeating: 0, count: initializer.bytes.count))
      }
      try model.write(to: URL(fileURLWithPath: folder.file("model.onnx")))
      let calibrated = try folder.uq(
        "calibrate", "--data", "\(Command.digits)/samples/calib", "--samples", "40")
      #expect(calibrated.succeeded, "\(calibrated.errors)")
      let made = try folder.uq("export", "--bits", bits, timeLimit: 240)
      if made.succeeded {
        try expectSound(folder, "export")
      } else {
        #expect(made.ending == .status(1) && made.errors.hasSuffix("]\n"), "\(made.errors)")
      }
    }
  }

  /// Without its samples a network is still exported, and the message says what is lost.
  @Test(arguments: ["8", "4", "2"])
  func samplesThatAreGone(_ bits: String) throws {
    let folder = try Folder()
    let data = "\(Command.digits)/samples/calib"
    #expect(try folder.uq("calibrate", "--data", data, "--keep", "0").succeeded)
    let made = try folder.uq("export", "--bits", bits)
    #expect(made.succeeded && made.errors.contains("[quantize.samples.missing]"))
    #expect(made.errors.contains("rounded to nearest") && made.errors.contains("--keep"))
    try expectSound(folder, "export")
    #expect(failsWith("mixed.samples.missing", try folder.uq("export", "--bits", "mixed")))
  }

  @Test(
    arguments: [
      (["--flash", "1"], ["allocate.budget.flash"]), (["--ram", "1"], ["export.budget.ram"]),
      (["--instructions", "1"], ["allocate.budget.instructions"]),
      (
        ["--flash", "1", "--ram", "1", "--instructions", "1"],
        ["export.budget.ram", "allocate.budget.flash", "allocate.budget.instructions"]
      ),
    ])
  func budgetsOfOne(_ flags: [String], _ ids: [String]) throws {
    let folder = try Folder(calibration: true)
    let made = try folder.uq(
      ["export", "--bits", "mixed", "--target", "cortex-m4", "--method", "minmax"] + flags)
    #expect(made.ending == .status(1) && made.errors.contains("raise --"))
    for id in ids { #expect(made.errors.contains("[\(id)]")) }
    #expect(!folder.exists("export"))
  }
}

extension Folder {
  /// Writes pictures of 8 × 8 as `inputs.npy` of a folder.
  func writeSamples(_ pictures: [[Float]], _ name: String) throws {
    try FileManager.default.createDirectory(
      atPath: file(name), withIntermediateDirectories: true)
    var header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (\(pictures.count), 1, 8, 8), }"
    while (header.utf8.count + 11) % 64 != 0 { header += " " }
    var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0])
    withUnsafeBytes(of: UInt16(header.utf8.count + 1).littleEndian) { data.append(contentsOf: $0) }
    data.append(Data("\(header)\n".utf8))
    for value in pictures.joined() {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
    try data.write(to: URL(fileURLWithPath: file("\(name)/inputs.npy")))
  }
}
