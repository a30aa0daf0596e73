import Foundation
import Testing
import UQBoards
import UQSupport
import UQToolkit

/// The program on the slide of the talk on TVM for bare metal: int8 convolution, shift by 9, cast.
@Suite struct SlideProgramTests {
  private static let program = """
    #[version = "0.0.5"]
    def @main(%data : Tensor[(1, 3, 64, 64), int8],
              %weight : Tensor[(8, 3, 5, 5), int8]) {
        %1 = nn.conv2d(
            %data,
            %weight,
            padding=[2, 2],
            channels=8,
            kernel_size=[5, 5],
            data_layout="NCHW",
            kernel_layout="OIHW",
            out_dtype="int32");
        %3 = right_shift(%1, 9);
        %4 = cast(%3, dtype="int8");
        %4
    }
    """

  private static let weights: [Int8] = {
    var random = SeededGenerator(seed: 20)
    return (0..<8 * 3 * 25).map { _ in Int8.random(in: -128...127, using: &random) }
  }()

  /// What TVM computes (its tests say: 32-bit sums, an arithmetic shift, a cast that wraps).
  private static func expected(_ image: [Int8]) -> [UInt8] {
    var result: [UInt8] = []
    for channel in 0..<8 {
      for y in 0..<64 {
        for x in 0..<64 {
          var sum: Int32 = 0
          for c in 0..<3 {
            for (ky, kx) in (0..<25).map({ ($0 / 5, $0 % 5) }) {
              let (row, column) = (y + ky - 2, x + kx - 2)
              guard (0..<64).contains(row), (0..<64).contains(column) else { continue }
              let weight = weights[((channel * 3 + c) * 5 + ky) * 5 + kx]
              sum += Int32(weight) * Int32(image[(c * 64 + row) * 64 + column])
            }
          }
          result.append(UInt8(truncatingIfNeeded: sum >> 9))
        }
      }
    }
    return result
  }

  private static func workspace(_ scratch: Scratch) throws -> Workspace {
    let path = scratch.file("slide.relay")
    try Data(program.utf8).write(to: URL(fileURLWithPath: path))
    let array = ParameterArray(
      "weight", code: 0, bits: 8, [8, 3, 5, 5], weights.map { UInt8(bitPattern: $0) })
    try Data(ParameterArray.file([array])).write(
      to: URL(fileURLWithPath: scratch.file("slide.params")))
    return try Workspace(model: path, folder: "/nonexistent")
  }

  /// As on the slide the weights are a parameter; without a stored value nothing can be exported.
  @Test func needsTheWeights() throws {
    let scratch = try Scratch()
    let path = scratch.file("slide.relay")
    try Data(Self.program.utf8).write(to: URL(fileURLWithPath: path))
    let found = problems {
      _ = try ExportTask(
        workspace: Workspace(model: path, folder: "/nonexistent"),
        calibrationPath: scratch.file("none.uqcal"), name: "slide", target: Target.named("generic"),
        options: CompileOptions(bits: 8, threads: 2), output: scratch.file("export")
      ).run()
    }
    #expect(found == ["integer.weights.variable"])
  }

  @Test func becomesVerifiedCWithoutMultipliers() throws {
    let scratch = try Scratch()
    let workspace = try Self.workspace(scratch)
    let compiled = try ExportTask(
      workspace: workspace, calibrationPath: scratch.file("none.uqcal"), name: "slide",
      target: Target.named("cortex-m4"), options: CompileOptions(bits: 8, threads: 2),
      output: scratch.file("export")
    ).run()

    var random = SeededGenerator(seed: 21)
    let images = (0..<4).map { _ in
      (0..<3 * 64 * 64).map { _ in Int8.random(in: -128...127, using: &random) }
    }
    let results = try QuantizedRunner(compiled).outputBytes(
      of: images.map { $0.map { UInt8(bitPattern: $0) } }, threads: 2)
    #expect(results == images.map(Self.expected))
    #expect(Set(results[0]).count > 200, "sums beyond 8 bits wrap")

    let files = try scratch.contents("export")
    for (name, data) in files where name.hasPrefix("uq_slide") {
      #expect(!String(decoding: data, as: UTF8.self).contains("multipliers"), "\(name)")
    }
    let data = try #require(files["manifest.json"])
    let object = try JSONSerialization.jsonObject(with: data)
    let manifest = try #require(object as? [String: Any])
    #expect(manifest["weight_bytes"] as? Int == 600)
    #expect(manifest["bias_bytes"] as? Int == 8 * 4)
    #expect(manifest["scale_bytes"] as? Int == 8, "one shift a channel")

    let board = BuildConfiguration.board(try Board.named("mps2-an386"), "-O2")
    let builds = BuildConfiguration.hostBuilds + (board.missingTools.isEmpty ? [board] : [])
    let verified = try VerifyTask(
      workspace: workspace, calibrationPath: scratch.file("none.uqcal"),
      exportFolder: scratch.file("export"), builds: builds, inputCount: 10, threads: 2,
      isQuiet: true
    ).run()
    #expect(verified.isIdentical)
    #expect(verified.builds.count == builds.count)
  }
}

/// An array of a parameter file, in the form of `relay.save_param_dict`.
struct ParameterArray {
  private let name: String
  private let bytes: [UInt8]

  /// - Parameter code: 0 for signed integers, 1 for unsigned ones, 2 for floats.
  init(_ name: String, code: UInt8, bits: UInt8, _ extents: [Int64], _ data: [UInt8]) {
    self.name = name
    bytes =
      little(0xDD5E_40F0_96B4_A13F as UInt64) + little(0 as UInt64) + little(1 as Int32)
      + little(0 as Int32) + little(Int32(extents.count)) + [code, bits, 1, 0]
      + extents.flatMap { little($0) } + little(Int64(data.count)) + data
  }

  /// The bytes of a file.
  static func file(_ arrays: [ParameterArray]) -> [UInt8] {
    let count = little(UInt64(arrays.count))
    let names = arrays.flatMap { little(UInt64($0.name.utf8.count)) + Array($0.name.utf8) }
    return little(0xF7E5_8D4F_0504_9CB7 as UInt64) + little(0 as UInt64) + count + names + count
      + arrays.flatMap(\.bytes)
  }
}

private func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian, Array.init)
}
